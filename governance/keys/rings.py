"""Key rings of a tenant: made with it, one a use, each with an active version.

Writers take the ring's lock shared before they read the active version and hold it to commit; a rotator takes it
exclusively, and only to flip the version. So no committed row is ever on a version that was retired meanwhile.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection

from governance.crypto.wrapping import new_secret
from governance.identity.identifiers import uuid7
from governance.keys.errors import KeyUnavailable, ProviderNotListed, ProviderUnderLock, UnknownKey
from governance.keys.models import KeyRing, KeyTransition, KeyUse, KeyVersion
from governance.keys.providers import SETTING, listed_uris, provider, root_provider

_MOST_TENANTS = 10_000
_rings: dict[UUID, dict[str, UUID]] = {}
USES = (KeyUse.CONTENT, KeyUse.REDACTED, KeyUse.INDEX, KeyUse.TOMBSTONE, KeyUse.SIGNING)


def lock_number(ring: UUID) -> int:
    """Return the number of the ring's advisory lock (a signed 64-bit integer)."""
    return int.from_bytes(hashlib.sha256(b"threadvault ring" + ring.bytes).digest()[:8], "big", signed=True)


def version_context(*, tenant: UUID, ring: UUID, version: UUID) -> dict[str, str]:
    """Return what the wrapped bytes of a version are bound to."""
    return {"tenant": str(tenant), "ring": str(ring), "version": str(version)}


@dataclass(frozen=True, slots=True)
class FreshVersion:
    """A version before it has a row: its bytes are made and wrapped already, for this ring and no other."""

    tenant: UUID
    ring: UUID
    id: UUID
    provider_uri: str
    wrapped: bytes = field(repr=False)


def fresh_version(*, tenant: UUID, ring: UUID, provider_uri: str = "") -> FreshVersion:
    """Make the bytes of a new version, wrapped by the provider of a listed URI, by default the root key.

    Call it outside any transaction, for it asks the provider. Raises ProviderNotListed, ProviderFailed, ProviderUnderLock.
    """
    if connection.in_atomic_block:
        raise ProviderUnderLock("A key provider is asked before the transaction; leave the open one first.")
    if provider_uri and provider_uri not in listed_uris():
        raise ProviderNotListed(f"{SETTING} does not list this key provider; who runs the vault lists what may be used.")
    wrapping, version = provider(provider_uri) if provider_uri else root_provider(), uuid7()
    wrapped = wrapping.wrap(new_secret(), version_context(tenant=tenant, ring=ring, version=version))
    return FreshVersion(tenant=tenant, ring=ring, id=version, provider_uri=wrapping.uri, wrapped=wrapped)


def new_version(fresh: FreshVersion, *, ring: KeyRing, number: int, state: str, now: datetime) -> KeyVersion:
    """Return an unsaved version of the ring. Raises UnknownKey where its bytes were made for another ring."""
    if (fresh.tenant, fresh.ring) != (ring.tenant_id, ring.id):
        raise UnknownKey("These bytes were wrapped for another ring.")
    return KeyVersion(
        id=fresh.id,
        tenant_id=ring.tenant_id,
        ring=ring,
        number=number,
        state=state,
        provider_uri=fresh.provider_uri,
        wrapped=fresh.wrapped,
        state_changed_at=now,
        activated_at=now if state == KeyVersion.State.ACTIVE else None,
    )


def fresh_rings(tenant: UUID) -> dict[str, FreshVersion]:
    """Make the bytes of the first versions of a tenant that is to be, by use. Call it as `fresh_version`."""
    return {str(use): fresh_version(tenant=tenant, ring=uuid7()) for use in USES}


def create_rings(*, tenant: UUID, fresh: Mapping[str, FreshVersion], now: datetime) -> list[KeyRing]:
    """Make the rings of a new tenant, each with version 1 active; call it inside the tenant's scope."""
    rings = []
    for use, bytes_of_first in fresh.items():
        ring = KeyRing.objects.create(id=bytes_of_first.ring, tenant_id=tenant, use=use)
        first = new_version(bytes_of_first, ring=ring, number=1, state=KeyVersion.State.ACTIVE, now=now)
        first.save(force_insert=True)
        KeyTransition.objects.create(
            tenant_id=tenant, version_id=first.id, after=first.state, at=now, reason="Made with its tenant."
        )
        rings.append(ring)
    return rings


def rings_of(tenant: UUID) -> Mapping[str, UUID]:
    """Return the ids of the tenant's rings by use; call it inside the tenant's scope.

    Kept for the life of the process: a tenant's rings are made with it and never change, only their versions do.
    """
    found = _rings.get(tenant)
    if found is None:
        found = dict(KeyRing.objects.filter(tenant_id=tenant).values_list("use", "id"))
        if found and len(_rings) < _MOST_TENANTS:
            _rings[tenant] = found
    return found


def lock_shared(rings: Iterable[UUID]) -> None:
    """Take the rings' locks shared, in the one order of their numbers, until the transaction ends."""
    with connection.cursor() as cursor:
        for number in sorted(lock_number(ring) for ring in rings):
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [number])


def others_inside(ring: UUID) -> bool:
    """Return whether another connection holds the ring's lock now, as writers do."""
    number = lock_number(ring) & 0xFFFF_FFFF_FFFF_FFFF
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
            " AND classid::bigint = %s AND objid::bigint = %s AND pid <> pg_backend_pid())",
            [number >> 32, number & 0xFFFF_FFFF],
        )
        return bool(cursor.fetchone()[0])


def lock_exclusive(ring: UUID) -> None:
    """Take the ring's lock alone: every writer that held it has committed, and the next ones read what comes after."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_number(ring)])


def active_version(ring: UUID) -> KeyVersion:
    """Return the ring's active version. A writer calls it in a statement after the lock, so that its snapshot follows."""
    version = KeyVersion.objects.filter(ring_id=ring, state=KeyVersion.State.ACTIVE).first()
    if version is None:
        raise KeyUnavailable("This ring has no active version; a security officer rotates it: manage.py keys rotate.")
    return version


def unwrap_version(version: KeyVersion) -> bytes:
    """Return the 32 bytes of a version from its provider. Raises KeyUnavailable for a destroyed one, ProviderFailed."""
    if version.wrapped is None:
        raise KeyUnavailable(f"Version {version.number} of this ring was destroyed.")
    context = version_context(tenant=version.tenant_id, ring=version.ring_id, version=version.id)
    return provider(version.provider_uri).unwrap(bytes(version.wrapped), context)
