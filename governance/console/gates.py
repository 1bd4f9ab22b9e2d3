"""What every page begins with: a signed-in member of a tenant; and what becomes of a domain error."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from governance.access.acting import allows, require
from governance.access.errors import AccessDenied
from governance.audit.errors import RecordRefused
from governance.identity.principals import NotAMember, Principal, tenants_of
from governance.keys.errors import KeysError
from governance.vault.errors import VaultError
from governance.web.sessions import TENANT_KEY, principal_of, tenant_of
from governance.web.statuses import status_of

Page = Callable[..., HttpResponseBase]
SHOWN = ("manage_keys", "manage_policies", "read_audit")


def current_time() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def page(*, action: str = "") -> Callable[[Page], Page]:
    """Wrap a page: sign-in, membership, the right to `action` where one is named, and domain errors as pages."""

    def wrap(view: Page) -> Page:
        @wraps(view)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect(f"{reverse('account_login')}?next={request.path}")
            try:
                principal = principal_of(request)
                if action:
                    require(principal=principal, action=action, now=current_time())
                return view(request, principal, *args, **kwargs)
            except (AccessDenied, NotAMember, VaultError, KeysError, RecordRefused) as error:
                return error_page(request, error.code, str(error))

        return inner

    return wrap


def error_page(request: HttpRequest, code: str, text: str) -> HttpResponse:
    """Show a domain error with its status."""
    status = status_of(code)
    title = "Not open to you" if status == HTTPStatus.FORBIDDEN else "Sorry"
    return render(request, "console/error.html", {"title": title, "code": code, "text": text}, status=status)


def open_actions(request: HttpRequest) -> frozenset[str]:
    """Return which acts are open to the person of this request, decided once a request."""
    known: frozenset[str] | None = getattr(request, "threadvault_actions", None)
    if known is None:
        known = _decide(request)
        request.threadvault_actions = known  # type: ignore[attr-defined]
    return known


def _decide(request: HttpRequest) -> frozenset[str]:
    try:
        principal = principal_of(request)
    except NotAMember:
        return frozenset()
    now = current_time()
    return frozenset(action for action in SHOWN if allows(principal=principal, action=action, now=now))


def member_context(request: HttpRequest) -> dict[str, Any]:
    """A context processor: the tenant, and the others that the person may switch to."""
    try:
        tenant = tenant_of(request)
    except NotAMember:
        return {}
    return {"vault_tenant": tenant, "vault_tenants": tenants_of(request.user)}  # type: ignore[arg-type]


def switch_tenant(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Choose another of the person's tenants."""
    wanted = request.POST.get("tenant", "")
    if any(str(tenant.id) == wanted for tenant in tenants_of(request.user)):  # type: ignore[arg-type]
        request.session[TENANT_KEY] = wanted
    return redirect("console:index")
