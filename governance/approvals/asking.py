"""Ask, second, refuse, use: one four-eyes mechanism. It knows people and digests, not what an act does.

The second person is never the asker (the database holds that too), an approval expires, serves once, and only for
exactly what was asked: act, subject and digest.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from governance.approvals.models import Approval
from governance.audit.recording import record_with_effect
from governance.conf.settings import vault_settings
from governance.crypto.derivation import fingerprint, join_parts
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope


class ApprovalRefused(Exception):
    """The approval does not allow this: same person, expired, used, or for something else."""

    code = "approvals.refused"


@dataclass(frozen=True, slots=True)
class Decision:
    """That two people agreed to one act on one subject; grave acts take it as an argument."""

    approval_id: UUID
    act: str
    subject_id: UUID
    asker: UUID
    seconder: UUID


def digest_of(act: str, subject: UUID, *details: str) -> bytes:
    """Return the SHA-256 that fixes what is asked."""
    return fingerprint(join_parts(act.encode(), subject.bytes, *(detail.encode() for detail in details)))


def ask(*, principal: Principal, act: str, subject: UUID, digest: bytes, reason: str, now: datetime) -> UUID:
    """Ask for a grave act and record it; return the approval's id."""
    with tenant_scope(principal.tenant_id):
        approval = Approval.objects.create(
            tenant_id=principal.tenant_id,
            act=act,
            subject_id=subject,
            digest=digest,
            reason=reason[:500],
            asker_id=principal.user_id,
            expires_at=now + timedelta(hours=vault_settings().approval_hours),
        )
        _record(principal, "approval.asked", approval)
    return approval.id


def decide(*, principal: Principal, approval_id: UUID, agree: bool, now: datetime) -> None:
    """Agree or say no, as a second person. The caller has checked the right. Raises ApprovalRefused."""
    with tenant_scope(principal.tenant_id):
        approval = _locked(approval_id)
        if approval.state != Approval.State.ASKED or approval.expires_at <= now:
            raise ApprovalRefused("This approval is decided already or has expired; ask again.")
        if approval.asker_id == principal.user_id:
            raise ApprovalRefused("The second person is another than the one who asked.")
        approval.state = Approval.State.SECONDED if agree else Approval.State.REFUSED
        approval.seconder_id, approval.decided_at = principal.user_id, now
        approval.save(update_fields=["state", "seconder", "decided_at"])
        _record(principal, "approval.seconded" if agree else "approval.refused", approval)


def use(*, approval_id: UUID, act: str, subject: UUID, digest: bytes, now: datetime) -> Decision:
    """Take the approval for exactly this act, once, inside the act's own transaction. Raises ApprovalRefused."""
    approval = _locked(approval_id)
    if approval.state != Approval.State.SECONDED or approval.expires_at <= now or approval.seconder_id is None:
        raise ApprovalRefused("This approval was not given, was used already, or has expired.")
    if (approval.act, approval.subject_id, bytes(approval.digest)) != (act, subject, digest):
        raise ApprovalRefused("This approval is for something else than what is asked now.")
    approval.state = Approval.State.USED
    approval.save(update_fields=["state"])
    return Decision(approval.id, act, subject, approval.asker_id, approval.seconder_id)


def _locked(approval_id: UUID) -> Approval:
    found = Approval.objects.select_for_update(no_key=True, of=("self",)).filter(id=approval_id).first()
    if found is None:
        raise ApprovalRefused("There is no such approval.")
    return found


def _record(principal: Principal, event: str, approval: Approval) -> None:
    record_with_effect(
        tenant=principal.tenant_id,
        event=event,
        **principal.as_actor(),
        approval=str(approval.id),
        act=approval.act,
        subject=str(approval.subject_id),
    )
