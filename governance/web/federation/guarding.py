"""What holds between a request and its page because people come by a provider. What it guarantees:

- under THREADVAULT_SSO_ONLY a page of accounts is closed unless it stands in the list below, so that a page which a
  later version of the library brings is closed; a session that did not begin at the provider ends at its next request;
- somebody who has neither a password nor a second factor sets none without having just come from the provider: the
  library takes such a person for authenticated anew, and whoever holds a stolen session would give himself a factor.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import urlencode

from governance.conf.settings import vault_settings
from governance.identity.models import User
from governance.web.explanations import told
from governance.web.federation.emergency import is_running
from governance.web.federation.errors import FederationRefused

ACCOUNTS: Final = "/accounts/"
OPEN_BY_PROVIDER: Final = frozenset({
    "account_login", "account_logout", "account_inactive", "account_reauthenticate", "oidc_begin", "oidc_callback",
    "oidc_again", "break_glass", "usersessions_list", "mfa_index", "mfa_authenticate", "mfa_reauthenticate",
    "mfa_activate_totp", "mfa_deactivate_totp", "mfa_view_recovery_codes", "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes", "mfa_list_webauthn", "mfa_add_webauthn", "mfa_remove_webauthn", "mfa_edit_webauthn",
    "mfa_reauthenticate_webauthn",
})  # fmt: skip
GET_ONLY: Final = frozenset({"account_login"})
# Pages that set a credential: the library asks for a password or a factor before them, where there is one.
SETTING: Final = frozenset({
    "mfa_activate_totp", "mfa_add_webauthn", "mfa_generate_recovery_codes", "mfa_view_recovery_codes",
    "mfa_download_recovery_codes", "account_set_password",
})  # fmt: skip


class Closed(FederationRefused):
    """People sign in by the provider alone; this way is closed."""

    code = "federation.closed"


class FederationMiddleware:
    """Keeps those rules for every request that has a session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer one request."""
        if vault_settings().sso_only and request.user.is_authenticated and not _came_by_provider(request):
            logout(request)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        """Answer instead of a page that is closed, or that needs a sign-in of just now."""
        name = request.resolver_match.url_name if request.resolver_match else None
        if not request.path_info.startswith(ACCOUNTS):
            return None
        if vault_settings().sso_only and (name not in OPEN_BY_PROVIDER or (name in GET_ONLY and request.method != "GET")):
            return _closed(request)
        if name in SETTING and not may_set_credentials(request):
            return redirect(f"/accounts/again/?{urlencode({'next': request.path})}")
        return None


def _came_by_provider(request: HttpRequest) -> bool:
    records = _records(request)
    return any(record.get("method") == "socialaccount" for record in records) or is_running(records)


def may_set_credentials(request: HttpRequest) -> bool:
    """Return False for somebody whom nothing but the session stands for, unless the provider sent them just now."""
    user = request.user
    if not isinstance(user, User) or get_reauthentication_flows(user):
        return True  # Nobody, or somebody whom the library asks by itself.
    times = [record["at"] for record in _records(request) if record.get("method") in {"socialaccount", "break_glass"}]
    return bool(times) and time.time() - max(times) < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def _records(request: HttpRequest) -> list[dict[str, Any]]:
    return list(get_authentication_records(request, request.user)) if request.user.is_authenticated else []


def _closed(request: HttpRequest) -> HttpResponse:
    error = Closed("People sign in by the provider here; every other way is closed.")
    return render(
        request, "account/federation_refused.html", {"text": told(error.code, str(error)), "code": error.code}, status=403
    )


def ways_in(request: HttpRequest) -> dict[str, bool]:
    """A context processor: by which ways people sign in here."""
    given = vault_settings()
    return {"provider_is_set": bool(given.oidc_issuer), "provider_alone": given.sso_only}
