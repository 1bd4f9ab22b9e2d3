"""Fair work for all tenants: a worker goes around those that have work and gives each a short turn.

What is outside is no fault of the row or job that met it: a key provider or a detector of the user's own that is away,
a record that cannot be written, a database that is full, only reads or has its locks held.

However much one tenant has, another's work is next after one round; which tenant a ring named only says who is first.
Where the time ends before the round does, the next one goes on behind the tenant that was last.
"""

import time
from collections.abc import Callable, Iterable
from typing import Final
from uuid import UUID

from django.db import connections

from governance.audit.errors import RecordRefused
from governance.jobs.outages import is_outage
from governance.keys.errors import KeyUnavailable, ProviderFailed
from governance.pipeline.settling import settle
from governance.privacy.plugins.process import DetectorAway

TURN_SECONDS: Final = 0.25
_OUTSIDE: Final = (ProviderFailed, KeyUnavailable, RecordRefused, DetectorAway)
_LONGEST_REST: Final = 60.0


class Rests:
    """Tenants that something outside keeps from work, each with the time until which this process leaves it alone."""

    def __init__(self) -> None:
        self._until: dict[UUID, tuple[float, float]] = {}

    def begin(self, tenant: UUID) -> float:
        """Let the tenant rest, twice as long as the last time; return the seconds."""
        seconds = min(2 * self._until.get(tenant, (0.0, 1.0))[1], _LONGEST_REST)
        self._until[tenant] = (time.monotonic() + seconds, seconds)
        return seconds

    def end(self, tenant: UUID) -> None:
        """Forget the tenant: what it needs is there again."""
        self._until.pop(tenant, None)

    def over(self, tenant: UUID) -> bool:
        """Return whether the tenant may be worked for."""
        return self._until.get(tenant, (0.0, 0.0))[0] <= time.monotonic()


rests = Rests()
_last: UUID | None = None  # Whose turn was the last in this process.


def is_outside(error: BaseException) -> bool:
    """Tell whether an error is no fault of the row or job that met it."""
    return isinstance(error, _OUTSIDE) or is_outage(error)


def in_turns(
    tenants: Callable[[], Iterable[UUID]],
    turn: Callable[[UUID, float], bool],
    *,
    first: UUID | None = None,
    seconds: float,
) -> None:
    """Give turns until `seconds` are over or a whole round did nothing.

    `turn(tenant, until)` works until that moment of the monotonic clock and returns whether it did anything.
    """
    global _last  # noqa: PLW0603 - a process goes around once, whatever it works on
    settle()
    deadline = time.monotonic() + seconds
    worked = True
    while worked and time.monotonic() < deadline:
        worked = False
        for tenant in _ordered(tenants(), first):
            if rests.over(tenant):
                _last = tenant
                worked |= turn(tenant, min(deadline, time.monotonic() + TURN_SECONDS))
            if time.monotonic() >= deadline:
                return
        first = None


def drop_broken_connections() -> None:
    """Close connections that an error has left unusable, so that the next batch does not fail on them, too."""
    for connection in connections.all(initialized_only=True):
        connection.close_if_unusable_or_obsolete()


def _ordered(tenants: Iterable[UUID], first: UUID | None) -> list[UUID]:
    """Return the one that a ring named, then those behind whoever was last, then the others."""
    last = _last.bytes if _last is not None else b""
    return sorted(tenants, key=lambda tenant: (tenant != first, tenant.bytes <= last, tenant.bytes))
