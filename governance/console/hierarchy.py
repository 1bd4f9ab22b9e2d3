"""The rings of a tenant as pages show them: what wraps what, from the root key down to the data keys."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.console.words import USES, VERSION_STATES, WAITS_FOR_END, Status, share
from governance.keys.limits import MOST_USES
from governance.keys.listing import Shown, ShownRing
from governance.keys.providers import listed_uris

_KINDS: Final = {
    "local": gettext_lazy("Key file"),
    "aws-kms": gettext_lazy("AWS KMS"),
    "pkcs11": gettext_lazy("PKCS#11 token"),
}


@dataclass(frozen=True, slots=True)
class VersionLine:
    """A version as a table shows it; `name` is what people call it and type."""

    shown: Shown
    name: str
    status: Status
    use: str
    provider: str
    share: str
    share_of_thousand: int
    opens: bool

    @property
    def waits(self) -> Status | None:
        """How it looks that the version waits for its destruction; None where it does not."""
        return WAITS_FOR_END if self.shown.destroy_at else None


@dataclass(frozen=True, slots=True)
class RingLine:
    """A ring with its versions, the newest first."""

    shown: ShownRing
    use: str
    meaning: str
    versions: Sequence[VersionLine]

    @property
    def active(self) -> VersionLine | None:
        """The version that seals now."""
        return next((one for one in self.versions if one.shown.state == "active"), None)

    @property
    def movable(self) -> int:
        """How many live data keys a rewrap would move: those of a version that neither seals now nor is suspended."""
        return sum(one.shown.data_keys for one in self.versions if one.shown.state not in {"active", "suspended"})

    @property
    def kept(self) -> int:
        """How many live data keys a rewrap would leave, for their version is suspended."""
        return sum(one.shown.data_keys for one in self.versions if one.shown.state == "suspended")

    @property
    def waiting(self) -> int:
        """How many versions wait for their destruction."""
        return sum(one.shown.destroy_at is not None for one in self.versions)


@dataclass(frozen=True, slots=True)
class Branch:
    """What one provider wraps: of each ring the versions that name it."""

    provider: str
    rings: Sequence[tuple[RingLine, Sequence[VersionLine]]]


def name_of(use: str, number: int) -> str:
    """Return what people call a version: it names one of the tenant's versions and no other."""
    return f"{use}/{number}"


def provider_names() -> dict[str, str]:
    """Return what to call each listed provider, by its URI, which can hold a place that is nobody's business."""
    names: dict[str, str] = {}
    for uri in listed_uris():
        scheme = uri.partition(":")[0]
        kind = str(_KINDS.get(scheme, scheme))
        same = sum(one == kind or one.startswith(f"{kind} (") for one in names.values())
        names[uri] = f"{kind} ({same + 1})" if same else kind
    return names


def provider_name(names: dict[str, str], uri: str) -> str:
    """Return what to call the provider that a version names."""
    return names.get(uri) or _("%(kind)s, not listed") % {"kind": uri.partition(":")[0]}


def version_line(shown: Shown, names: dict[str, str]) -> VersionLine:
    """Return how one version looks."""
    return VersionLine(
        shown=shown,
        name=name_of(shown.use, shown.version),
        status=VERSION_STATES[shown.state],
        use=str(USES[shown.use][0]),
        provider=provider_name(names, shown.provider),
        share=share(shown.uses, MOST_USES),
        share_of_thousand=min(1000, -(-1000 * shown.uses // MOST_USES)),
        opens=shown.version >= shown.minimum,
    )


def ring_lines(rings: Iterable[ShownRing], versions: Iterable[Shown]) -> list[RingLine]:
    """Return the rings with their versions, the newest first."""
    names = provider_names()
    of_use: dict[str, list[VersionLine]] = {}
    for shown in versions:
        of_use.setdefault(shown.use, []).insert(0, version_line(shown, names))
    return [RingLine(ring, str(USES[ring.use][0]), str(USES[ring.use][1]), of_use.get(ring.use, ())) for ring in rings]


def branches(rings: Sequence[RingLine]) -> list[Branch]:
    """Return the picture's branches; destroyed versions have no bytes and hang from nothing."""
    found: dict[str, list[tuple[RingLine, Sequence[VersionLine]]]] = {}
    for ring in rings:
        by_provider: dict[str, list[VersionLine]] = {}
        for version in ring.versions:
            if version.shown.state != "destroyed":
                by_provider.setdefault(version.provider, []).append(version)
        for provider, versions in by_provider.items():
            found.setdefault(provider, []).append((ring, versions))
    return [Branch(provider, of_provider) for provider, of_provider in found.items()]


def age_of(shown: Shown, now: datetime) -> float:
    """Return for how many seconds a version has been active, or there where it never was."""
    return (now - (shown.activated_at or shown.created_at)).total_seconds()
