"""Times as policies compare them, and the moments at which a comparison can change its answer.

A policy may compare three clocks of the context with literals: `epoch_seconds` (Unix time), `minute_of_day` (0 to 1439)
and `weekday` (Monday 1 to Sunday 7, as ISO 8601), all of UTC. Between two literals nothing changes, so every moment of
that stretch gets the answer of its first one: that is what makes a decision safe to keep.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final, NamedTuple

CLOCKS: Final = frozenset({"epoch_seconds", "minute_of_day", "weekday"})
_FIRST: Final = 0


class Moment(NamedTuple):
    """What Cedar sees of the time."""

    epoch_seconds: int
    minute_of_day: int
    weekday: int


def moment_of(now: datetime) -> Moment:
    """Return `now` as the three clocks."""
    here = now.astimezone(UTC)
    return Moment(int(now.timestamp()), here.hour * 60 + here.minute, here.isoweekday())


@dataclass(frozen=True, slots=True)
class Timetable:
    """The literals with which a set of policies compares each clock, sorted.

    Each stands with the unit after it, because `>` changes its answer one later than `>=`.
    """

    seconds: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    weekdays: bool = False

    @classmethod
    def of(cls, literals: frozenset[tuple[str, int]]) -> "Timetable":
        """Return the table of (clock, literal) pairs."""

        def edges(clock: str) -> tuple[int, ...]:
            named = {value for name, value in literals if name == clock}
            return tuple(sorted(named | {value + 1 for value in named}))

        return cls(edges("epoch_seconds"), edges("minute_of_day"), any(name == "weekday" for name, _ in literals))

    def first_of(self, now: datetime) -> Moment:
        """Return the first moment of the stretch in which `now` lies; a clock that nobody compares stands at zero."""
        exact = moment_of(now)
        return Moment(
            _edge(self.seconds, exact.epoch_seconds),
            _edge(self.minutes, exact.minute_of_day),
            exact.weekday if self.weekdays else _FIRST,
        )

    def next_change(self, now: datetime) -> datetime | None:
        """Return the next moment at which an answer may change; None where no clock is compared any more."""
        exact = moment_of(now)
        changes = [datetime.fromtimestamp(edge, UTC) for edge in self.seconds if edge > exact.epoch_seconds][:1]
        if self.minutes or self.weekdays:
            midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
            ahead = [edge for edge in self.minutes if edge > exact.minute_of_day]
            changes.append(midnight + (timedelta(minutes=ahead[0]) if ahead else timedelta(days=1)))
        return min(changes, default=None)


def _edge(edges: tuple[int, ...], value: int) -> int:
    """Return the last edge at or below `value`; below the first one, a value that lies below it too."""
    if not edges:
        return _FIRST
    at = bisect_right(edges, value)
    return edges[at - 1] if at else edges[0] - 1
