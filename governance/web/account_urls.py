"""The pages of accounts: allauth's, without those that tie third-party accounts by hand, and our own."""

from django.urls import include, path

from governance.web.federation import emergency, pages

urlpatterns = [
    path("", include("allauth.account.urls")),
    path("2fa/", include("allauth.mfa.urls")),
    path("sessions/", include("allauth.usersessions.urls")),
    path("oidc/login/", pages.begin, name="oidc_begin"),
    path("oidc/login/callback/", pages.callback, name="oidc_callback"),
    path("again/", pages.again, name="oidc_again"),
    path("break-glass/<str:ticket>", emergency.enter, name="break_glass"),
]
