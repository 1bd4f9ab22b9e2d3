"""A cell: the four attributes by which policies tell conversations apart."""

from typing import NamedTuple

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
