"""Aggregates for people who may see them: what is found, stored and opened, without figures about fewer than five people."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count

from governance.audit.tallying import MESSAGES, OPENINGS, told
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.privacy.disclosing import Part, disclose
from governance.privacy.models import Finding
from governance.vault import counting
from governance.vault.listing import newest_visible
from governance.vault.models import State

NEWEST: Final = 200
Figures = list[tuple[str, int | None]]


def findings_by_type(*, principal: Principal, purpose: str, now: datetime) -> Figures | None:
    """Return the findings by type in the newest 200 conversations that the principal may list, the most frequent first.

    None where a list would be refused; None as a figure where it would be about fewer than five people. What a person
    rejected does not count.
    """
    newest = newest_visible(principal=principal, purpose=purpose, now=now, limit=NEWEST)
    if newest is None:
        return None
    with tenant_scope(principal.tenant_id):
        rows = Finding.objects.filter(conversation_id__in=list(newest.people)).exclude(state=Finding.State.REJECTED)
        found = list(rows.values_list("type", "conversation_id").annotate(Count("id")))
    numbers: dict[str, int] = {}
    people: dict[str, set[UUID]] = {}
    for kind, conversation, number in found:
        numbers[kind] = numbers.get(kind, 0) + number
        people.setdefault(kind, set()).update(filter(None, [newest.people[conversation]]))
    order = sorted(numbers, key=lambda kind: (-numbers[kind], kind))
    shown = disclose(Part(kind, numbers[kind], frozenset(people[kind])) for kind in order)
    return [one for one in shown if one[1] is not None] + sorted(one for one in shown if one[1] is None)


def messages_by_day(*, tenant: UUID, now: datetime, days: int) -> Figures:
    """Return the messages stored on each of the last days (UTC), as the record tells; dates in ISO 8601."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    wanted = [today - timedelta(days=days - 1 - at) for at in range(days)]
    with tenant_scope(tenant):
        people = counting.people_of_days(wanted)
        numbers = _summed(
            (hour.astimezone(UTC).date().isoformat(), number) for hour, _, number in _told(tenant, MESSAGES, wanted[0])
        )
    labels = {day: day.date().isoformat() for day in wanted}
    return disclose(Part(labels[day], numbers.get(labels[day], 0), people.get(day, frozenset())) for day in wanted)


def messages_by_state(*, tenant: UUID) -> tuple[list[tuple[State, int | None]], frozenset[State]]:
    """Return the messages by state, and the states whose figure is an estimate."""
    with tenant_scope(tenant):
        found, people = counting.by_state(), counting.people_of_states()
    states = [state for state in State if found.numbers.get(state)]
    shown = disclose(Part(state.label, found.numbers[state], people.get(state, frozenset())) for state in states)
    return [(state, number) for state, (_, number) in zip(states, shown, strict=True)], found.estimated


def openings_by_purpose(*, tenant: UUID, now: datetime, days: int, whole: bool = False) -> Figures:
    """Return how many grants were opened for each purpose; `whole` for whoever reads every entry of them anyway."""
    since = now - timedelta(days=days)
    with tenant_scope(tenant):
        numbers = _summed((label, number) for _, label, number in _told(tenant, OPENINGS, since))
        people = {} if whole else counting.people_of_purposes(sorted(numbers), since)
    numbers.pop("classification", None)  # Workers open everything once, and nobody reads it then.
    order = sorted(numbers, key=lambda purpose: (-numbers[purpose], purpose))
    if whole:
        return [(purpose, numbers[purpose]) for purpose in order]
    return disclose(Part(purpose, numbers[purpose], people.get(purpose, frozenset())) for purpose in sorted(order))


def _told(tenant: UUID, kind: str, since: datetime) -> list[tuple[datetime, str, int]]:
    return told(tenant=tenant, kind=kind, since=since)


def _summed(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for label, number in pairs:
        found[label] = found.get(label, 0) + number
    return found
