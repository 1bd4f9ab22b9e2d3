"""Verifies a chain in the database: its entries, its checkpoints, and the checkpoints that a sink holds."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final
from uuid import UUID

from governance.audit.attesting import SELF_ATTESTED
from governance.audit.canonical import NO_HASH
from governance.audit.chain import ChainReport, Walk
from governance.audit.checkpointing import head_of, links_after
from governance.audit.errors import AuditError
from governance.audit.heads import SignedHead
from governance.audit.judgement import Judgement, judge
from governance.audit.merkle import consistency_proof, verify_consistency
from governance.audit.models import AuditEntry, Checkpoint

NEWEST: Final = 1_000


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


def verify_stretch(*, judgement: Judgement, upto: int, outside: Sequence[SignedHead] = (), using: str = "audit") -> None:
    """Walk on to the entry `upto` with the signed heads up to it, of the database and `outside`; inside the tenant's scope.

    Where the chain ends before, the judgement's walk does.
    """
    walk = judgement.walk
    rows = Checkpoint.objects.using(using).filter(tenant_id=walk.tenant, sequence__gt=walk.size, sequence__lte=upto)
    judgement.take(
        islice(links_after(tenant=walk.tenant, sequence=walk.size, using=using), upto - walk.size),
        inside=[head_of(row) for row in rows.order_by("sequence")],
        outside=[head for head in outside if walk.size < head.sequence <= upto],
    )


def close_walk(*, judgement: Judgement, outside: Sequence[SignedHead] = (), using: str = "audit") -> ChainReport:
    """Return the report of a walk that `verify_stretch` brought to its end, inside the tenant's scope.

    The newest signed heads behind that end, and the entries that acceptances keep, are compared with the chain of now.
    """
    tenant, end = judgement.walk.tenant, judgement.walk.size
    rows = Checkpoint.objects.using(using).filter(tenant_id=tenant, sequence__gt=end).order_by("-sequence")[:NEWEST]
    heads = [head_of(row) for row in rows]
    heads += sorted((head for head in outside if head.sequence > end), key=lambda head: head.sequence)[-NEWEST:]
    entries = AuditEntry.objects.using(using).filter(tenant_id=tenant)
    numbers = {head.sequence for head in heads} | {one.kept_sequence for one in judgement.walk.acceptances}
    hashes = {number: bytes(found) for number, found in entries.filter(sequence__in=numbers).values_list("sequence", "hash")}
    judgement.take_beyond(heads, hashes)
    last = entries.order_by("-sequence").values_list("sequence", flat=True).first() or 0
    return judgement.report(hash_at={0: NO_HASH, **hashes}.get, last=max(last, end))


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
