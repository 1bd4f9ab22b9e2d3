"""Ask, second, refuse, withdraw, use: one four-eyes mechanism. It knows people and digests, not what an act does.

The second person is never the asker (the database holds that too). An approval expires, serves once, and only for
exactly what was asked: act, subject and details, whose digest is compared when it is used.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from governance.approvals.acts import ACTS
from governance.approvals.models import Approval
from governance.approvals.telling import ask_to_tell
from governance.audit.recording import record_with_effect
from governance.conf.settings import vault_settings
from governance.crypto.derivation import fingerprint, join_parts
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope

LONGEST_REASON = 500


class ApprovalRefused(Exception):
    """The approval does not allow this: same person, expired, used, withdrawn, or for something else."""

    code = "approvals.refused"


class NoSuchApproval(Exception):
    """This tenant has no such approval."""

    code = "approvals.unknown"


@dataclass(frozen=True, slots=True)
class Decision:
    """That two people agreed to one act on one subject; grave acts take it as an argument."""

    approval_id: UUID
    act: str
    subject_id: UUID
    asker: UUID
    seconder: UUID


def digest_of(act: str, subject: UUID, details: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 that fixes what is asked; `details` are plain JSON without floats."""
    written = json.dumps(details, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return fingerprint(join_parts(act.encode(), subject.bytes, written))


def ask(*, principal: Principal, act: str, subject: UUID, details: Mapping[str, Any], reason: str, now: datetime) -> UUID:
    """Ask for a grave act and record it; return the approval's id. The caller has checked the right.

    Raises ApprovalRefused for an unknown act, without a reason, or where the same is asked already.
    """
    if not reason.strip():
        raise ApprovalRefused("Say why: the second person decides by the reason.")
    if act not in ACTS:
        raise ApprovalRefused(f"There is no such act; there are: {', '.join(ACTS)}.")
    digest = digest_of(act, subject, details)
    with tenant_scope(principal.tenant_id):
        waiting = Approval.objects.filter(act=act, subject_id=subject, state=Approval.State.ASKED, expires_at__gt=now)
        if waiting.filter(digest=digest, asker_id=principal.user_id).exists():
            raise ApprovalRefused("You asked for exactly this already; it waits for a second person.")
        approval = Approval.objects.create(
            tenant_id=principal.tenant_id,
            act=act,
            subject_id=subject,
            details=dict(details),
            digest=digest,
            reason=reason.strip()[:LONGEST_REASON],
            asker_id=principal.user_id,
            expires_at=now + timedelta(hours=vault_settings().approval_hours),
        )
        ask_to_tell(tenant=principal.tenant_id, of="approval.asked", subject=approval.id)
        _record(principal, "approval.asked", approval)
    return approval.id


def decide(*, principal: Principal, approval_id: UUID, agree: bool, now: datetime) -> None:
    """Agree or say no, as a second person. The caller has checked the right. Raises ApprovalRefused, NoSuchApproval."""
    with tenant_scope(principal.tenant_id):
        approval = _waiting(approval_id, now)
        if approval.asker_id == principal.user_id:
            raise ApprovalRefused("The second person is another than the one who asked.")
        approval.state = Approval.State.SECONDED if agree else Approval.State.REFUSED
        approval.seconder_id, approval.decided_at = principal.user_id, now
        approval.save(update_fields=["state", "seconder", "decided_at"])
        _record(principal, "approval.seconded" if agree else "approval.refused", approval)


def withdraw(*, principal: Principal, approval_id: UUID, now: datetime) -> None:
    """Take back what the principal asked, waiting or agreed. Raises ApprovalRefused, NoSuchApproval."""
    with tenant_scope(principal.tenant_id):
        approval = _locked(approval_id)
        if approval.asker_id != principal.user_id:
            raise ApprovalRefused("Only the one who asked withdraws; a second person refuses.")
        if approval.state not in {Approval.State.ASKED, Approval.State.SECONDED}:
            raise ApprovalRefused("This approval is over already.")
        approval.state, approval.decided_at = Approval.State.WITHDRAWN, now
        approval.save(update_fields=["state", "decided_at"])
        _record(principal, "approval.withdrawn", approval)


def use(*, approval_id: UUID, act: str, subject: UUID, details: Mapping[str, Any], now: datetime) -> Decision:
    """Take the approval for exactly this act, once, inside the act's own transaction.

    The act's own audit entry names the approval. Raises ApprovalRefused, NoSuchApproval.
    """
    approval = _locked(approval_id)
    if approval.state != Approval.State.SECONDED or approval.expires_at <= now or approval.seconder_id is None:
        raise ApprovalRefused("This approval was not given, was used or withdrawn, or has expired.")
    if (approval.act, approval.subject_id, bytes(approval.digest)) != (act, subject, digest_of(act, subject, details)):
        raise ApprovalRefused("This approval is for something else than what is asked now.")
    approval.state, approval.used_at = Approval.State.USED, now
    approval.save(update_fields=["state", "used_at"])
    return Decision(approval.id, act, subject, approval.asker_id, approval.seconder_id)


def expire_due(*, tenant: UUID, now: datetime) -> int:
    """Mark what was not used in time as expired; return how many. What they allow has ended before this runs."""
    open_states = [Approval.State.ASKED, Approval.State.SECONDED]
    with tenant_scope(tenant):
        return Approval.objects.filter(state__in=open_states, expires_at__lte=now).update(state=Approval.State.EXPIRED)


def _locked(approval_id: UUID) -> Approval:
    found = Approval.objects.select_for_update(no_key=True, of=("self",)).filter(id=approval_id).first()
    if found is None:
        raise NoSuchApproval("This tenant has no such approval.")
    return found


def _waiting(approval_id: UUID, now: datetime) -> Approval:
    approval = _locked(approval_id)
    if approval.state != Approval.State.ASKED or approval.expires_at <= now:
        raise ApprovalRefused("This approval is decided already or has expired; ask again.")
    return approval


def _record(principal: Principal, event: str, approval: Approval) -> None:
    record_with_effect(
        tenant=principal.tenant_id,
        event=event,
        **principal.as_actor(),
        approval=str(approval.id),
        act=approval.act,
        subject=str(approval.subject_id),
        digest=bytes(approval.digest).hex(),
    )
