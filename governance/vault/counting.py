"""Counts of messages and conversations that take no longer the more is stored. Call everything inside the tenant's scope.

What an index knows is counted to a limit, and the limit is said; what no index knows is the planner's estimate, and is
said to be one. People are looked for among the newest rows, so there may be more of them than are found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection

from governance.vault.models import Message, State

MOST: Final = 10_000
FEW: Final = 2_000
SAMPLE: Final = 200
_OF_STATE: Final = "SELECT state FROM governance_message WHERE {} ORDER BY tenant_id, id LIMIT %s"
_OLDEST: Final = "SELECT created_at FROM governance_message WHERE state = 0 ORDER BY tenant_id, id LIMIT 1"
_FIRST: Final = (
    "SELECT state, count(*) FROM (SELECT state FROM governance_message ORDER BY tenant_id, id LIMIT %s) m GROUP BY state"
)
_PEOPLE: Final = (
    "SELECT DISTINCT m.state, c.subject_id FROM ("
    "(SELECT state, conversation_id FROM governance_message ORDER BY tenant_id DESC, id DESC LIMIT %(most)s) UNION ALL"
    " (SELECT state, conversation_id FROM governance_message WHERE state = 0 ORDER BY tenant_id, id LIMIT %(most)s)"
    " UNION ALL (SELECT state, conversation_id FROM governance_message WHERE state IN (2, 3) ORDER BY tenant_id, id"
    " LIMIT %(most)s)) m JOIN governance_conversation c ON c.id = m.conversation_id WHERE c.subject_id IS NOT NULL"
)
_DAYS: Final = (
    "SELECT DISTINCT d.day, c.subject_id FROM unnest(%(days)s::timestamptz[]) AS d(day), LATERAL ("
    "SELECT subject_id FROM governance_conversation WHERE created_at >= d.day AND created_at < d.day + interval '1 day'"
    " ORDER BY tenant_id, created_at DESC LIMIT %(most)s) c WHERE c.subject_id IS NOT NULL"
)
_READ: Final = (
    "SELECT DISTINCT p.purpose, c.subject_id FROM unnest(%(purposes)s::text[]) AS p(purpose), LATERAL ("
    "SELECT conversation_id FROM governance_consultation WHERE purpose = p.purpose AND opened_at >= %(since)s"
    " ORDER BY tenant_id, opened_at DESC LIMIT %(most)s) o JOIN governance_conversation c ON c.id = o.conversation_id"
    " WHERE c.subject_id IS NOT NULL"
)


class Bounded(NamedTuple):
    """A count; with `more` there are more than it says."""

    number: int
    more: bool = False


@dataclass(frozen=True, slots=True)
class Backlog:
    """Messages that wait for workers and since when the first of them, and those that are not clean."""

    waiting: Bounded
    since: datetime | None
    unscanned: Bounded
    quarantined: Bounded


@dataclass(frozen=True, slots=True)
class ByState:
    """Messages by state; `estimated` are the states whose number is the planner's estimate."""

    numbers: Mapping[State, int]
    estimated: frozenset[State] = frozenset()


def backlog() -> Backlog:
    """Return what waits and what is not clean, to a limit of 10,000."""
    waiting = _states("state = 0")
    aside = _states("state IN (2, 3)")
    more = sum(aside.values()) > MOST
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST)
        oldest = cursor.fetchone()
    return Backlog(
        waiting=Bounded(min(waiting.get(State.PENDING, 0), MOST), waiting.get(State.PENDING, 0) > MOST),
        since=oldest[0] if oldest else None,
        unscanned=Bounded(min(aside.get(State.UNSCANNED, 0), MOST), more),
        quarantined=Bounded(min(aside.get(State.QUARANTINED, 0), MOST), more),
    )


def by_state() -> ByState:
    """Return the messages by state: exact where there are few, else what workers are done with is an estimate."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRST, [FEW + 1])
        first = {State(state): number for state, number in cursor.fetchall()}
    if sum(first.values()) <= FEW:
        return ByState(first)
    found = backlog()
    numbers = {State.PENDING: found.waiting.number, State.UNSCANNED: found.unscanned.number}
    numbers |= {State.QUARANTINED: found.quarantined.number}
    numbers[State.REDACTED] = max(estimate() - sum(numbers.values()), 0)
    return ByState(numbers, frozenset({State.REDACTED}))


def estimate() -> int:
    """Return about how many messages are stored, as PostgreSQL's planner guesses."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (FORMAT JSON) SELECT FROM governance_message")
        return int(cursor.fetchone()[0][0]["Plan"]["Plan Rows"])


def people_of_states() -> dict[State, frozenset[UUID]]:
    """Return people whose messages are in each state, looked for among a few hundred of each."""
    return {State(state): people for state, people in _grouped(_PEOPLE, {"most": SAMPLE}).items()}


def people_of_days(days: list[datetime]) -> dict[datetime, frozenset[UUID]]:
    """Return people whose conversations began on each day (named by its first moment), looked for among some hundreds."""
    return _grouped(_DAYS, {"days": days, "most": SAMPLE})


def people_of_purposes(purposes: list[str], since: datetime) -> dict[str, frozenset[UUID]]:
    """Return people whose conversations were opened for each purpose, looked for among the newest hundreds."""
    return _grouped(_READ, {"purposes": purposes, "since": since, "most": SAMPLE})


@dataclass(frozen=True, slots=True)
class NotClean:
    """A message that is not clean: its id, its conversation's, its state and how often workers tried."""

    id: UUID
    conversation: UUID
    state: str
    attempt: int
    created_at: datetime


def not_clean(*, limit: int, after: UUID | None = None) -> list[NotClean]:
    """Return messages that are unscanned or were set aside, the newest first; `after` is the last id seen."""
    rows = Message.objects.filter(state__in=[State.UNSCANNED, State.QUARANTINED]).order_by("-tenant_id", "-id")
    rows = rows if after is None else rows.filter(id__lt=after)
    found = rows.values_list("id", "conversation_id", "state", "attempt", "created_at")[:limit]
    return [NotClean(one, chat, State(state).label, attempt, at) for one, chat, state, attempt, at in found]


def last_stored() -> dict[UUID, datetime]:
    """Return when the newest conversation of each collection came, by the collection's id: a step a collection."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (f.o_collection) f.o_collection, r.created_at FROM cells_found() f, LATERAL ("
            "SELECT created_at FROM governance_conversation c WHERE c.collection_id = f.o_collection"
            " AND c.classification = f.o_classification AND c.held = f.o_held AND c.restricted = f.o_restricted"
            " ORDER BY c.id DESC LIMIT 1) r ORDER BY f.o_collection, r.created_at DESC"
        )
        return dict(cursor.fetchall())


def _states(condition: str) -> dict[State, int]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT state, count(*) FROM ({_OF_STATE.format(condition)}) m GROUP BY state", [MOST + 1])  # noqa: S608 - fixed texts
        return {State(state): number for state, number in cursor.fetchall()}


def _grouped(statement: str, given: dict[str, Any]) -> dict[Any, frozenset[UUID]]:
    found: dict[Any, set[UUID]] = {}
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        for key, person in cursor.fetchall():
            found.setdefault(key, set()).add(person)
    return {key: frozenset(people) for key, people in found.items()}
