"""Which sealed records wait for the workers: the vault's names for the claim of `jobs`."""

from dataclasses import dataclass
from typing import Final

from django.db import connection

from governance.jobs.claiming import Claim, Claimed, claim, lock_claimed
from governance.vault.models import Conversation, Message, State


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the two tables of sealed records."""

    model: type[Message] | type[Conversation]
    table: str
    group: str


KINDS: Final = (
    Kind(Message, "governance_message", "conversation_id"),
    Kind(Conversation, "governance_conversation", "id"),
)


def claim_pending(kind: Kind, *, limit: int) -> Claim:
    """Step one for pending records; commit right after it."""
    return claim(table=kind.table, group=kind.group, state=State.PENDING, quarantine=State.QUARANTINED, limit=limit)


def lock_subjects(kind: Kind, rows: tuple[Claimed, ...]) -> None:
    """Lock the data subjects who own the claimed rows' texts FOR SHARE, so that none is erased meanwhile.

    It comes before the ring's lock and the rows' (the one lock order).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.id FROM governance_datasubject s WHERE s.id IN"  # noqa: S608 - a fixed name
            f" (SELECT k.owner_id FROM governance_datakey k JOIN {kind.table} m ON m.source_data_key_id = k.id"
            " WHERE m.id = ANY(%b::uuid[])) ORDER BY s.id FOR SHARE OF s",
            [[row.id for row in rows]],
        )


def lock_pending(kind: Kind, rows: tuple[Claimed, ...]) -> list[Message | Conversation]:
    """Step two: lock the claimed rows and return those that are still ours, by id."""
    ours = lock_claimed(table=kind.table, state=State.PENDING, rows=rows)
    return list(kind.model.objects.filter(id__in=ours).order_by("id"))


def count_pending() -> int:
    """Return how many records wait; call it inside the tenant's scope."""
    return sum(kind.model.objects.filter(state=State.PENDING).count() for kind in KINDS)
