"""Data keys: one a (conversation, owner, use), made when first needed, opened in bulk."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q

from governance.crypto.derivation import KeyedHash
from governance.crypto.envelope import OpenDataKey
from governance.crypto.wrapping import WrappingKey, new_secret
from governance.identity.identifiers import uuid7
from governance.keys.errors import KeyDestroyed, UnknownKey
from governance.keys.models import DataKey
from governance.keys.rings import active_version, lock_shared, rings_of
from governance.keys.warming import wrapping_key, wrapping_keys

NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """What a data key belongs to."""

    conversation: UUID
    owner: UUID
    use: str


def _context(*, tenant: UUID, version: UUID, key: UUID, owner: KeyOwner) -> tuple[bytes, ...]:
    """What a wrapped data key is bound to; the version stands here, so a rewrap touches no message."""
    return (tenant.bytes, version.bytes, key.bytes, owner.conversation.bytes, owner.owner.bytes, owner.use.encode())


def _owner_of(row: DataKey) -> KeyOwner:
    return KeyOwner(row.conversation_id, row.owner_id, row.use)


def _unwrap(row: DataKey, key: WrappingKey) -> bytes:
    if row.wrapped is None:
        raise KeyDestroyed("The data key was destroyed; what it sealed cannot be read again.")
    context = _context(tenant=row.tenant_id, version=row.version_id, key=row.id, owner=_owner_of(row))
    return key.unwrap(bytes(row.wrapped), *context)


def _insert(rows: list[tuple[Any, ...]], tenant: UUID, now: datetime) -> None:
    """Insert new data keys; where another writer was first, its row stands and ours is dropped."""
    columns = list(zip(*rows, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO governance_datakey (id, tenant_id, version_id, conversation_id, owner_id, use, wrapped, created_at)"
            " SELECT u.id, %b::uuid, u.version, u.conversation, u.owner, u.use, u.wrapped, %b::timestamptz"
            " FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::bytea[])"
            " u(id, version, conversation, owner, use, wrapped)"
            " ON CONFLICT (tenant_id, conversation_id, owner_id, use) DO NOTHING",
            [tenant, now, *(list(column) for column in columns)],
        )


def _select(owners: Iterable[KeyOwner]) -> dict[KeyOwner, DataKey]:
    wanted = list(owners)
    if not wanted:
        return {}
    rows = DataKey.objects.filter(
        conversation_id__in={o.conversation for o in wanted}, owner_id__in={o.owner for o in wanted}
    )
    found = {_owner_of(row): row for row in rows}
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
    opened.update(_open_rows(held))
    return opened


def _create(*, tenant: UUID, owners: list[KeyOwner], now: datetime) -> dict[KeyOwner, OpenDataKey]:
    rings = rings_of(tenant)
    versions = {use: active_version(rings[use].id) for use in {owner.use for owner in owners}}
    rows, secrets = [], {}
    for owner in owners:
        version = versions[owner.use]
        key_id, secret = uuid7(), new_secret()
        context = _context(tenant=tenant, version=version.id, key=key_id, owner=owner)
        wrapped = wrapping_key(version).wrap(secret, *context)
        rows.append((key_id, version.id, owner.conversation, owner.owner, owner.use, wrapped))
        secrets[owner] = (key_id, secret)
    _insert(rows, tenant, now)
    # Where another writer was first, its row stands; only keys whose row is ours may seal.
    ours = set(DataKey.objects.filter(id__in=[key_id for key_id, _ in secrets.values()]).values_list("id", flat=True))
    return {
        owner: OpenDataKey(key_id=key_id, secret=secret) for owner, (key_id, secret) in secrets.items() if key_id in ours
    }


def _open_rows(rows: Mapping[KeyOwner, DataKey]) -> dict[KeyOwner, OpenDataKey]:
    keys = wrapping_keys({row.version_id for row in rows.values()})
    return {owner: OpenDataKey(key_id=row.id, secret=_unwrap(row, keys[row.version_id])) for owner, row in rows.items()}


def open_data_keys(ids: Iterable[UUID]) -> dict[UUID, OpenDataKey]:
    """Return open data keys by id, without those that were destroyed; call it inside the tenant's scope.

    Raises UnknownKey for an id that is no row of this tenant, CannotOpen for a row that was changed, KeyUnavailable
    for one whose version may not open.
    """
    wanted = set(ids)
    rows = {row.id: row for row in DataKey.objects.filter(id__in=wanted)}
    if len(rows) < len(wanted):
        raise UnknownKey("A row names a data key that this tenant does not have.")
    live = {key_id: row for key_id, row in rows.items() if row.wrapped is not None}
    keys = wrapping_keys({row.version_id for row in live.values()})
    return {key_id: OpenDataKey(key_id=key_id, secret=_unwrap(row, keys[row.version_id])) for key_id, row in live.items()}


def tenant_secret(*, tenant: UUID, use: str, now: datetime) -> bytes:
    """Return the tenant-wide secret of a use (index, tombstone, signing), made when first needed.

    Call it inside the tenant's scope; it takes the ring's lock shared where it has to make the key.
    """
    owner = KeyOwner(NOBODY, NOBODY, use)
    row = _select([owner]).get(owner)
    if row is None:
        lock_shared([rings_of(tenant)[use].id])
        _create(tenant=tenant, owners=[owner], now=now)
        row = _select([owner])[owner]
    return _unwrap(row, wrapping_keys({row.version_id})[row.version_id])


def keyed_hash(*, tenant: UUID, use: str, label: str, now: datetime) -> KeyedHash:
    """Return the tenant's keyed hash for `label` (blind indexes, marks, tombstones)."""
    return KeyedHash(tenant_secret(tenant=tenant, use=use, now=now), label)


def destroy_data_keys(*, where: Q, now: datetime) -> int:
    """NULL the wrapped bytes of the data keys that match, and return how many had any; their rows stay."""
    return DataKey.objects.filter(where, wrapped__isnull=False).update(wrapped=None, destroyed_at=now)


def count_by_version() -> dict[UUID, int]:
    """Return how many live data keys each version wraps; call it inside the tenant's scope."""
    rows = DataKey.objects.filter(wrapped__isnull=False).values("version_id").annotate(count=Count("id"))
    return {row["version_id"]: row["count"] for row in rows.order_by()}


def owners_of(ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return the owner of each data key by the key's id; call it inside the tenant's scope."""
    return dict(DataKey.objects.filter(id__in=set(ids)).values_list("id", "owner_id"))
