"""What an act on keys would touch, and how long it would take, before anybody asks for it.

Where much is stored, data keys are as they were counted last, and records are an estimate: an act counts for itself.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection

from governance.access.acting import require
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.jobs.leasing import rate_of_last
from governance.keys import census, listing
from governance.keys.changing import version_of
from governance.keys.errors import UnknownKey
from governance.keys.rewrapping import Left, count_left
from governance.keys.rings import rings_of
from governance.keys.states import FOLLOWS, OPENS_IN_EMERGENCIES, State
from governance.vault.reencrypting import VIEWS, estimate_sealed

_RADIUS: Final = (
    "SELECT count(*), count(DISTINCT k.conversation_id), count(DISTINCT k.owner_id),"
    " count(DISTINCT k.conversation_id) FILTER (WHERE c.held) FROM governance_datakey k"
    " LEFT JOIN governance_conversation c ON c.id = k.conversation_id"
    " WHERE k.version_id = %s AND k.wrapped IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rewrap and a re-encryption of one ring would do.

    `data_keys` move in a rewrap and `kept` stay under suspended versions; `records` are sealed anew in a re-encryption,
    None for rings that seal none. Seconds are by the rate of the last job of the kind, None where there was none.
    """

    use: str
    data_keys: int
    kept: int
    records: int | None
    rewrap_seconds: float | None
    reencrypt_seconds: float | None


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """What would be unreadable without a version: live data keys, conversations, owners, and conversations on hold."""

    version: int
    use: str
    state: str
    data_keys: int
    conversations: int
    owners: int
    held: int

    @property
    def destroyable(self) -> bool:
        """Whether the version may be destroyed as it is now."""
        return self.data_keys == 0 and State.DESTROYED in FOLLOWS[self.state]


def plan(*, principal: Principal, use: str, now: datetime) -> Plan:
    """Return what work on the ring for `use` would come to. Raises AccessDenied (recorded), UnknownKey."""
    require(principal=principal, action="manage_keys", now=now)
    with tenant_scope(principal.tenant_id):
        ring = rings_of(principal.tenant_id).get(use)
        if ring is None:
            raise UnknownKey(f"This tenant has no ring for {use!r}.")
        left = count_left(ring) if census.are_few() else _left_of(use)
        records = estimate_sealed(use) if use in VIEWS else None
        return Plan(
            use=use, data_keys=left.movable, kept=left.kept, records=records,
            rewrap_seconds=_seconds("rewrap", left.movable), reencrypt_seconds=_seconds("reencrypt", records),
        )  # fmt: skip


def blast_radius(*, principal: Principal, version_id: UUID, now: datetime) -> BlastRadius:
    """Return what hangs from one version. Raises AccessDenied (recorded), UnknownKey."""
    require(principal=principal, action="manage_keys", now=now)
    with tenant_scope(principal.tenant_id):
        version = version_of(version_id)
        found = {} if census.are_few() else census.kept()
        hanging = found[version_id][0] if version_id in found else _counted(version_id)
    return BlastRadius(version.number, version.ring.use, str(version.state), *hanging)


def _counted(version_id: UUID) -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute(_RADIUS, [version_id])
        return tuple(cursor.fetchone())


def _left_of(use: str) -> Left:
    """Return what a rewrap of the ring would move and leave, by the counts that are kept."""
    rows = [one for one in listing.versions() if one.use == use and one.state != State.ACTIVE]
    kept = sum(one.data_keys for one in rows if one.state not in OPENS_IN_EMERGENCIES)
    return Left(sum(one.data_keys for one in rows) - kept, kept)


def _seconds(topic: str, units: int | None) -> float | None:
    rate = rate_of_last(topic)
    return None if units is None or rate is None else units / rate
