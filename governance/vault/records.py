"""What crosses the door of the vault: new conversations in, opened messages out."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from governance.vault.documents import Document


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to store: its document as bytes, and the external ids by which it is known."""

    external_id: str = field(repr=False)
    role: str
    document: bytes = field(repr=False)
    author: str = field(default="", repr=False)
    parent: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class NewConversation:
    """A conversation to store, or to append to. `head` is the document of external id, title and metadata."""

    external_id: str = field(repr=False)
    collection: str
    source: str
    head: bytes = field(repr=False)
    messages: tuple[NewMessage, ...] = field(repr=False)
    data_subject: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of one conversation: `status` is 201 (something new), 200 (all known) or 409 or 422 (refused)."""

    status: int
    id: UUID | None = None
    messages: int = 0
    duplicates: int = 0
    code: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class OpenedMessage:
    """An opened message; `document` is None where its view is withheld, and `withheld` then says why."""

    id: UUID
    ordinal: int
    role: str
    parent_id: UUID | None
    state: str
    document: Document | None = field(repr=False)
    withheld: str = ""

    def as_shown(self) -> dict[str, Any]:
        """Return the message as the API and exports show it: one shape, so that no way shows more than another."""
        return {
            "id": self.id,
            "ordinal": self.ordinal,
            "role": self.role,
            "parent": self.parent_id,
            "state": self.state,
            "withheld": self.withheld,
            "text": self.document.readable() if self.document else None,
            "item": self.document.item if self.document else None,
        }


@dataclass(frozen=True, slots=True)
class OpenedConversation:
    """An opened conversation with the messages that were asked for; `policies` are those that allowed it."""

    id: UUID
    collection: str
    classification: str
    view: str
    head: Document | None = field(repr=False)
    messages: tuple[OpenedMessage, ...] = field(repr=False)
    total: int = 0
    policies: tuple[str, ...] = ()
