"""Replaces data keys by new ones: the first half of a re-encryption, and its end. What guards it:

- a replaced key seals no more from the moment its successor exists, and opens until it is retired;
- writers that obtained it before hold the ring's lock shared, so that whoever has had the lock alone since knows that
  nothing comes under it any more.

Call everything inside the tenant's scope with the versions warm.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple, cast
from uuid import UUID

from django.db import connection

from governance.crypto.wrapping import new_secret
from governance.identity.identifiers import uuid7
from governance.keys.counting import count_uses
from governance.keys.rings import active_version
from governance.keys.warming import wrapping_key
from governance.keys.wrapped import NOBODY, STORED, context_of, read_keys

AT_ONCE: Final = 4_000
_OF_RING: Final = "v.ring_id = %s AND k.wrapped IS NOT NULL"
_END: Final = (
    "SELECT greatest(clock_timestamp(), max(k.created_at) + interval '1 microsecond') FROM governance_datakey k"  # noqa: S608
    f" JOIN governance_keyversion v ON v.id = k.version_id WHERE {_OF_RING} AND NOT k.replaced"
)
_NEXT: Final = (
    "SELECT k.id, k.owner_id FROM governance_datakey k JOIN governance_keyversion v ON v.id = k.version_id"  # noqa: S608
    f" WHERE k.id > %s AND {_OF_RING} AND NOT k.replaced AND k.created_at < %s ORDER BY k.id LIMIT %s"
)
_LOCK: Final = (
    f"{STORED} WHERE k.id = ANY(%s) AND {_OF_RING} AND NOT k.replaced ORDER BY k.id FOR NO KEY UPDATE OF k SKIP LOCKED"
)
_REPLACE: Final = (
    "WITH old AS (UPDATE governance_datakey SET replaced = true WHERE id = ANY(%b::uuid[])"
    " RETURNING id, tenant_id, conversation_id, owner_id, use)"
    " INSERT INTO governance_datakey (id, tenant_id, version_id, conversation_id, owner_id, use, wrapped, created_at)"
    " SELECT u.fresh, old.tenant_id, %b::uuid, old.conversation_id, old.owner_id, old.use, u.wrapped,"
    " greatest(clock_timestamp(), %b::timestamptz)"  # NULL is smaller than any.
    " FROM old JOIN unnest(%b::uuid[], %b::uuid[], %b::bytea[]) AS u(id, fresh, wrapped) USING (id)"
)
_RETIRE: Final = (
    "UPDATE governance_datakey SET wrapped = NULL, destroyed_at = %s WHERE id IN ("  # noqa: S608 - fixed text
    "SELECT k.id FROM governance_datakey k JOIN governance_keyversion v ON v.id = k.version_id"
    f" WHERE k.id > %s AND {_OF_RING} AND k.replaced ORDER BY k.id LIMIT %s FOR NO KEY UPDATE OF k SKIP LOCKED)"
    " RETURNING id"
)


class Candidate(NamedTuple):
    """A data key that is to be replaced, and whose texts it seals."""

    id: UUID
    owner: UUID


def end_of_old(ring: UUID) -> datetime:
    """Return a moment before which every data key of the ring was made; call it with the ring's lock held alone.

    It is the database's clock, which data keys are dated by, or later where that was set back.
    """
    with connection.cursor() as cursor:
        cursor.execute(_END, [ring])
        (moment,) = cursor.fetchone()
    return cast("datetime", moment)


def candidates(*, ring: UUID, before: datetime, after: UUID, limit: int = AT_ONCE) -> list[Candidate]:
    """Return the next live data keys of the ring, with ids above `after`, that were made before a moment."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [after, ring, before, limit])
        return [Candidate(*row) for row in cursor.fetchall()]


def replace(*, ring: UUID, keys: Sequence[UUID], since: datetime | None = None) -> int:
    """Give successors to those of `keys` that nobody else holds; return how many got one.

    A successor counts as made at `since` or later, whatever the clock says: so no successor is a candidate of its own job.
    Call it with the owners locked and the ring's lock held shared.
    """
    active = active_version(ring)
    wrapping = wrapping_key(active)
    rows = read_keys(_LOCK, list(keys), ring)
    if not rows:
        return 0
    count_uses(active.id, len(rows))
    fresh, wrapped = [uuid7() for _ in rows], []
    for row, key in zip(rows, fresh, strict=True):
        context = context_of(tenant=row.tenant, version=active.id, key=key, owner=row.of)
        wrapped.append(wrapping.wrap(new_secret(), *context))
    old = [row.id for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(_REPLACE, [old, active.id, since, old, fresh, wrapped])
    return len(rows)


def retire(*, ring: UUID, now: datetime, after: UUID = NOBODY, limit: int = AT_ONCE) -> UUID | None:
    """Destroy the next replaced data keys with ids above `after`, which seal nothing any more, as the caller knows.

    Returns the last one's id, None where there was none.
    """
    with connection.cursor() as cursor:
        # Statistics of before the job know no replaced key; by them the planner would read and sort all for each batch.
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute(_RETIRE, [now, after, ring, limit])
        return max((row[0] for row in cursor.fetchall()), default=None)
