"""Moves sealed columns from replaced data keys to their successors: the work of a re-encryption.

`prepare` reads a page and seals it anew without any lock; `write` puts it into its rows where key and revision are as they
were read, so that what changed meanwhile is left for another round. One page is prepared while the one before is written.
The text stays inside `crypto` on its way from one key to the other, so it takes no grant. The revision grows, and the
manifest says so, as with every seal. Call everything inside the tenant's scope with the versions warm.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection
from psycopg.pq import Format

from governance.crypto.envelope import Place
from governance.keys.data_keys import Successor, open_with_successors
from governance.keys.models import KeyUse
from governance.vault.arrays import Array, BytesArray, IntArray, UuidArray, sends_arrays
from governance.vault.manifests import Manifest, leaf_bytes, manifest_of, record_of, split, store_manifest
from governance.vault.models import Conversation, Message
from governance.vault.pending import KINDS, Kind

ROWS: Final = 3_000
BYTES: Final = 8_388_608
COUNTED: Final = 1_000
_HEADS: Final = next(kind for kind in KINDS if kind.model is Conversation)
VIEWS: Final = {KeyUse.CONTENT.value: "source", KeyUse.REDACTED.value: "redacted"}
# The sum is over what stands before a row, so that a page has at least one. Bodies that lie outside are not read for it.
_PAGE: Final = (
    "SELECT p.id, p.conversation, p.data_key, p.revision, p.body FROM (SELECT m.id, m.{group} AS conversation,"
    " m.{view}_data_key_id AS data_key, m.{view}_revision AS revision, m.{view} AS body,"
    " sum(length(m.{view})) OVER (ORDER BY m.id) - length(m.{view}) AS before FROM {table} m"
    " WHERE {which} AND m.{view}_data_key_id IS NOT NULL ORDER BY m.id LIMIT %b) p WHERE p.before < %b"
)
_ABOVE: Final = "m.id > %b"
_AMONG: Final = "m.id = ANY(%b::uuid[])"
_LEFT: Final = (
    "SELECT EXISTS (SELECT FROM {table} m JOIN governance_datakey k ON k.id = m.{view}_data_key_id"
    " WHERE k.replaced AND k.wrapped IS NOT NULL)"
)
_WRITE: Final = (
    "UPDATE {table} m SET {view} = u.body, {view}_data_key_id = u.successor, {view}_revision = m.{view}_revision + 1"
    " FROM unnest(%b::uuid[], %b::uuid[], %b::int4[], %b::uuid[], %b::bytea[]) AS u(id, data_key, revision, successor, body)"
    " WHERE m.id = u.id AND m.{view}_data_key_id = u.data_key AND m.{view}_revision = u.revision"
)
# What another writer sealed meanwhile may have the same key and revision, and never the same envelope.
_WRITTEN: Final = (
    "SELECT m.id FROM {table} m JOIN unnest(%b::uuid[], %b::bytea[]) AS u(id, body) ON m.id = u.id AND m.{view} = u.body"
)


@dataclass(frozen=True, slots=True)
class Part:
    """`records` rows of one table: which each is, the key and revision that it must hold, and what comes there."""

    kind: Kind
    records: int
    columns: tuple[Array, ...]


@dataclass(frozen=True)
class Page:
    """What `prepare` made, ready to be sent, also to another process.

    `last` is the last id that it looked at, None at the table's end; `leaves` are of the new envelopes.
    """

    last: UUID | None
    parts: tuple[Part, ...] = ()
    owners: frozenset[UUID] = frozenset()
    leaves: bytes = b""

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest of the new envelopes, made when it is first looked at, which is before any lock is taken."""
        return manifest_of(split(self.leaves))

    @property
    def records(self) -> int:
        """How many rows there are."""
        return sum(part.records for part in self.parts)


@dataclass(frozen=True, slots=True)
class Moved:
    """How many records were sealed anew, how many of the walked table were not, and the manifest of the envelopes."""

    records: int
    missed: int
    manifest: UUID
    root: bytes


def _statement(template: str, kind: Kind, use: str, **more: str) -> str:
    return template.format(table=kind.table, group=kind.group, view=VIEWS[use], **more)


def _label(kind: Kind, use: str) -> str:
    return f"{'message' if kind.model is Message else 'conversation'}.{VIEWS[use]}"


def count_sealed(use: str) -> int:
    """Return how many records have a column sealed for `use`."""
    return sum(kind.model.objects.filter(**{f"{VIEWS[use]}_data_key_id__isnull": False}).count() for kind in KINDS)


def estimate_sealed(use: str) -> int:
    """Return about how many records have a column sealed for `use`: exact where there are few, else the planner's guess."""
    return sum(_about(kind, f"{VIEWS[use]}_data_key_id") for kind in KINDS)


def _about(kind: Kind, column: str) -> int:
    rows = f"FROM {kind.table} WHERE {column} IS NOT NULL"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM (SELECT FROM {kind.table} ORDER BY tenant_id, id LIMIT %s) few", [COUNTED + 1])  # noqa: S608 - fixed names
        if cursor.fetchone()[0] <= COUNTED:
            cursor.execute(f"SELECT count(*) {rows}")
            return int(cursor.fetchone()[0])
        cursor.execute(f"EXPLAIN (FORMAT JSON) SELECT {rows}")
        return int(cursor.fetchone()[0][0]["Plan"]["Plan Rows"])


def any_left(*, kind: Kind, use: str) -> bool:
    """Return whether a record of the table is under a replaced key."""
    with connection.cursor() as cursor:
        # Statistics of before the job know no replaced key; by them the planner would walk the table once for each.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(_statement(_LEFT, kind, use))
        return bool(cursor.fetchone()[0])


def lock_owners(owners: Iterable[UUID]) -> None:
    """Lock the data subjects FOR SHARE, so that none is erased meanwhile; it comes before the ring's lock and the rows'."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM governance_datasubject WHERE id = ANY(%s) ORDER BY id FOR SHARE", [sorted(set(owners))]
        )


def prepare(*, tenant: UUID, kind: Kind, use: str, after: UUID) -> Page:
    """Seal anew what is under replaced keys among the next 3,000 records or 8 MiB with ids above `after`.

    Messages take the heads of their conversations along, whose keys are open then. Nothing is locked or written. Raises
    CannotOpen for a row that was changed from outside.
    """
    found = _read(kind, use, _ABOVE, after)
    if not found:
        return Page(None)
    keys = open_with_successors({row.data_key for row in found})
    sealing = _Sealing(tenant, use, keys)
    sealing.take(kind, found)
    if keys and kind.model is Message:
        conversations = {row.conversation for row in found if row.data_key in keys}
        sealing.take(_HEADS, _read(_HEADS, use, _AMONG, list(conversations)))
    owners = frozenset(pair.owner for pair in keys.values())
    return Page(found[-1].id, tuple(sealing.parts), owners, b"".join(sealing.leaves))


class _Row(NamedTuple):
    id: UUID
    conversation: UUID
    data_key: UUID
    revision: int
    body: bytes


def _read(kind: Kind, use: str, which: str, value: Any) -> list[_Row]:
    with connection.cursor() as cursor:
        cursor.cursor.format = Format.BINARY
        cursor.execute(_statement(_PAGE, kind, use, which=which), [value, ROWS, BYTES])
        return list(map(_Row._make, cursor.fetchall()))


class _Sealing:
    """The parts of a page, and the leaves of its envelopes, as they come about."""

    def __init__(self, tenant: UUID, use: str, keys: Mapping[UUID, Successor]) -> None:
        self._tenant, self._use = tenant, use
        self._keys = {old: (pair, old.bytes, pair.successor.id.bytes) for old, pair in keys.items()}
        self.parts: list[Part] = []
        self.leaves: list[bytes] = []

    def take(self, kind: Kind, rows: Iterable[_Row]) -> None:
        """Seal anew what is under one of the keys."""
        label, tenant = _label(kind, self._use), self._tenant
        records, data_keys, revisions, successors, envelopes = [], [], [], [], []
        for record, conversation, data_key, revision, body in rows:
            if (found := self._keys.get(data_key)) is None:
                continue
            pair, old, successor = found
            place = Place(tenant, conversation, record, label, revision)
            envelope = pair.old.hand_over(body, place, to=pair.successor, revision=revision + 1)
            records.append(record.bytes)
            data_keys.append(old)
            revisions.append(revision)
            successors.append(successor)
            envelopes.append(envelope)
            self.leaves.append(leaf_bytes(record=record, column=label, revision=revision + 1, envelope=envelope))
        if records:
            which = UuidArray(records), UuidArray(data_keys), IntArray(revisions)
            columns = (*which, UuidArray(successors), BytesArray(envelopes))
            self.parts.append(Part(kind, len(records), columns))


def write(*, tenant: UUID, kind: Kind, use: str, page: Page) -> Moved:
    """Write a page into the rows that are as they were read; the owners are locked, and the ring's lock is held shared.

    `kind` is the table that is walked: heads that go with messages are met once more when theirs is.
    """
    written = missed = 0
    with connection.cursor() as cursor:
        cursor.cursor.format = Format.BINARY
        sends_arrays(cursor)
        for part in page.parts:  # Messages before heads, as workers lock them.
            columns: list[Any] = list(part.columns)
            cursor.execute(_statement(_WRITE, part.kind, use), columns)
            written += cursor.rowcount
            missed += part.records - cursor.rowcount if part.kind == kind else 0
        manifest = page.manifest if written == page.records else _of_written(cursor, use, page)
    return Moved(written, missed, store_manifest(tenant=tenant, manifest=manifest), manifest.root)


def _of_written(cursor: Any, use: str, page: Page) -> Manifest:
    there = set()
    for part in page.parts:
        cursor.execute(_statement(_WRITTEN, part.kind, use), [part.columns[0], part.columns[-1]])
        there |= {row[0].bytes for row in cursor.fetchall()}
    return manifest_of([leaf for leaf in split(page.leaves) if record_of(leaf) in there])
