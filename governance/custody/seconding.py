"""Seconding an approval as a whole act: the right to second, then the decision."""

from datetime import datetime
from uuid import UUID

from governance.access.acting import require
from governance.approvals.asking import decide
from governance.identity.principals import Principal


def second(*, principal: Principal, approval_id: UUID, agree: bool, now: datetime) -> None:
    """Agree to or refuse what somebody else asked. Raises AccessDenied (recorded), ApprovalRefused."""
    require(principal=principal, action="second", now=now)
    decide(principal=principal, approval_id=approval_id, agree=agree, now=now)
