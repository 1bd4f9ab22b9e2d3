"""The gate of acts on a tenant as a whole: Cedar decides, and a refusal is on the record."""

from datetime import datetime

from governance.access.errors import AccessDenied
from governance.access.granting import is_fresh, record_refusal
from governance.access.policies import decide_tenant
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope


def allows(*, principal: Principal, action: str, now: datetime) -> bool:
    """Return whether policies let the principal do `action`, for showing what is open to somebody."""
    with tenant_scope(principal.tenant_id):
        return decide_tenant(principal=principal, action=action, second_factor=is_fresh(principal, now), now=now).allowed


def require(*, principal: Principal, action: str, now: datetime, second_factor: bool = False) -> None:
    """Return where the principal may do `action` now; raise AccessDenied (recorded) otherwise.

    `second_factor` demands a fresh one whatever the policies say.
    """
    refusal = None
    if principal.scopes and action not in principal.scopes:
        refusal = AccessDenied("token.scope", f"This token lacks the scope {action}; mint one that has it.")
    elif not allows(principal=principal, action=action, now=now):
        refusal = AccessDenied("policy.denied", "No policy allows this, or one forbids it.")
    elif second_factor and not is_fresh(principal, now):
        refusal = AccessDenied("second_factor.needed", "Show your second factor first; it counts for a few minutes.")
    if refusal is not None:
        record_refusal(principal=principal, refusal=refusal, action=action)
        raise refusal
