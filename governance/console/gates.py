"""What every page begins with: a signed-in member of a tenant; and what becomes of a domain error."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from governance.access.acting import allowed_of, require
from governance.access.credentials import TokenRefused, UnknownToken
from governance.access.errors import AccessDenied, ChangedSince, PolicyInvalid, PolicyRefused, UnknownPolicy
from governance.access.membership import UnknownMember
from governance.access.models import Purpose
from governance.approvals.asking import ApprovalRefused, NoSuchApproval
from governance.audit.errors import RecordRefused, SignerMissing, UnknownVerification, VerdictUnsigned
from governance.identity.members import MemberRefused
from governance.identity.models import Tenant, User
from governance.identity.principals import NotAMember, Principal, tenants_of
from governance.identity.roles import Role
from governance.identity.scoping import tenant_scope
from governance.keys.errors import KeysError
from governance.pipeline.managing import NotNow, UnknownJob
from governance.privacy.errors import PrivacyError
from governance.vault.errors import VaultError
from governance.vault.listing import may_list
from governance.vault.models import Collection
from governance.web.explanations import told
from governance.web.sessions import principal_of, tenant_of
from governance.web.statuses import status_of

Page = Callable[..., HttpResponseBase]
SHOWN: Final = (
    "manage_keys", "manage_policies", "manage_jobs", "manage_members", "manage_tokens", "manage_requests", "read_audit",
    "explain", "release_statistics", "second",
)  # fmt: skip
REFUSALS: Final = (
    AccessDenied, NotAMember, VaultError, KeysError, RecordRefused, ApprovalRefused, NoSuchApproval, UnknownJob, NotNow,
    PrivacyError, PolicyInvalid, PolicyRefused, UnknownPolicy, ChangedSince, MemberRefused, UnknownMember, TokenRefused,
    UnknownToken, SignerMissing, UnknownVerification, VerdictUnsigned,
)  # fmt: skip
PURPOSE_KEY: Final = "threadvault_purpose"
DEFAULT_PURPOSE: Final = "support"
_NOT_CHOSEN: Final = ("classification", "break_glass")
_EXPLAINED_ALREADY: Final = {"identity.not_a_member", "second_factor.needed"}
_CONTENT_PAGES: Final = {
    "conversation": "read_redacted", "reveal": "read_source", "copy": "copy_revealed", "findings": "read_redacted",
}  # fmt: skip
_TITLES: Final = {
    403: _("Not open to you"), 404: _("Not found"), 500: _("Something is wrong"), 503: _("Not possible now")
}  # fmt: skip


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
                asked = action or next(iter(any_of), "")
                return error_page(request, error.code, str(error), about=kwargs.get("conversation_id"), action=asked)

        inner.threadvault_page = (action,) if action else any_of  # type: ignore[attr-defined]
        return inner

    return wrap


def _require(request: HttpRequest, principal: Principal, actions: tuple[str, ...]) -> None:
    """Return where one of `actions` is open, or none is asked for. Raises AccessDenied (recorded)."""
    if actions and not open_actions(request) & set(actions):
        require(principal=principal, action=actions[0], now=current_time())


def error_page(
    request: HttpRequest, code: str, text: str, *, about: UUID | None = None, action: str = ""
) -> HttpResponse:  # fmt: skip
    """Show a domain error with its status; a refusal leads to what stands in the way (`about` a conversation, or an act)."""
    status = status_of(code)
    context: dict[str, Any] = {
        "title": _TITLES.get(status, _("Not done")), "code": code, "text": told(code, text), "status": status
    }  # fmt: skip
    if status == HTTPStatus.FORBIDDEN and code not in _EXPLAINED_ALREADY:
        context |= {"about": about, "refused": _refused(request, action), "asked_purpose": _asked_purpose(request)}
    return render(request, "console/error.html", context, status=status)


def _refused(request: HttpRequest, action: str) -> str:
    """Return the action that was refused: the page's own, or what was asked of a conversation."""
    match = request.resolver_match
    return action or _CONTENT_PAGES.get((match.url_name if match else None) or "", "")


def _asked_purpose(request: HttpRequest) -> str:
    return str(request.POST.get("purpose", "") or purpose_of(request))[:64]


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
    opened = allowed_of(principal=principal, actions=SHOWN, now=now)
    return opened | {"list"} if may_list(principal=principal, purpose=purpose_of(request), now=now) else opened


def member_context(request: HttpRequest) -> dict[str, Any]:
    """A context processor: the tenant, the others that the person may switch to, and the person's roles."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return {}
    try:
        principal, tenant = principal_of(request), tenant_of(request)
    except NotAMember:
        return {}
    roles = ", ".join(str(Role(role).label) for role in sorted(principal.roles))
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
