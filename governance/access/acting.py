"""The gate of acts on a tenant as a whole: Cedar decides, and a refusal is on the record."""

from collections.abc import Collection, Iterable
from datetime import datetime

from governance.access.authorising import check_scope, is_fresh, record_refusal
from governance.access.deciding import Asked, decide, ruling_of
from governance.access.errors import AccessDenied
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope


def allows(*, principal: Principal, action: str, now: datetime) -> bool:
    """Return whether policies let the principal do `action`, for showing what is open to somebody."""
    return bool(allowed_of(principal=principal, actions=[action], now=now))


def allowed_of(*, principal: Principal, actions: Iterable[str], now: datetime) -> frozenset[str]:
    """Return those of `actions` that policies let the principal do; one look at the policies for all of them."""
    fresh = is_fresh(principal, now)
    asked = {action: Asked.by(principal, action=action, second_factor=fresh) for action in actions}
    with tenant_scope(principal.tenant_id):
        ruling = ruling_of(principal.tenant_id)
    return frozenset(name for name, one in asked.items() if decide(ruling=ruling, asked=one, cell=None, now=now).allowed)


def require(
    *, principal: Principal, action: str, now: datetime, second_factor: bool = False, instead: str | tuple[str, ...] = ()
) -> None:  # fmt: skip
    """Return where the principal may do `action` (or one of `instead`) now; raise AccessDenied (recorded) otherwise.

    `second_factor` demands a fresh one of a person whatever the policies say; a service account has none to show.
    """
    others = (instead,) if isinstance(instead, str) else instead
    try:
        _check(principal, (action, *others), now, second_factor and principal.kind == "person")
    except AccessDenied as refusal:
        record_refusal(principal=principal, refusal=refusal, action=action)
        raise


def in_scope(principal: Principal, actions: Iterable[str]) -> list[str]:
    """Return those of `actions` that the principal's token was made for; all of them without a token that is narrowed."""
    return [name for name in actions if not principal.scopes or name in principal.scopes]


def _check(principal: Principal, wanted: Collection[str], now: datetime, second_factor: bool) -> None:
    scoped = in_scope(principal, wanted)
    if not scoped:
        check_scope(principal, next(iter(wanted)))
    if not any(allows(principal=principal, action=name, now=now) for name in scoped):
        raise AccessDenied("policy.denied", "No policy allows this, or one forbids it.")
    if second_factor and not is_fresh(principal, now):
        raise AccessDenied("second_factor.needed", "Show your second factor first; it counts for a few minutes.")
