"""Data keys: one a (conversation, owner, use), made when first needed, opened in bulk."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q

from governance.crypto.derivation import KeyedHash
from governance.crypto.envelope import OpenDataKey
from governance.crypto.wrapping import new_secret
from governance.identity.identifiers import uuid7
from governance.keys.counting import count_uses
from governance.keys.errors import KeyReplaced, UnknownKey
from governance.keys.models import DataKey
from governance.keys.rings import active_version, lock_shared, rings_of
from governance.keys.warming import wrapping_key
from governance.keys.wrapped import (
    BY_ANY,
    BY_ID,
    BY_OWNER,
    NOBODY,
    OF_VALUES,
    VALUES,
    KeyOwner,
    WrappedKey,
    context_of,
    read_keys,
    read_with_successors,
    unwrap_all,
)


def _insert(rows: list[tuple[Any, ...]], tenant: UUID, now: datetime) -> set[UUID]:
    """Insert new data keys and return the ids of ours; where another writer was first, its row stands."""
    # In the order of the unique index: two writers of the same keys wait for each other, never in a circle.
    columns = list(zip(*sorted(rows, key=lambda row: row[2:5]), strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO governance_datakey (id, tenant_id, version_id, conversation_id, owner_id, use, wrapped, created_at)"
            " SELECT u.id, %b::uuid, u.version, u.conversation, u.owner, u.use, u.wrapped,"
            " least(%b::timestamptz, clock_timestamp())"  # A clock that is fast would hide a key from a re-encryption.
            " FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::bytea[])"
            " u(id, version, conversation, owner, use, wrapped)"
            " ON CONFLICT (tenant_id, conversation_id, owner_id, use) WHERE NOT replaced DO NOTHING RETURNING id",
            [tenant, now, *(list(column) for column in columns)],
        )
        return {row[0] for row in cursor.fetchall()}


def _select(owners: Iterable[KeyOwner]) -> dict[KeyOwner, WrappedKey]:
    wanted = list(owners)
    if not wanted:
        return {}
    conversations, of = list({one.conversation for one in wanted}), list({one.owner for one in wanted})
    found = {row.of: row for row in read_keys(BY_OWNER, conversations, of)}
    return {owner: found[owner] for owner in wanted if owner in found}


def obtain(*, tenant: UUID, owners: Iterable[KeyOwner], now: datetime) -> dict[KeyOwner, OpenDataKey]:
    """Return an open data key for each owner, making those that are missing under the active version of their ring.

    Call it inside the tenant's scope with the rings' locks held shared (`rings.lock_shared`) and the versions warm.
    Raises KeyDestroyed where an owner's key was destroyed.
    """
    wanted = list(dict.fromkeys(owners))
    held = _select(wanted)
    missing = [owner for owner in wanted if owner not in held]
    opened: dict[KeyOwner, OpenDataKey] = {}
    if missing:
        opened = _create(tenant=tenant, owners=missing, now=now)
        lost = [owner for owner in missing if owner not in opened]
        held.update(_select(lost))
    opened.update((row.of, OpenDataKey(key_id=row.id, secret=secret)) for row, secret in unwrap_all(held.values()))
    return opened


def ensure(*, tenant: UUID, owners: Iterable[KeyOwner], now: datetime) -> None:
    """Make the data keys that are missing, for a transaction of its own, so that none waits for another's under locks.

    Call it as `obtain`. A key that was destroyed stays so.
    """
    wanted = list(dict.fromkeys(owners))
    held = _select(wanted)
    if missing := [owner for owner in wanted if owner not in held]:
        _create(tenant=tenant, owners=missing, now=now)


def _create(*, tenant: UUID, owners: list[KeyOwner], now: datetime) -> dict[KeyOwner, OpenDataKey]:
    rings = rings_of(tenant)
    wanted = Counter(owner.use for owner in owners)
    versions = {use: active_version(rings[use]) for use in wanted}
    for use, uses in wanted.items():
        count_uses(versions[use].id, uses)
    rows, secrets = [], {}
    for owner in owners:
        version = versions[owner.use]
        key_id, secret = uuid7(), new_secret()
        context = context_of(tenant=tenant, version=version.id, key=key_id, owner=owner)
        wrapped = wrapping_key(version).wrap(secret, *context)
        rows.append((key_id, version.id, owner.conversation, owner.owner, owner.use, wrapped))
        secrets[owner] = (key_id, secret)
    ours = _insert(rows, tenant, now)  # Only keys whose row is ours may seal.
    return {
        owner: OpenDataKey(key_id=key_id, secret=secret) for owner, (key_id, secret) in secrets.items() if key_id in ours
    }


def open_data_keys(ids: Iterable[UUID], *, emergency: bool = False) -> dict[UUID, OpenDataKey]:
    """Return open data keys by id, without those that were destroyed; call it inside the tenant's scope.

    `emergency` opens those of compromised versions as well, for break-glass.
    Raises UnknownKey for an id that is no row of this tenant, KeyReplaced where what the key sealed is under another one
    by now, CannotOpen for a row that was changed, KeyUnavailable for one whose version may not open.
    """
    wanted = set(ids)
    rows = read_keys(BY_ID, list(wanted))
    if len(rows) < len(wanted):
        raise UnknownKey("A row names a data key that this tenant does not have.")
    if _moved_on([row for row in rows if row.replaced and row.wrapped is None]):
        raise KeyReplaced("What this data key sealed was re-encrypted meanwhile; read the row again.")
    live = (row for row in rows if row.wrapped is not None)
    return {row.id: OpenDataKey(key_id=row.id, secret=secret) for row, secret in unwrap_all(live, emergency=emergency)}


def _moved_on(rows: list[WrappedKey]) -> bool:
    """Return whether what these replaced keys sealed is under a key that lives; an erasure destroys the successor, too."""
    successors = _select([row.of for row in rows])
    return any((found := successors.get(row.of)) is None or found.wrapped is not None for row in rows)


class Successor(NamedTuple):
    """A replaced data key and the one that took its place, both open, and whose texts they seal."""

    old: OpenDataKey
    successor: OpenDataKey
    owner: UUID


def open_with_successors(ids: Iterable[UUID]) -> dict[UUID, Successor]:
    """Return those of the data keys that are replaced and live, with their successors, by id; also of compromised versions.

    Raises CannotOpen for a row that was changed, KeyUnavailable for one whose version may not open.
    """
    rows = read_with_successors(set(ids))
    pairs = zip(
        unwrap_all((old for old, _ in rows), emergency=True), unwrap_all((fresh for _, fresh in rows), emergency=True),
        strict=True,
    )  # fmt: skip
    return {
        row.id: Successor(OpenDataKey(key_id=row.id, secret=secret), OpenDataKey(key_id=to.id, secret=latest), row.owner)
        for (row, secret), (to, latest) in pairs
    }


def tenant_secret(*, tenant: UUID, use: str, now: datetime) -> bytes:
    """Return the tenant-wide secret of a use (index, tombstone, signing), made when first needed.

    Call it inside the tenant's scope; it takes the ring's lock shared where it has to make the key.
    """
    owner = KeyOwner(NOBODY, NOBODY, use)
    row = _select([owner]).get(owner)
    if row is None:
        lock_shared([rings_of(tenant)[use]])
        _create(tenant=tenant, owners=[owner], now=now)
        row = _select([owner])[owner]
    [(_, secret)] = unwrap_all([row])
    return secret


def tenant_key(*, tenant: UUID, use: str, now: datetime) -> OpenDataKey:
    """Return the data key of the tenant as a whole for a use, made when first needed. Call it as `obtain`."""
    owner = KeyOwner(NOBODY, NOBODY, use)
    return obtain(tenant=tenant, owners=[owner], now=now)[owner]


def hash_of_values(*, tenant: UUID, now: datetime) -> KeyedHash:
    """Return the keyed hash of blind-index values that are written now; the index ring's lock is held shared to commit."""
    if not (found := _select([OF_VALUES])):
        ensure(tenant=tenant, owners=[OF_VALUES], now=now)
        found = _select([OF_VALUES])
    [(_, secret)] = unwrap_all(found.values())
    return KeyedHash(secret, "value")


def hashes_of_values() -> list[KeyedHash]:
    """Return the keyed hashes under which values stand in the index: one, and a second while it is re-keyed."""
    rows = [row for row in read_keys(BY_ANY, NOBODY, VALUES) if row.wrapped is not None]
    return [KeyedHash(secret, "value") for _, secret in unwrap_all(rows)]


def keyed_hash(*, tenant: UUID, use: str, label: str, now: datetime) -> KeyedHash:
    """Return the tenant's keyed hash for `label` (blind indexes, marks, tombstones)."""
    return keyed_hashes(tenant=tenant, use=use, labels=[label], now=now)[0]


def keyed_hashes(*, tenant: UUID, use: str, labels: Iterable[str], now: datetime) -> list[KeyedHash]:
    """Return a keyed hash for each label, from one opening of the tenant's secret."""
    secret = tenant_secret(tenant=tenant, use=use, now=now)
    return [KeyedHash(secret, label) for label in labels]


def destroy_data_keys(*, where: Q, now: datetime) -> int:
    """NULL the wrapped bytes of the data keys that match, and return how many had any; their rows stay."""
    return DataKey.objects.filter(where, wrapped__isnull=False).update(wrapped=None, destroyed_at=now)


def count_by_version() -> dict[UUID, int]:
    """Return how many live data keys each version wraps; call it inside the tenant's scope."""
    rows = DataKey.objects.filter(wrapped__isnull=False).values("version_id").annotate(count=Count("id"))
    return {row["version_id"]: row["count"] for row in rows.order_by()}


def count_of_version(version: UUID) -> int:
    """Return how many live data keys one version wraps. It is the truth only with the ring's lock held alone."""
    return DataKey.objects.filter(version_id=version, wrapped__isnull=False).count()


def owners_of(ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return the owner of each data key by the key's id; call it inside the tenant's scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, owner_id FROM governance_datakey WHERE id = ANY(%s)", [list(set(ids))])
        return dict(cursor.fetchall())
