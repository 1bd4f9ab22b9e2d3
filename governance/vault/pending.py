"""Which sealed records wait for the workers: the vault's names for the claim of `jobs`."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from governance.jobs.claiming import BYTES, LEASE_SECONDS, Claim, Claimed, claim, lock_claimed, put_back
from governance.vault.models import Classification, Conversation, Message, State


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


def claim_pending(kind: Kind, *, limit: int, size: int = BYTES, lease: float = LEASE_SECONDS) -> Claim:
    """Step one for pending records; commit right after it."""
    return claim(
        table=kind.table, group=kind.group, state=State.PENDING, quarantine=State.QUARANTINED, limit=limit, size=size,
        lease=lease,
    )  # fmt: skip


def put_back_pending(kind: Kind, rows: tuple[Claimed, ...], *, seconds: float, burnt: bool = False) -> None:
    """Take back a claim; the attempt counts only where it is `burnt`."""
    put_back(table=kind.table, rows=rows, seconds=seconds, burnt=burnt)


def give_back(kind: Kind) -> int:
    """Let the workers try again what was set aside after three attempts; return how many records that is."""
    return kind.model.objects.filter(state=State.QUARANTINED).update(state=State.PENDING, attempt=0, lease_until=None)


def restrict(kind: Kind, rows: tuple[UUID, ...]) -> None:
    """Call what a claim has set aside restricted, and its conversations: nobody knows what it holds."""
    with connection.cursor() as cursor:
        for table, column in {kind.table: "id", "governance_conversation": kind.group}.items():
            cursor.execute(
                f"UPDATE {table} SET classification = %b WHERE id IN"  # noqa: S608 - fixed names
                f" (SELECT {column} FROM {kind.table} WHERE id = ANY(%b::uuid[]))",
                [Classification.RESTRICTED.value, list(rows)],
            )


def lock_subjects(kind: Kind, rows: tuple[Claimed, ...]) -> None:
    """Lock the data subjects who own the claimed rows' texts FOR SHARE, so that none is erased meanwhile.

    It comes before the ring's lock and the rows' (the one lock order). Each step is materialized: with statistics of
    another time the planner would walk all subjects and look for the rows of each, which takes minutes.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH m AS MATERIALIZED (SELECT DISTINCT source_data_key_id AS key"  # noqa: S608 - fixed names
            f" FROM {kind.table} WHERE id = ANY(%b::uuid[])),"
            " o AS MATERIALIZED (SELECT DISTINCT k.owner_id AS owner FROM m JOIN governance_datakey k ON k.id = m.key)"
            " SELECT s.id FROM o JOIN governance_datasubject s ON s.id = o.owner ORDER BY s.id FOR SHARE OF s",
            [[row.id for row in rows]],
        )


def lock_pending(kind: Kind, rows: tuple[Claimed, ...]) -> list[Message | Conversation]:
    """Step two: lock the claimed rows and return those that are still ours, by id."""
    ours = lock_claimed(table=kind.table, state=State.PENDING, rows=rows)
    return list(kind.model.objects.filter(id__in=ours).order_by("id"))


def claimed_as_is(kind: Kind, rows: QuerySet[Message] | QuerySet[Conversation]) -> tuple[Claimed, ...]:
    """Return rows as `lock_rows` takes them, without a claim: for work whose job is leased."""
    return tuple(Claimed(*row) for row in rows.values_list("id", kind.group, "attempt"))


def lock_rows(kind: Kind, rows: tuple[Claimed, ...]) -> list[Message | Conversation]:
    """Lock rows in whatever state they are, waiting for those that another worker holds, and return them by id."""
    ids = [row.id for row in rows]
    return list(kind.model.objects.select_for_update(no_key=True).filter(id__in=ids).order_by("id"))


def count_pending() -> int:
    """Return how many records wait; call it inside the tenant's scope."""
    return sum(kind.model.objects.filter(state=State.PENDING).count() for kind in KINDS)
