"""Rotation: a ring gets a new active version; what was wrapped before still opens under the old one.

The exclusive lock is held only to flip the version, and it queues fairly with the writers' shared locks. Every writer
that read the old version has committed by the time the lock is granted.
"""

from datetime import datetime
from uuid import UUID

from governance.keys.changing import Cause, change_state, keep
from governance.keys.errors import UnknownKey
from governance.keys.models import KeyRing, KeyVersion
from governance.keys.rings import lock_exclusive, new_version


def rotate(*, tenant: UUID, use: str, cause: Cause, now: datetime) -> KeyVersion:
    """Make a new active version of the tenant's ring for `use`, inside the open scope. Raises UnknownKey."""
    ring = KeyRing.objects.filter(tenant_id=tenant, use=use).first()
    if ring is None:
        raise UnknownKey(f"This tenant has no ring for {use!r}.")
    newest = KeyVersion.objects.filter(ring=ring).order_by("-number").first()
    fresh = new_version(ring=ring, number=newest.number + 1 if newest else 1, state=KeyVersion.State.ACTIVE, now=now)
    lock_exclusive(ring.id)
    for active in KeyVersion.objects.filter(ring=ring, state=KeyVersion.State.ACTIVE):
        change_state(active, KeyVersion.State.DEACTIVATED, cause=cause, now=now)
    fresh.save(force_insert=True)
    keep(fresh, "", fresh.state, cause=cause, now=now)
    return fresh
