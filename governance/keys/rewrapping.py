"""Rewrap: data keys move to the active version of their ring, message by message nothing changes.

A stolen data key still opens what it opened before; against that there is re-encryption. Call everything inside the
tenant's scope with the versions warm.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection

from governance.keys.counting import count_uses
from governance.keys.rings import active_version, lock_shared
from governance.keys.states import OPENS_IN_EMERGENCIES
from governance.keys.warming import wrapping_key
from governance.keys.wrapped import STORED, context_of, read_keys, unwrap_all

AT_ONCE: Final = 4_000
# Those of compromised versions move as well, they above all; those of suspended ones wait until somebody resumes these.
_MOVABLE: Final = "k.wrapped IS NOT NULL AND v.ring_id = %s AND v.state = ANY(%s) AND k.version_id <> %s"
# By id and not by version: an index on the version would make every move write to all the table's indexes.
_NEXT: Final = f"{STORED} WHERE k.id > %s AND {_MOVABLE} ORDER BY k.id LIMIT %s FOR NO KEY UPDATE OF k SKIP LOCKED"
_COUNT: Final = (
    "SELECT count(*) FILTER (WHERE v.state = ANY(%s)), count(*) FROM governance_datakey k"
    " JOIN governance_keyversion v ON v.id = k.version_id"
    " WHERE k.wrapped IS NOT NULL AND v.ring_id = %s AND v.state <> 'active'"
)
_MOVE: Final = (
    "UPDATE governance_datakey k SET version_id = %b::uuid, wrapped = u.wrapped"
    " FROM unnest(%b::uuid[], %b::bytea[]) AS u(id, wrapped) WHERE k.id = u.id"
)


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """What one step moved: how many data keys, the last of them (None where none was left), and to which version."""

    keys: int
    last: UUID | None
    version: int


@dataclass(frozen=True, slots=True)
class Left:
    """Data keys of a ring that its active version does not wrap: those that can move, and those that cannot now."""

    movable: int
    kept: int


def rewrap_next(*, ring: UUID, after: UUID, limit: int = AT_ONCE) -> Rewrapped:
    """Move the next data keys of the ring with ids above `after` to its active version, inside the open transaction.

    It never waits for a row: what somebody else holds is left for another round. Raises KeyUnavailable, CannotOpen for a
    row that was changed.
    """
    lock_shared([ring])
    active = active_version(ring)
    key = wrapping_key(active)
    rows = read_keys(_NEXT, after, ring, sorted(OPENS_IN_EMERGENCIES), active.id, limit)
    count_uses(active.id, len(rows))
    moved = [
        (row.id, key.wrap(secret, *context_of(tenant=row.tenant, version=active.id, key=row.id, owner=row.of)))
        for row, secret in unwrap_all(rows, emergency=True)
    ]
    if moved:
        with connection.cursor() as cursor:
            cursor.execute(_MOVE, [active.id, *(list(column) for column in zip(*moved, strict=True))])
    return Rewrapped(len(moved), rows[-1].id if rows else None, active.number)


def count_below(ring: UUID, number: int) -> int:
    """Return how many live data keys of the ring are wrapped by versions below `number`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM governance_datakey k JOIN governance_keyversion v ON v.id = k.version_id"
            " WHERE k.wrapped IS NOT NULL AND v.ring_id = %s AND v.number < %s",
            [ring, number],
        )
        return int(cursor.fetchone()[0])


def count_left(ring: UUID) -> Left:
    """Return how many live data keys of the ring its active version does not wrap."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [sorted(OPENS_IN_EMERGENCIES), ring])
        movable, all_of_them = cursor.fetchone()
    return Left(movable, all_of_them - movable)
