"""Rotation: a ring gets a new active version; what was wrapped before still opens under the old one.

The bytes of the new version are made and wrapped before the transaction (`prepare`), so that no provider is asked under
a lock. The exclusive lock is held only to flip the version, and it queues fairly with the writers' shared locks. Every
writer that read the old version has committed by the time the lock is granted.
"""

from datetime import datetime
from uuid import UUID

from governance.identity.scoping import tenant_scope
from governance.keys.changing import Cause, change_state, keep
from governance.keys.errors import UnknownKey
from governance.keys.models import KeyRing, KeyVersion
from governance.keys.providers import listed_uris
from governance.keys.rings import FreshVersion, fresh_version, lock_exclusive, new_version, rings_of


def prepare(*, tenant: UUID, use: str, provider_uri: str = "") -> FreshVersion:
    """Make the bytes of the next version of the tenant's ring for `use`; call it outside any transaction.

    Without a URI the ring stays with the provider of its active version; where that is listed no more, or there is none,
    it goes to the root key. Raises UnknownKey, ProviderNotListed, ProviderFailed, ProviderUnderLock.
    """
    with tenant_scope(tenant):
        ring = rings_of(tenant).get(use)
        active = KeyVersion.objects.filter(ring_id=ring, state=KeyVersion.State.ACTIVE).first()
    if ring is None:
        raise UnknownKey(f"This tenant has no ring for {use!r}.")
    if not provider_uri and active is not None and active.provider_uri in listed_uris():
        provider_uri = active.provider_uri
    return fresh_version(tenant=tenant, ring=ring, provider_uri=provider_uri)


def rotate(*, fresh: FreshVersion, cause: Cause, now: datetime) -> KeyVersion:
    """Make `fresh` the active version of its ring, inside the open scope. Raises UnknownKey."""
    ring = KeyRing.objects.filter(id=fresh.ring).first()
    if ring is None:
        raise UnknownKey("This tenant has no such ring.")
    lock_exclusive(ring.id)
    newest = KeyVersion.objects.filter(ring=ring).order_by("-number").first()
    version = new_version(
        fresh, ring=ring, number=newest.number + 1 if newest else 1, state=KeyVersion.State.ACTIVE, now=now
    )
    for active in KeyVersion.objects.filter(ring=ring, state=KeyVersion.State.ACTIVE):
        change_state(active, KeyVersion.State.DEACTIVATED, cause=cause, now=now)
    version.save(force_insert=True)
    keep(version, "", version.state, cause=cause, now=now)
    return version
