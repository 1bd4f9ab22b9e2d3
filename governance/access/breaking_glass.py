"""Break-glass as an act: asked with reason and ticket, seconded, opened, ended early or by time, reviewed by another."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from governance.access import seconding
from governance.access.acting import allows, require
from governance.access.cells import Resource
from governance.access.emergencies import ACT, details_of, open_until
from governance.access.errors import AccessDenied, EmergencyRefused, UnknownBreakGlass
from governance.access.models import BreakGlass
from governance.access.purposes import BREAK_GLASS
from governance.approvals.asking import LONGEST_REASON, use
from governance.approvals.telling import ask_to_tell, tell_now
from governance.audit.recording import record_with_effect
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope


@dataclass(frozen=True, slots=True)
class Shown:
    """A break-glass as people see it; `user` is the account name of whoever it was opened for."""

    id: UUID
    user: str
    ticket: str
    reason: str
    conversations: tuple[UUID, ...]
    began_at: datetime
    ends_at: datetime
    justified: bool | None


def ask(
    *,
    principal: Principal,
    resources: Mapping[UUID, Resource],
    ticket: str,
    minutes: int,
    reason: str,
    now: datetime,
) -> UUID:
    """Ask to open the conversations of `resources` for `minutes`; return the approval's id.

    Raises EmergencyRefused, AccessDenied (recorded), ApprovalRefused.
    """
    if any(BREAK_GLASS not in resource.purposes for resource in resources.values()):
        raise AccessDenied("purpose.collection", "A collection among them does not allow break-glass.")
    details = details_of(conversations=resources, ticket=ticket, minutes=minutes)
    return seconding.ask(principal=principal, act=ACT, subject=principal.user_id, details=details, reason=reason, now=now)


def open_glass(*, principal: Principal, approval_id: UUID, now: datetime) -> Shown:
    """Begin the break-glass that a second person agreed to; its time runs from now.

    Raises AccessDenied (recorded), ApprovalRefused, NoSuchApproval.
    """
    asked = seconding.approval(principal=principal, approval_id=approval_id, now=now)
    require(principal=principal, action="break_glass", now=now, second_factor=True)
    with tenant_scope(principal.tenant_id):
        use(approval_id=approval_id, act=ACT, subject=principal.user_id, details=asked.details, now=now)
        row = BreakGlass.objects.create(
            tenant_id=principal.tenant_id,
            user_id=principal.user_id,
            approval_id=approval_id,
            ticket=asked.details["ticket"],
            reason=asked.reason,
            conversations=asked.details["conversations"],
            began_at=now,
            ends_at=open_until(asked.details, now),
        )
        shown = _shown(row)
        ask_to_tell(tenant=principal.tenant_id, of="break_glass.opened", subject=row.id)
        ask_to_tell(tenant=principal.tenant_id, of="break_glass.ended", subject=row.id, not_before=row.ends_at)
        _record(principal, "break_glass.opened", row, approval=str(approval_id), seconds=_seconds(row))
    return shown


def end_glass(*, principal: Principal, glass_id: UUID, now: datetime) -> None:
    """End a break-glass at once: whoever holds it, or whoever may second. Raises EmergencyRefused, AccessDenied."""
    holder = _holder(principal, glass_id)
    if holder != principal.user_id:
        require(principal=principal, action="second", now=now)
    with tenant_scope(principal.tenant_id):
        row = _locked(glass_id)
        if row.ends_at <= now:
            raise EmergencyRefused("It has ended already.")
        row.ends_at, row.ended_by_id = max(now, row.began_at), principal.user_id
        row.save(update_fields=["ends_at", "ended_by"])
        tell_now(tenant=principal.tenant_id, of="break_glass.ended", subject=row.id)
        _record(principal, "break_glass.ended", row)


def review_glass(*, principal: Principal, glass_id: UUID, justified: bool, note: str, now: datetime) -> None:
    """Say afterwards whether a break-glass was justified; never by whoever held it.

    Raises EmergencyRefused while it is open or after a review, AccessDenied (recorded) without the action `second`.
    """
    require(principal=principal, action="second", now=now)
    if not note.strip():
        raise EmergencyRefused("Say in a note what you looked at and found.")
    with tenant_scope(principal.tenant_id):
        row = _locked(glass_id)
        if row.user_id == principal.user_id:
            raise EmergencyRefused("Somebody else reviews what you opened.")
        if row.ends_at > now or row.reviewed_at is not None:
            raise EmergencyRefused("It is open still, or was reviewed already.")
        row.reviewed_by_id, row.reviewed_at = principal.user_id, now
        row.justified, row.review_note = justified, note.strip()[:LONGEST_REASON]
        row.save(update_fields=["reviewed_by", "reviewed_at", "justified", "review_note"])
        _record(principal, "break_glass.reviewed", row, justified=justified)


def glasses(
    *,
    principal: Principal,
    now: datetime,
    to_review: bool = False,
    only: UUID | None = None,
    before: UUID | None = None,
    limit: int = 100,
) -> list[Shown]:
    """Return the newest break-glass, of everybody for those who may second, else the principal's own.

    `to_review`: only those that are over and wait for a review; `before` is the last id seen.
    """
    with tenant_scope(principal.tenant_id):
        rows = BreakGlass.objects.select_related("user").order_by("-id")
        rows = rows if before is None else rows.filter(id__lt=before)
        rows = rows if only is None else rows.filter(id=only)
        if not allows(principal=principal, action="second", now=now):
            rows = rows.filter(user_id=principal.user_id)
        if to_review:
            rows = rows.filter(ends_at__lte=now, reviewed_at=None)
        return [_shown(row) for row in rows[:limit]]


def glass(*, principal: Principal, glass_id: UUID, now: datetime) -> Shown:
    """Return one break-glass to whoever holds it or may second. Raises UnknownBreakGlass for everybody else, too."""
    found = [one for one in glasses(principal=principal, now=now, only=glass_id) if one.id == glass_id]
    if not found:
        raise UnknownBreakGlass("This tenant has no such break-glass.")
    return found[0]


def _seconds(row: BreakGlass) -> int:
    return int((row.ends_at - row.began_at) / timedelta(seconds=1))


def _holder(principal: Principal, glass_id: UUID) -> UUID:
    with tenant_scope(principal.tenant_id):
        return _locked(glass_id).user_id


def _locked(glass_id: UUID) -> BreakGlass:
    row = BreakGlass.objects.select_related("user").select_for_update(no_key=True, of=("self",)).filter(id=glass_id).first()
    if row is None:
        raise UnknownBreakGlass("This tenant has no such break-glass.")
    return row


def _shown(row: BreakGlass) -> Shown:
    return Shown(
        id=row.id,
        user=row.user.username,
        ticket=row.ticket,
        reason=row.reason,
        conversations=tuple(map(UUID, row.conversations)),
        began_at=row.began_at,
        ends_at=row.ends_at,
        justified=row.justified,
    )


def _record(principal: Principal, event: str, row: BreakGlass, **facts: object) -> None:
    record_with_effect(
        tenant=principal.tenant_id,
        event=event,
        **principal.as_actor(),
        break_glass=str(row.id),
        holder=str(row.user_id),
        conversations=list(row.conversations),
        **facts,
    )
