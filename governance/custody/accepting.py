"""Accepts, by two people, that a failover lost the end of a chain of which a sink already holds checkpoints.

An asynchronous replica that is promoted has not yet got the last entries. The checkpoints outside then prove a loss, and
the verification breaks, as it must: a failover and somebody who cut the chain look alike. Two people who know that it
was the failover say so on the record; the entry names each lost checkpoint and is signed with the audit key, so whoever
only writes the database cannot accept a loss in their name. Any other loss still breaks the verification.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from governance.access.acting import require
from governance.access.seconding import ask
from governance.approvals.asking import ApprovalRefused, NoSuchApproval, use
from governance.approvals.models import Approval
from governance.audit.canonical import NO_HASH
from governance.audit.chain import accepted_losses
from governance.audit.heads import Acceptance, SignedHead
from governance.audit.models import AuditEntry
from governance.audit.recording import record_with_effect
from governance.audit.signers import audit_signer, trusted_keys
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope

ACT = "accept_head"


def ask_accept_head(*, principal: Principal, heads: Sequence[SignedHead], reason: str, now: datetime) -> UUID:
    """Ask to accept the loss of those of `heads` (from a sink) that the chain does not have; return the approval's id.

    Raises AccessDenied (recorded), ApprovalRefused, also where nothing is lost or a checkpoint is not signed by us.
    """
    tenant = principal.tenant_id
    require(principal=principal, action="read_audit", now=now, second_factor=True)
    if any(head.tenant != tenant or head.fault(trusted_keys()) for head in heads):
        raise ApprovalRefused("A checkpoint is of another chain, or this installation did not sign it.")
    with tenant_scope(tenant):
        loss = _loss(tenant, heads)
    if not loss.lost:
        raise ApprovalRefused("The chain has every checkpoint of the sink; nothing was lost.")
    return ask(principal=principal, act=ACT, subject=tenant, details=loss.details(), reason=reason, now=now)


def accept_head(*, principal: Principal, approval_id: UUID, now: datetime) -> int:
    """Carry out what two people agreed to: record the accepted loss; return how many entries were lost at most.

    Raises AccessDenied (recorded), ApprovalRefused, NoSuchApproval, SignerMissing, RecordRefused.
    """
    require(principal=principal, action="read_audit", now=now, second_factor=True)
    tenant = principal.tenant_id
    with tenant_scope(tenant):
        details = Approval.objects.filter(id=approval_id).values_list("details", flat=True).first()
        if details is None:
            raise NoSuchApproval("This tenant has no such approval.")
        use(approval_id=approval_id, act=ACT, subject=tenant, details=details, now=now)
        accepted = Acceptance.from_facts(tenant, details).signed_by(audit_signer())
        record_with_effect(
            tenant=tenant,
            event="head.accepted",
            **principal.as_actor(),
            approval=str(approval_id),
            **accepted.facts(),
        )
    return accepted.entries


def _loss(tenant: UUID, heads: Sequence[SignedHead]) -> Acceptance:
    """Return what the chain does not have of `heads`, unsigned, without what was accepted before."""
    rows = AuditEntry.objects.filter(tenant_id=tenant)
    numbers = sorted({head.sequence for head in heads})
    has = {number: bytes(digest) for number, digest in rows.filter(sequence__in=numbers).values_list("sequence", "hash")}
    bodies = rows.filter(event="head.accepted").values_list("body", flat=True)
    before = accepted_losses(tenant=tenant, bodies=list(bodies), trusted=trusted_keys())
    lost = {(head.sequence, head.head_hash) for head in heads if has.get(head.sequence) != head.head_hash} - before
    first = min(lost, default=(0, b""))[0]
    fitting = {head.sequence for head in heads if has.get(head.sequence) == head.head_hash and head.sequence < first}
    kept = max(fitting, default=0)
    return Acceptance(tenant, kept, has.get(kept, NO_HASH), tuple(sorted(lost)))
