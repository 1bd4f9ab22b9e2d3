"""The console's site: the skin's admin site without its model pages; every right goes through policies."""

from typing import Any

from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_POST
from unfold.sites import UnfoldAdminSite

from governance.console import auditing, conversations, gates, overviews, revealing
from governance.identity.principals import NotAMember
from governance.web.sessions import tenant_of


class ConsoleSite(UnfoldAdminSite):
    """Being staff or superuser opens nothing here: a role in a tenant does."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the person is a member of some tenant."""
        if not request.user.is_active:
            return False
        try:
            tenant_of(request)
        except NotAMember:
            return False
        return True

    def login(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Sign-in is allauth's."""
        return redirect("account_login")


site = ConsoleSite(name="console")
site.disable_action("delete_selected")


def skin(request: HttpRequest) -> dict[str, Any]:
    """A context processor: what the skin's layout needs on every page."""
    user = getattr(request, "user", None)  # The API sets it to None where nobody is known.
    return site.each_context(request) if user is not None and user.is_authenticated else {}


app_name = "console"
urlpatterns = [
    path("", overviews.index, name="index"),
    path("conversations", conversations.conversation_list, name="conversations"),
    path("conversations/purpose", conversations.choose_purpose, name="purpose"),
    path("conversations/<uuid:conversation_id>", conversations.transcript, name="conversation"),
    path("conversations/<uuid:conversation_id>/reveal", revealing.reveal, name="reveal"),
    path("keys", overviews.keys, name="keys"),
    path("policies", overviews.policies, name="policies"),
    path("audit", auditing.trail, name="audit"),
    path("audit/verify", auditing.verify, name="verify"),
    path("tenant", require_POST(gates.page()(gates.switch_tenant)), name="tenant"),
]


def _to(name: str) -> Any:
    """Return a view that leads to allauth's page of that name."""
    return lambda request: redirect(name)


# The skin's own links use the names of Django's admin.
admin_names = [
    path("", overviews.index, name="index"),
    path("sign-out", _to("account_logout"), name="logout"),
    path("password", _to("account_change_password"), name="password_change"),
    path("search", _to("console:index"), name="search"),
]
