"""Legal holds: placed by one person, released by two; what is held is not destroyed."""

from datetime import datetime
from uuid import UUID

from governance.access.acting import require
from governance.approvals.asking import use
from governance.audit.recording import record_with_effect
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.privacy.errors import Held, PrivacyError
from governance.privacy.models import LegalHold
from governance.vault.models import Conversation

RELEASE = "release_hold"


def place_hold(*, principal: Principal, subject: UUID, reason: str, now: datetime) -> UUID:
    """Hold everything of a data subject and record it; return the hold's id. Raises AccessDenied."""
    require(principal=principal, action="manage_holds", now=now)
    with tenant_scope(principal.tenant_id):
        hold = LegalHold.objects.create(
            tenant_id=principal.tenant_id, subject_id=subject, reason=reason[:500], placed_by_id=principal.user_id
        )
        Conversation.objects.filter(subject_id=subject).update(held=True)
        _record(principal, "hold.placed", hold)
    return hold.id


def release_hold(*, principal: Principal, hold_id: UUID, approval_id: UUID, now: datetime) -> None:
    """Release a hold that a second person has agreed to release. Raises AccessDenied, ApprovalRefused."""
    require(principal=principal, action="manage_holds", now=now)
    with tenant_scope(principal.tenant_id):
        use(approval_id=approval_id, act=RELEASE, subject=hold_id, details={}, now=now)
        hold = LegalHold.objects.select_for_update(no_key=True, of=("self",)).filter(id=hold_id, released_at=None).first()
        if hold is None:
            raise PrivacyError("There is no such hold, or it was released already.")
        hold.released_at = now
        hold.save(update_fields=["released_at"])
        if not LegalHold.objects.filter(subject_id=hold.subject_id, released_at=None).exists():
            Conversation.objects.filter(subject_id=hold.subject_id).update(held=False)
        _record(principal, "hold.released", hold)


def check_no_hold(subject: UUID, conversations: list[UUID]) -> None:
    """Raise Held where the subject or one of the conversations is held; call it inside the tenant's scope."""
    open_holds = LegalHold.objects.filter(released_at=None)
    if open_holds.filter(subject_id=subject).exists() or open_holds.filter(conversation_id__in=conversations).exists():
        raise Held("A legal hold keeps this from being destroyed. It is released by two people: manage.py holds release.")


def _record(principal: Principal, event: str, hold: LegalHold) -> None:
    record_with_effect(
        tenant=principal.tenant_id, event=event, **principal.as_actor(), hold=str(hold.id), subject=str(hold.subject_id)
    )
