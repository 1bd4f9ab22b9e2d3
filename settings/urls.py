"""Every URL of the application."""

from django.urls import URLPattern, URLResolver, include, path

from governance.api.health import healthz, livez
from governance.console import site
from governance.web import languages

handler404 = "governance.api.missing.not_found"
handler500 = "governance.api.missing.fault"
urlpatterns: list[URLPattern | URLResolver] = [
    path("livez", livez, name="livez"),
    path("healthz", healthz, name="healthz"),
    path("api/v1/", include("governance.api.urls")),
    path("language", languages.choose, name="language"),
    path("accounts/", include("governance.web.account_urls")),
    path("", include((site.urlpatterns, "console"))),
    path("console/", include((site.admin_names, "admin"))),
]
