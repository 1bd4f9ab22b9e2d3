"""The one shape that every format is turned into."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """One message of a foreign payload.

    `item` is the untouched original object; it is sealed as it stands. `text` holds RFC 6901 JSON pointers into
    `item`, in reading order, to the strings that a person reads as the message; the vault shows those and nothing else.
    A pointer never names anything but a string. `external_id` is never empty: what came without one has one made.
    """

    role: str
    item: Mapping[str, Any] = field(repr=False)
    text: tuple[str, ...] = ()
    external_id: str = field(default="", repr=False)
    author: str = field(default="", repr=False)
    parent: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class IncomingConversation:
    """One conversation: `source` names where it came from (empty for the API, the SHA-256 of the file for an import).

    `messages` stand in their order of appearance, in a tree each after the one that it answers; `parent` of a message
    is the external id of the message that it answers, and is given where the format states it or has branches.
    """

    external_id: str = field(repr=False)
    collection: str
    messages: tuple[IncomingMessage, ...] = field(repr=False)
    source: str = ""
    data_subject: str = field(default="", repr=False)
    title: str = field(default="", repr=False)
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)
