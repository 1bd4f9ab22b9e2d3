"""How many live data keys versions wrap: counted at once where few are stored, kept by the schedule where there are many.

A data key finds its version by no index (its table is fast to rewrap because of that), so a count looks at all of them.
Pages and lists take what is found here; whoever destroys counts anew, under the ring's lock. Call everything inside the
tenant's scope.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

from governance.keys.data_keys import count_by_version
from governance.keys.models import KeyCensus

AT_ONCE: Final = 10_000
SHARE: Final = 100.0  # A count is made anew once it is as many times older as it took to make.
_STORED: Final = "SELECT count(*) FROM (SELECT FROM governance_datakey ORDER BY tenant_id, id LIMIT %s) k"


class Counted(NamedTuple):
    """What hangs from a version: live data keys, conversations, owners, and conversations on hold."""

    data_keys: int = 0
    conversations: int = 0
    owners: int = 0
    held: int = 0


class Census(NamedTuple):
    """Live data keys of each version by its id, and when they were counted; None: just now."""

    data_keys: Mapping[UUID, int]
    counted_at: datetime | None


def census() -> Census:
    """Return the live data keys of the versions, exact where few are stored, else as they were counted last."""
    found = {} if are_few() else kept()
    if not found:
        return Census(count_by_version(), None)
    return Census({version: one.data_keys for version, (one, _at) in found.items()}, min(at for _one, at in found.values()))


def are_few() -> bool:
    """Return whether so few data keys are stored, destroyed ones among them, that a page may count them."""
    with connection.cursor() as cursor:
        cursor.execute(_STORED, [AT_ONCE + 1])
        return bool(cursor.fetchone()[0] <= AT_ONCE)


def kept() -> dict[UUID, tuple[Counted, datetime]]:
    """Return what the schedule counted last of each version and when; empty where it has not counted yet."""
    names = ("version", "data_keys", "conversations", "owners", "held", "counted_at")
    return {row[0]: (Counted(*row[1:5]), row[5]) for row in KeyCensus.objects.values_list(*names)}


def is_due(now: datetime) -> bool:
    """Return whether pages need a count, and the last one is old enough for what it cost."""
    if are_few():
        return False
    last = KeyCensus.objects.order_by("counted_at").values_list("counted_at", "seconds").first()
    return last is None or now >= last[0] + timedelta(seconds=SHARE * last[1])


def keep(*, tenant: UUID, found: Mapping[UUID, Counted], seconds: float, now: datetime) -> None:
    """Keep a count of all versions, which took so many seconds, in the place of the last one."""
    KeyCensus.objects.all().delete()
    KeyCensus.objects.bulk_create(
        KeyCensus(tenant_id=tenant, version=version, **one._asdict(), seconds=seconds, counted_at=now)
        for version, one in found.items()
    )
