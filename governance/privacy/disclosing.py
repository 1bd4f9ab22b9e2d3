"""What of an aggregate may be shown: a figure about fewer than five data subjects is not (ATTACKS.md, row O09).

Pure. A hidden figure must not follow from the others: whoever knows the total of all parts learns the sum of the hidden
ones. So while the hidden parts together are about fewer than five people, the next smallest part is hidden as well.
People are those that were found; where some are unknown, a part may be hidden that need not be, never the other way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

FEWEST: Final = 5


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an aggregate: its label, its figure, and the people whom it is about."""

    label: str
    number: int
    people: frozenset[UUID]


def disclose(parts: Iterable[Part]) -> list[tuple[str, int | None]]:
    """Return the parts as (label, figure) in their order; None for a figure that is not to be shown."""
    found = list(parts)
    hidden = {at for at, part in enumerate(found) if part.number and len(part.people) < FEWEST}
    while hidden and len(_people(found, hidden)) < FEWEST:
        others = [at for at, part in enumerate(found) if part.number and at not in hidden]
        if not others:
            break
        hidden.add(min(others, key=lambda at: (found[at].number, at)))
    return [(part.label, None if at in hidden else part.number) for at, part in enumerate(found)]


def _people(parts: Sequence[Part], chosen: Iterable[int]) -> frozenset[UUID]:
    return frozenset().union(*(parts[at].people for at in chosen))
