"""Reads a chain and says whether it is whole; names the first entry that is not, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from governance.audit.canonical import NO_HASH, entry_hash
from governance.audit.models import AuditEntry, Checkpoint
from governance.crypto.signing import BadSignature, verify

PAGE = 5_000


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What the verification saw: how many entries, the head, and the first fault (empty where the chain is whole)."""

    entries: int
    head: bytes
    checkpoints: int
    bad_sequence: int | None = None
    fault: str = ""

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.fault


def _entries(tenant: UUID, using: str) -> Iterator[AuditEntry]:
    last = -(2**63)
    while True:
        page = list(AuditEntry.objects.using(using).filter(tenant_id=tenant, sequence__gt=last).order_by("sequence")[:PAGE])
        yield from page
        if len(page) < PAGE:
            return
        last = page[-1].sequence


def _fault(entry: AuditEntry, tenant: UUID, expected: int, previous: bytes) -> str:
    if entry.sequence != expected:
        return f"entry {expected} is missing; {entry.sequence} follows"
    if bytes(entry.previous_hash) != previous:
        return "it does not follow the entry before it"
    computed = entry_hash(
        tenant=tenant,
        sequence=entry.sequence,
        recorded_at=entry.recorded_at,
        previous=previous,
        body=entry.body.encode(),
    )
    return "" if bytes(entry.hash) == computed else "its bytes do not give its hash"


def checkpoint_bytes(*, tenant: UUID, sequence: int, head_hash: bytes) -> bytes:
    """Return what a checkpoint signs: `TVC1 | tenant (16) | sequence (8) | hash of that entry (32)`."""
    return b"TVC1" + tenant.bytes + sequence.to_bytes(8, "big", signed=True) + head_hash


def _checkpoint_fault(checkpoint: Checkpoint, tenant: UUID, hashes: dict[int, bytes]) -> str:
    head = bytes(checkpoint.head_hash)
    signed = checkpoint_bytes(tenant=tenant, sequence=checkpoint.sequence, head_hash=head)
    try:
        verify(bytes(checkpoint.public_key), bytes(checkpoint.signature), signed)
    except BadSignature:
        return "the checkpoint at this entry has a bad signature"
    return "" if hashes.get(checkpoint.sequence) == head else "the checkpoint at this entry signs another chain"


def verify_chain(*, tenant: UUID, using: str = "audit") -> ChainReport:
    """Verify the whole chain of `tenant` and its checkpoints; call it inside the tenant's scope on `using`.

    Memory does not grow with the chain but for the entries that a checkpoint names.
    """
    checkpoints = list(Checkpoint.objects.using(using).filter(tenant_id=tenant).order_by("sequence"))
    named = {checkpoint.sequence for checkpoint in checkpoints}
    hashes: dict[int, bytes] = {}
    previous, count = NO_HASH, 0
    for entry in _entries(tenant, using):
        fault = _fault(entry, tenant, count + 1, previous)
        if fault:
            return ChainReport(count, previous, len(checkpoints), entry.sequence, fault)
        previous, count = bytes(entry.hash), count + 1
        if count in named:
            hashes[count] = previous
    for checkpoint in checkpoints:
        fault = _checkpoint_fault(checkpoint, tenant, hashes)
        if fault:
            return ChainReport(count, previous, len(checkpoints), checkpoint.sequence, fault)
    return ChainReport(count, previous, len(checkpoints))
