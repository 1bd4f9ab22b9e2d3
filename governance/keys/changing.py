"""Changes the state of key versions under the ring's lock, so that no writer seals with one that is leaving.

Call everything inside the tenant's scope; the caller has checked the right and records the act.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from governance.keys.errors import KeyChanged, UnknownKey
from governance.keys.models import KeyRing, KeyTransition, KeyVersion
from governance.keys.rings import lock_exclusive
from governance.keys.states import check


@dataclass(frozen=True, slots=True)
class Cause:
    """Who changes a state, and why; `actor` is None where nobody does, as when a tenant is founded."""

    actor: UUID | None
    reason: str


def version_of(version_id: UUID) -> KeyVersion:
    """Return the version with its ring, as it is now. Raises UnknownKey."""
    found = KeyVersion.objects.select_related("ring").filter(id=version_id).first()
    if found is None:
        raise UnknownKey("This tenant has no such key version.")
    return found


def expect(key: KeyVersion | KeyRing, tag: str) -> None:
    """Return where `tag` is empty or that of the locked key; raise KeyChanged where somebody else was faster."""
    if tag and tag != key.tag:
        raise KeyChanged("The key is not as you saw it any more; look at it again.")


def locked_version(version_id: UUID) -> KeyVersion:
    """Take the ring's lock alone and return the version as it is under it. Raises UnknownKey."""
    ring = KeyVersion.objects.filter(id=version_id).values_list("ring_id", flat=True).first()
    if ring is None:
        raise UnknownKey("This tenant has no such key version.")
    lock_exclusive(ring)
    return version_of(version_id)


def locked_ring(ring_id: UUID) -> KeyRing:
    """Take the ring's lock alone and return the ring as it is under it. Raises UnknownKey."""
    lock_exclusive(ring_id)
    ring = KeyRing.objects.filter(id=ring_id).first()
    if ring is None:
        raise UnknownKey("This tenant has no such ring.")
    return ring


def change_state(version: KeyVersion, to: str, *, cause: Cause, now: datetime) -> None:
    """Give a locked version another state; one that is destroyed loses its bytes. Raises BadTransition."""
    check(version.state, to)
    keep(version, version.state, to, cause=cause, now=now)
    version.state, version.state_changed_at = to, now
    if to == KeyVersion.State.ACTIVE and version.activated_at is None:
        version.activated_at = now
    if to == KeyVersion.State.DESTROYED:
        version.wrapped = version.destroy_at = None
    version.save(update_fields=["state", "state_changed_at", "activated_at", "wrapped", "destroy_at"])


def keep(version: KeyVersion, before: str, after: str, *, cause: Cause, now: datetime) -> None:
    """Keep a transition with its time, actor and reason; `before` is empty for a version that is new."""
    KeyTransition.objects.create(
        tenant_id=version.tenant_id, version_id=version.id, before=before, after=after, at=now, actor=cause.actor,
        reason=cause.reason,
    )  # fmt: skip
