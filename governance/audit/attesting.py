"""What the sinks have taken of a chain, and by which word its record therefore goes. Call it inside the tenant's scope."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from governance.audit.checkpointing import head_of
from governance.audit.errors import SinkRefused
from governance.audit.heads import SignedHead, heads_of
from governance.audit.models import Checkpoint, SinkPosition
from governance.audit.sinks import FileSink, Sink, configured_sinks, name_of

SELF_ATTESTED: Final = "self-attested"
_BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far a sink is: `sequence` is the last checkpoint that it took, 0 for none; its place is not told."""

    kind: str
    outside: bool
    sequence: int
    delivered_at: datetime | None


def _readable() -> list[Sink]:
    """Return the sinks; none where the configuration is wrong, which signing says loudly and reading does not."""
    try:
        return configured_sinks()
    except SinkRefused:
        return []


def undelivered(*, tenant: UUID, sink: Sink) -> list[SignedHead]:
    """Return the next checkpoints that `sink` has not taken, in order; empty where it has them all."""
    taken = SinkPosition.objects.filter(tenant_id=tenant, sink=name_of(sink)).values_list("sequence", flat=True).first()
    rows = Checkpoint.objects.filter(tenant_id=tenant, sequence__gt=taken or 0).order_by("sequence")[:_BATCH]
    return [head_of(row) for row in rows]


def remember(*, tenant: UUID, sink: Sink, sequence: int, now: datetime) -> None:
    """Remember that `sink` has everything up to `sequence`."""
    SinkPosition.objects.update_or_create(
        tenant_id=tenant, sink=name_of(sink), defaults={"sequence": sequence, "delivered_at": now}
    )


def deliveries(*, tenant: UUID) -> list[Delivery]:
    """Return how far each configured sink is with the checkpoints of the chain. Call it inside the tenant's scope."""
    rows = SinkPosition.objects.filter(tenant_id=tenant).values_list("sink", "sequence", "delivered_at")
    kept = {name: (sequence, at) for name, sequence, at in rows}
    return [Delivery(sink.kind, sink.outside, *kept.get(name_of(sink), (0, None))) for sink in _readable()]


def attestation(*, tenant: UUID) -> str:
    """Return `self-attested`, or `attested by <kind> outside` where a sink outside has taken a checkpoint of the chain.

    Call it inside the tenant's scope.
    """
    outside = [sink for sink in _readable() if sink.outside]
    taken = set(SinkPosition.objects.filter(tenant_id=tenant).values_list("sink", flat=True))
    kinds = sorted({sink.kind for sink in outside if name_of(sink) in taken})
    return f"attested by {' and '.join(kinds)} outside" if kinds else SELF_ATTESTED


def heads_outside(*, tenant: UUID) -> tuple[list[SignedHead], int]:
    """Return the checkpoints of the configured file sinks that this process can read, and how many lines it cannot."""
    files = [sink for sink in _readable() if isinstance(sink, FileSink)]
    found = [heads_of(sink.lines(), tenant) for sink in files]
    return [head for heads, _ in found for head in heads], sum(unreadable for _, unreadable in found)
