"""API tokens as their holders and officers manage them. What it guarantees:

- a token is never wider than the one that made it: some of its scopes, some of its purposes, no second factor;
- making one takes a fresh second factor of a person, so that a stolen token does not make itself a longer life;
- everybody sees, makes and ends his own; those of others take `manage_tokens`, which makes none in the name of a person.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from governance.access.acting import require
from governance.access.authorising import is_fresh, record_refusal
from governance.access.errors import AccessDenied
from governance.access.membership import UnknownMember
from governance.access.purposes import purposes_of
from governance.access.schema import CONTENT_ACTIONS, TENANT_ACTIONS
from governance.identity.models import ApiToken, Membership, Tenant, User
from governance.identity.principals import Principal
from governance.identity.tokens import LONGEST_LIFE, Minted, mint, revoke


class TokenRefused(Exception):
    """A token cannot be made like this."""

    code = "identity.token_refused"


class UnknownToken(Exception):
    """There is no such token, or none that the principal may see."""

    code = "identity.token_unknown"


def check_limits(*, tenant: UUID, scopes: Iterable[str], purposes: Iterable[str], life: timedelta) -> None:
    """Return where a token may be limited like this; raise TokenRefused for what the tenant does not know."""
    if unknown := sorted(set(scopes) - {*CONTENT_ACTIONS, *TENANT_ACTIONS}):
        raise TokenRefused(f"There is no scope {unknown[0]!r}; there are: {', '.join((*CONTENT_ACTIONS, *TENANT_ACTIONS))}.")
    known = {purpose.code for purpose in purposes_of(tenant)}
    if foreign := sorted(set(purposes) - known):
        raise TokenRefused(f"This tenant does not know the purpose {foreign[0]!r}; it has: {', '.join(sorted(known))}.")
    if not timedelta(minutes=1) <= life <= LONGEST_LIFE:
        raise TokenRefused(f"A token lives from a minute to {LONGEST_LIFE.days} days.")


def make_token(
    *,
    principal: Principal,
    user_id: UUID | None,
    name: str,
    life: timedelta,
    scopes: frozenset[str],
    purposes: frozenset[str],
    now: datetime,
) -> Minted:
    """Make a token for a member, by default for the principal himself. Empty scopes or purposes mean those he has.

    Raises AccessDenied (recorded), TokenRefused, UnknownMember.
    """
    target = principal.user_id if user_id is None else user_id
    _require(principal, target, now)
    check_limits(tenant=principal.tenant_id, scopes=scopes, purposes=purposes, life=life)
    for wanted, held in ((scopes, principal.scopes), (purposes, principal.purposes)):
        if held and not (wanted or held) <= held:
            raise TokenRefused("A token is never wider than the one that makes it; leave out what that lacks.")
    user = User.objects.filter(id=target, memberships__tenant_id=principal.tenant_id, memberships__ended_at=None).first()
    if user is None:
        raise UnknownMember("This tenant has no such member.")
    if target != principal.user_id and user.kind != User.Kind.SERVICE:
        raise TokenRefused("A person makes his own tokens: whoever has one acts in his name.")
    return mint(
        tenant=Tenant.objects.get(id=principal.tenant_id),
        user=user,
        name=name,
        now=now,
        life=life,
        scopes=scopes or principal.scopes,
        purposes=purposes or principal.purposes,
        actor=principal.as_actor(),
    )


def tokens(
    *, principal: Principal, everybody: bool, now: datetime, before: UUID | None = None, limit: int | None = None
) -> list[ApiToken]:
    """Return the principal's tokens, or everybody's under `manage_tokens`, newest first; `before` is the last id seen.

    Raises AccessDenied (recorded).
    """
    rows = ApiToken.objects.filter(tenant_id=principal.tenant_id).select_related("user").order_by("-id")
    rows = rows if before is None else rows.filter(id__lt=before)
    if everybody:
        require(principal=principal, action="manage_tokens", now=now)
        return list(rows[:limit])
    return list(rows.filter(user_id=principal.user_id)[:limit])


def token_of(*, principal: Principal, token_id: UUID, now: datetime) -> ApiToken:
    """Return one token, without its secret, which nobody keeps. Raises UnknownToken, AccessDenied (recorded) for others'."""
    token = ApiToken.objects.select_related("user").filter(id=token_id, tenant_id=principal.tenant_id).first()
    if token is None:
        raise UnknownToken("There is no such token.")
    if token.user_id != principal.user_id:
        require(principal=principal, action="manage_tokens", now=now)
    return token


def end_token(*, principal: Principal, token_id: UUID, now: datetime) -> None:
    """Revoke a token at once. Raises UnknownToken, AccessDenied (recorded) for somebody else's."""
    token = ApiToken.objects.filter(id=token_id, tenant_id=principal.tenant_id).first()
    if token is None:
        raise UnknownToken("There is no such token.")
    if token.user_id != principal.user_id:
        require(principal=principal, action="manage_tokens", now=now, second_factor=True)
    revoke(token=token, now=now, actor=principal.as_actor())


def _require(principal: Principal, target: UUID, now: datetime) -> None:
    if target != principal.user_id:
        require(principal=principal, action="manage_tokens", now=now, second_factor=True)
        return
    member = Membership.objects.filter(user_id=target, tenant_id=principal.tenant_id, ended_at=None)
    fault = None
    if principal.kind == User.Kind.SERVICE or not member.exists():
        fault = AccessDenied("token.service", "A service account makes no tokens; an officer makes them for it.")
    elif not is_fresh(principal, now):
        fault = AccessDenied("second_factor.needed", "Show your second factor first; it counts for a few minutes.")
    if fault is not None:
        record_refusal(principal=principal, refusal=fault, action="manage_tokens")
        raise fault
