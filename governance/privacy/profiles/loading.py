"""The profiles in force, as a scan needs them: one for each collection of the records at hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from governance.keys.errors import KeyReplaced
from governance.privacy.models import DetectionProfile
from governance.privacy.profiles.profile import PLAIN, Profile, profile_of
from governance.privacy.profiles.sealing import open_settings
from governance.privacy.profiles.settings import Settings


@dataclass(frozen=True, slots=True)
class Profiles:
    """What is in force for the whole tenant, and for single collections on top of it."""

    whole: Profile = PLAIN
    of_collections: Mapping[UUID, Profile] = field(default_factory=dict)

    def of(self, collection: UUID | None) -> Profile:
        """Return the profile of a collection's records."""
        return self.whole if collection is None else self.of_collections.get(collection, self.whole)


NO_PROFILES = Profiles()


def active_settings() -> dict[UUID | None, Settings]:
    """Return the settings in force by their collection; None is the whole tenant. Call it inside the scope, keys warm."""
    try:
        return _active_settings()
    except KeyReplaced:  # A re-encryption came between the rows and their keys.
        return _active_settings()


def _active_settings() -> dict[UUID | None, Settings]:
    rows = list(DetectionProfile.objects.filter(state=DetectionProfile.State.ACTIVE))
    opened = open_settings(rows) if rows else {}
    return {row.collection_id: opened[row.id] for row in rows}


def active_profiles() -> Profiles:
    """Return the profiles in force; a scan calls it once it holds the lock of the redacted ring, which a change waits for.

    Nothing is kept between two calls: a list of terms is content.
    """
    found = active_settings()
    if not found:
        return NO_PROFILES
    below = [found[None]] if None in found else []
    mine = {collection: profile_of(*below, one) for collection, one in found.items() if collection is not None}
    return Profiles(profile_of(*below), mine)
