"""The door of the four-eyes mechanism: who may ask for a grave act, who may second it, and what waits."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from governance.access.acting import allows, require
from governance.approvals import asking
from governance.approvals.acts import ACTS
from governance.approvals.asking import ApprovalRefused, NoSuchApproval
from governance.approvals.models import Approval
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope


@dataclass(frozen=True, slots=True)
class Shown:
    """An approval as people see it."""

    id: UUID
    act: str
    meaning: str
    subject_id: UUID
    details: Mapping[str, Any]
    reason: str
    state: str
    asker: str
    seconder: str
    asked_at: datetime
    expires_at: datetime


def ask(
    *,
    principal: Principal,
    act: str,
    subject: UUID,
    now: datetime,
    details: Mapping[str, Any] | None = None,
    reason: str,
) -> UUID:
    """Ask for a grave act, with a fresh second factor; return the approval's id.

    Raises AccessDenied (recorded), ApprovalRefused.
    """
    if act not in ACTS:
        raise ApprovalRefused(f"There is no such act; there are: {', '.join(ACTS)}.")
    require(principal=principal, action=ACTS[act].action, now=now, second_factor=True)
    return asking.ask(principal=principal, act=act, subject=subject, details=details or {}, reason=reason, now=now)


def second(*, principal: Principal, approval_id: UUID, agree: bool, now: datetime) -> None:
    """Agree to or refuse what somebody else asked, with a fresh second factor.

    Needs the action of the act, or `second`. Raises AccessDenied (recorded), ApprovalRefused, NoSuchApproval.
    """
    action = ACTS[_find(principal, approval_id).act].action
    require(principal=principal, action=action, instead="second", now=now, second_factor=True)
    asking.decide(principal=principal, approval_id=approval_id, agree=agree, now=now)


def withdraw(*, principal: Principal, approval_id: UUID, now: datetime) -> None:
    """Take back what the principal asked. Raises ApprovalRefused, NoSuchApproval."""
    asking.withdraw(principal=principal, approval_id=approval_id, now=now)


def approvals_for(
    *, principal: Principal, now: datetime, waiting: bool = False, before: UUID | None = None, limit: int = 100
) -> list[Shown]:
    """Return the newest approvals that the principal asked for or may second; `waiting`: only those still to decide.

    `before` is the last id seen.
    """
    seconds_all = allows(principal=principal, action="second", now=now)
    acts = [code for code, act in ACTS.items() if seconds_all or allows(principal=principal, action=act.action, now=now)]
    with tenant_scope(principal.tenant_id):
        rows = Approval.objects.select_related("asker", "seconder").order_by("-id")
        rows = rows.filter(state=Approval.State.ASKED, expires_at__gt=now) if waiting else rows
        rows = rows if before is None else rows.filter(id__lt=before)
        return [_shown(row, now) for row in rows.filter(Q(act__in=acts) | Q(asker_id=principal.user_id))[:limit]]


def approval(*, principal: Principal, approval_id: UUID, now: datetime) -> Shown:
    """Return one approval. Raises NoSuchApproval, AccessDenied (recorded)."""
    found = _find(principal, approval_id)
    if found.asker_id != principal.user_id:
        require(principal=principal, action=ACTS[found.act].action, instead="second", now=now)
    return _shown(found, now)


def concerns(*, principal: Principal, acts: Collection[str], subject: UUID, now: datetime) -> bool:
    """Return whether somebody else's request for one of `acts` on `subject` waits, or the principal decided about one.

    It says nothing of the right to decide: whoever asks this looks at that as well.
    """
    waits = Q(state=Approval.State.ASKED, expires_at__gt=now) & ~Q(asker_id=principal.user_id)
    with tenant_scope(principal.tenant_id):
        rows = Approval.objects.filter(act__in=acts, subject_id=subject)
        return rows.filter(waits | Q(seconder_id=principal.user_id)).exists()


def _find(principal: Principal, approval_id: UUID) -> Approval:
    with tenant_scope(principal.tenant_id):
        found = Approval.objects.select_related("asker", "seconder").filter(id=approval_id).first()
    if found is None:
        raise NoSuchApproval("This tenant has no such approval.")
    return found


def _shown(row: Approval, now: datetime) -> Shown:
    open_states = {Approval.State.ASKED, Approval.State.SECONDED}
    state = Approval.State.EXPIRED if row.state in open_states and row.expires_at <= now else row.state
    return Shown(
        id=row.id,
        act=row.act,
        meaning=ACTS[row.act].meaning,
        subject_id=row.subject_id,
        details=row.details,
        reason=row.reason,
        state=str(state),
        asker=row.asker.username,
        seconder=row.seconder.username if row.seconder else "",
        asked_at=row.asked_at,
        expires_at=row.expires_at,
    )
