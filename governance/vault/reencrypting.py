"""Moves sealed columns from replaced data keys to their successors: the work of a re-encryption.

The text stays inside `crypto` on its way from one key to the other, so it takes no grant. The revision grows, and the
manifest says so, as with every seal. Call everything inside the tenant's scope with the versions warm.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from governance.crypto.envelope import Place
from governance.keys.data_keys import obtain, open_data_keys
from governance.keys.models import KeyUse
from governance.keys.wrapped import KeyOwner
from governance.vault.manifests import leaf_bytes, write_manifest
from governance.vault.models import Message
from governance.vault.pending import KINDS, Kind

ROWS: Final = 1_000
BYTES: Final = 8_388_608
VIEWS: Final = {KeyUse.CONTENT.value: "source", KeyUse.REDACTED.value: "redacted"}
_LEFT: Final = (
    "SELECT m.id, m.{group}, m.{view}_data_key_id, k.owner_id, length(m.{view}) FROM {table} m"
    " JOIN governance_datakey k ON k.id = m.{view}_data_key_id AND k.replaced AND k.wrapped IS NOT NULL"
    " WHERE m.id > %b ORDER BY m.id LIMIT %b"
)
_LOCK: Final = (
    "SELECT m.id, m.{group}, m.{view}_data_key_id, m.{view}_revision, m.{view} FROM {table} m"
    " JOIN unnest(%b::uuid[], %b::uuid[]) AS c(id, data_key) ON c.id = m.id AND c.data_key = m.{view}_data_key_id"
    " ORDER BY m.id FOR NO KEY UPDATE OF m SKIP LOCKED"
)
_WRITE: Final = (
    "UPDATE {table} m SET {view} = u.body, {view}_data_key_id = u.data_key, {view}_revision = u.revision"
    " FROM unnest(%b::uuid[], %b::bytea[], %b::uuid[], %b::int4[]) AS u(id, body, data_key, revision) WHERE m.id = u.id"
)


@dataclass(frozen=True, slots=True)
class Left:
    """A record that is under a replaced data key."""

    id: UUID
    conversation: UUID
    data_key: UUID
    owner: UUID


@dataclass(frozen=True, slots=True)
class Moved:
    """How many records were sealed anew, and the manifest of their envelopes."""

    records: int
    manifest: UUID
    root: bytes


def _statement(template: str, kind: Kind, view: str) -> str:
    return template.format(table=kind.table, group=kind.group, view=view)


def count_sealed(use: str) -> int:
    """Return how many records have a column sealed for `use`."""
    return sum(kind.model.objects.filter(**{f"{VIEWS[use]}_data_key_id__isnull": False}).count() for kind in KINDS)


def next_left(*, kind: Kind, use: str, after: UUID) -> list[Left]:
    """Return the next records with ids above `after` that are under replaced keys, at most 1,000 or about 8 MiB."""
    with connection.cursor() as cursor:
        cursor.execute(_statement(_LEFT, kind, VIEWS[use]), [after, ROWS])
        found = cursor.fetchall()
    taken: list[Left] = []
    size = 0
    for *row, length in found:
        size += length
        if taken and size > BYTES:
            break
        taken.append(Left(*row))
    return taken


def lock_owners(owners: Iterable[UUID]) -> None:
    """Lock the data subjects FOR SHARE, so that none is erased meanwhile; it comes before the ring's lock and the rows'."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM governance_datasubject WHERE id = ANY(%s) ORDER BY id FOR SHARE", [sorted(set(owners))]
        )


def seal_anew(*, tenant: UUID, kind: Kind, use: str, rows: list[Left], now: datetime) -> Moved:
    """Seal records under the successors of their data keys, but those that somebody else holds; owners are locked.

    Raises CannotOpen for a row that was changed; then nothing was written.
    """
    view = VIEWS[use]
    label = f"{'message' if kind.model is Message else 'conversation'}.{view}"
    owners = {one.data_key: KeyOwner(one.conversation, one.owner, use) for one in rows}
    old = open_data_keys(owners, emergency=True)
    new = obtain(tenant=tenant, owners=owners.values(), now=now)
    written: list[tuple[Any, ...]] = []
    leaves: list[bytes] = []
    with connection.cursor() as cursor:
        cursor.execute(_statement(_LOCK, kind, view), [[one.id for one in rows], [one.data_key for one in rows]])
        for record, conversation, key_id, revision, body in cursor.fetchall():
            if key_id not in old:
                continue  # Erased meanwhile.
            successor = new[owners[key_id]]
            place = Place(tenant, conversation, record, label, revision + 1)
            before = Place(tenant, conversation, record, label, revision)
            envelope = old[key_id].hand_over(bytes(body), before, to=successor, at=place)
            leaves.append(leaf_bytes(record=record, column=label, revision=revision + 1, envelope=envelope))
            written.append((record, envelope, successor.id, revision + 1))
        if written:
            cursor.execute(_statement(_WRITE, kind, view), [list(column) for column in zip(*written, strict=True)])
    manifest, root = write_manifest(tenant=tenant, leaves=leaves)
    return Moved(len(written), manifest, root)
