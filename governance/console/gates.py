"""What every page begins with: a signed-in member of a tenant; and what becomes of a domain error."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from governance.access.acting import allows, require
from governance.access.errors import AccessDenied
from governance.access.models import Purpose
from governance.approvals.asking import ApprovalRefused, NoSuchApproval
from governance.audit.errors import RecordRefused
from governance.identity.models import Tenant, User
from governance.identity.principals import NotAMember, Principal, tenants_of
from governance.identity.scoping import tenant_scope
from governance.keys.errors import KeysError
from governance.pipeline.managing import NotNow, UnknownJob
from governance.privacy.errors import PrivacyError
from governance.vault.errors import VaultError
from governance.vault.listing import may_list
from governance.vault.models import Collection
from governance.web.sessions import principal_of, tenant_of
from governance.web.statuses import status_of

Page = Callable[..., HttpResponseBase]
SHOWN: Final = ("manage_keys", "manage_policies", "manage_jobs", "read_audit", "release_statistics")
REFUSALS: Final = (
    AccessDenied, NotAMember, VaultError, KeysError, RecordRefused, ApprovalRefused, NoSuchApproval, UnknownJob, NotNow,
    PrivacyError,
)  # fmt: skip
PURPOSE_KEY: Final = "threadvault_purpose"
DEFAULT_PURPOSE: Final = "support"
_NOT_CHOSEN: Final = ("classification", "break_glass")
_TITLES: Final = {403: "Not open to you", 404: "Not found", 500: "Something is wrong", 503: "Not possible now"}


def current_time() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def page(*, action: str = "", any_of: tuple[str, ...] = ()) -> Callable[[Page], Page]:
    """Wrap a page: sign-in, membership, the right to `action` or to one of `any_of`, and domain errors as pages."""

    def wrap(view: Page) -> Page:
        @wraps(view)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect(f"{reverse('account_login')}?{urlencode({'next': request.path})}")
            try:
                principal = principal_of(request)
                _require(request, principal, (action,) if action else any_of)
                return view(request, principal, *args, **kwargs)
            except REFUSALS as error:
                return error_page(request, error.code, str(error))

        inner.threadvault_page = (action,) if action else any_of  # type: ignore[attr-defined]
        return inner

    return wrap


def _require(request: HttpRequest, principal: Principal, actions: tuple[str, ...]) -> None:
    """Return where one of `actions` is open, or none is asked for. Raises AccessDenied (recorded)."""
    if actions and not open_actions(request) & set(actions):
        require(principal=principal, action=actions[0], now=current_time())


def error_page(request: HttpRequest, code: str, text: str) -> HttpResponse:
    """Show a domain error with its status."""
    status = status_of(code)
    context = {"title": _TITLES.get(status, "Not done"), "code": code, "text": text, "status": status}
    return render(request, "console/error.html", context, status=status)


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
    opened = {action for action in SHOWN if allows(principal=principal, action=action, now=now)}
    return frozenset(opened | {"list"} if may_list(principal=principal, purpose=purpose_of(request), now=now) else opened)


def member_context(request: HttpRequest) -> dict[str, Any]:
    """A context processor: the tenant, the others that the person may switch to, and the person's roles."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return {}
    try:
        principal, tenant = principal_of(request), tenant_of(request)
    except NotAMember:
        return {}
    roles = ", ".join(sorted(principal.roles)).replace("_", " ")
    return {
        "vault_tenant": tenant,
        "vault_tenants": tenants_to_choose(request),
        "vault_roles": roles,
        "may_read_record": "read_audit" in open_actions(request),
    }


def tenants_to_choose(request: HttpRequest) -> list[Tenant]:
    """Return the tenants of which the signed-in person is a member."""
    return tenants_of(request.user) if isinstance(request.user, User) else []


def purpose_of(request: HttpRequest) -> str:
    """Return the purpose for which this session reads."""
    return str(request.session.get(PURPOSE_KEY, DEFAULT_PURPOSE))


def set_purpose(request: HttpRequest, principal: Principal, purpose: str) -> None:
    """Keep a purpose of the tenant in the session; another word changes nothing."""
    if any(one.code == purpose for one in choices_of(principal)["purposes"]):
        request.session[PURPOSE_KEY] = purpose


def choices_of(principal: Principal) -> dict[str, Any]:
    """Return the purposes and collections that the filters offer."""
    with tenant_scope(principal.tenant_id):
        return {
            "purposes": list(Purpose.objects.exclude(code__in=_NOT_CHOSEN)),
            "collections": list(Collection.objects.values_list("name", flat=True)),
        }
