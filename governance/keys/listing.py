"""Rings, versions and their transitions as people see them; never key bytes. Call everything inside the tenant's scope."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from governance.keys.census import Census, census
from governance.keys.errors import UnknownKey
from governance.keys.models import KeyRing, KeyTransition, KeyVersion


@dataclass(frozen=True, slots=True)
class Shown:
    """A version: its ring's use, number, state, where its bytes are wrapped, and how many live data keys it wraps.

    `uses` is how many wraps are counted, never fewer than were made; `minimum` the lowest version that its ring accepts;
    `destroy_at` when its waiting ends; `tag` stands for its state as it is shown here; `counted_at` says when the data
    keys were counted, None: just now.
    """

    id: UUID
    use: str
    version: int
    state: str
    provider: str
    data_keys: int
    created_at: datetime
    activated_at: datetime | None
    uses: int
    minimum: int
    destroy_at: datetime | None
    tag: str
    counted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ShownRing:
    """A ring: its use, its active version's number (0: none), the lowest that it accepts, live data keys in all."""

    id: UUID
    use: str
    active: int
    minimum: int
    versions: int
    data_keys: int
    tag: str


@dataclass(frozen=True, slots=True)
class Step:
    """A transition of a version; `before` is empty where it was made."""

    before: str
    after: str
    at: datetime
    actor: UUID | None
    reason: str


def rings() -> list[ShownRing]:
    """Return the tenant's rings, by use."""
    counts, found = census().data_keys, []
    for ring in KeyRing.objects.prefetch_related("versions").order_by("use"):
        of_ring = list(ring.versions.all())
        active = next((one.number for one in of_ring if one.state == KeyVersion.State.ACTIVE), 0)
        keys = sum(counts.get(one.id, 0) for one in of_ring)
        found.append(ShownRing(ring.id, ring.use, active, ring.minimum_version, len(of_ring), keys, ring.tag))
    return found


def versions() -> list[Shown]:
    """Return all versions of the tenant's rings, by use and number."""
    counts = census()
    rows = KeyVersion.objects.select_related("ring").order_by("ring__use", "number")
    return [_shown(row, counts) for row in rows]


def describe(version_id: UUID) -> tuple[Shown, list[Step]]:
    """Return one version and how it came to its state. Raises UnknownKey."""
    row = KeyVersion.objects.select_related("ring").filter(id=version_id).first()
    if row is None:
        raise UnknownKey("This tenant has no such key version.")
    steps = KeyTransition.objects.filter(version_id=version_id).order_by("at", "id")
    history = [Step(one.before, one.after, one.at, one.actor, one.reason) for one in steps]
    return _shown(row, census()), history


def _shown(row: KeyVersion, counts: Census) -> Shown:
    return Shown(
        id=row.id, use=row.ring.use, version=row.number, state=str(row.state), provider=row.provider_uri,
        data_keys=counts.data_keys.get(row.id, 0), created_at=row.created_at, activated_at=row.activated_at, uses=row.uses,
        minimum=row.ring.minimum_version, destroy_at=row.destroy_at, tag=row.tag,
        counted_at=counts.counted_at,
    )  # fmt: skip
