"""Verifies a chain in the database: its entries, its checkpoints, and the checkpoints that a sink holds."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from governance.audit.attesting import SELF_ATTESTED
from governance.audit.chain import ChainReport, Walk, judge
from governance.audit.checkpointing import head_of, links_after
from governance.audit.errors import AuditError
from governance.audit.heads import SignedHead
from governance.audit.merkle import consistency_proof, verify_consistency
from governance.audit.models import Checkpoint


def verify_chain(
    *,
    tenant: UUID,
    outside: Sequence[SignedHead] = (),
    unreadable: int = 0,
    trusted: frozenset[bytes] = frozenset(),
    walk: Walk | None = None,
    attestation: str = SELF_ATTESTED,
    using: str = "audit",
) -> ChainReport:
    """Verify the chain of `tenant` with the checkpoints beside it and those `outside`; inside the tenant's scope on `using`.

    `walk` goes on where an earlier verification ended, and has the state of this one afterwards. Memory does not grow
    with the chain but for its checkpoints.
    """
    walk = walk or Walk(tenant)
    rows = Checkpoint.objects.using(using).filter(tenant_id=tenant, sequence__gte=walk.size)
    report = judge(
        walk=walk,
        links=links_after(tenant=tenant, sequence=walk.size, using=using),
        inside=[head_of(row) for row in rows.order_by("sequence")],
        outside=[head for head in outside if head.sequence >= walk.size],
        trusted=trusted,
    )
    return replace(report, unreadable=unreadable, attestation=attestation)


def prove_consistency(*, tenant: UUID, first: int, second: int, using: str = "audit") -> dict[str, Any]:
    """Return the RFC 6962 proof that the signed tree of `second` entries begins with that of `first`, verified.

    It reads the hashes of `second` entries into memory (about 70 bytes each). Raises AuditError where there is no such
    checkpoint, BadProof where the chain is not the one that was signed.
    """
    rows = Checkpoint.objects.using(using).filter(tenant_id=tenant, sequence__in=[first, second])
    heads = {row.sequence: head_of(row) for row in rows}
    for sequence in (first, second):
        if sequence not in heads:
            raise AuditError(f"There is no checkpoint at entry {sequence}; name the numbers of two checkpoints.")
    leaves = []
    for link in links_after(tenant=tenant, sequence=0, using=using):
        if link.sequence > second:
            break
        leaves.append(link.hash)
    proof = consistency_proof(leaves, first)
    verify_consistency(first=first, second=second, first_root=heads[first].root, second_root=heads[second].root, proof=proof)
    return {
        "first": first,
        "second": second,
        "first_root": heads[first].root.hex(),
        "second_root": heads[second].root.hex(),
        "proof": [node.hex() for node in proof],
    }
