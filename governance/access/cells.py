"""A cell: the four attributes by which policies tell conversations apart; a resource: one conversation with its cell."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

CLASSIFICATIONS = ("public", "internal", "confidential", "restricted")


class Cell(NamedTuple):
    """What Cedar sees of a conversation, and all of it. `purposes` of the collection are checked before Cedar."""

    collection: str
    classification: int
    held: bool
    restricted: bool

    def as_attributes(self) -> dict[str, object]:
        """Return the Cedar record."""
        return {
            "collection": self.collection,
            "classification": self.classification,
            "held": self.held,
            "restricted": self.restricted,
        }


@dataclass(frozen=True, slots=True)
class Resource:
    """A conversation as access sees it: its cell, and the id and the purposes of its collection."""

    cell: Cell
    purposes: frozenset[str]
    collection_id: UUID

    def as_fact(self) -> str:
        """Return the cell as an audit entry keeps it: the collection by its id, because its name is free text."""
        cell = self.cell
        return f"{self.collection_id}:{cell.classification}:{int(cell.held)}:{int(cell.restricted)}"
