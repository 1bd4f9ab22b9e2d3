"""What all parsers share: where a record came from, ids for what has none, and the finished conversation.

An id that is made depends on the file, the position and the content only. So a second import of the same file meets
its own ids and adds nothing, and two files never collide, as the file's SHA-256 is the source of its conversations.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from governance.ingest.formats.errors import FormatError
from governance.ingest.formats.incoming import IncomingConversation, IncomingMessage
from governance.ingest.formats.json_values import canonical


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record came from: the collection it goes to, the SHA-256 of its file ("" for the API), its position.

    An empty `collection` lets an item of the API name its own.
    """

    collection: str = ""
    source: str = ""
    position: int = 0


def message(
    ordinal: int,
    *,
    role: str,
    item: Mapping[str, Any],
    text: tuple[str, ...],
    external_id: str = "",
    author: str = "",
    parent: str = "",
) -> IncomingMessage:
    """The message at `ordinal` (from 0) of its conversation; without an id it gets "m-<ordinal>-<digest>"."""
    return IncomingMessage(
        role=role,
        item=item,
        text=text,
        external_id=external_id or f"m-{ordinal}-{_digest(canonical(item))}",
        author=author,
        parent=parent,
    )


def conversation(
    origin: Origin,
    record: Mapping[str, Any],
    messages: Iterable[IncomingMessage],
    *,
    omit: tuple[str, ...],
    external_id: str = "",
    title: str = "",
) -> IncomingConversation:
    """The conversation of a foreign record; its metadata is the record without the fields `omit`."""
    return IncomingConversation(
        external_id=external_id or made_id(origin, record),
        collection=origin.collection,
        source=origin.source,
        messages=distinct(tuple(messages)),
        title=title,
        metadata={name: value for name, value in record.items() if name not in omit},
    )


def made_id(origin: Origin, record: Mapping[str, Any]) -> str:
    """The id of a conversation that came without one: "c-<position>-<digest>"."""
    place = f"{origin.source}\n{origin.position}\n".encode()
    return f"c-{origin.position}-{_digest(place + canonical(record))}"


def distinct(messages: tuple[IncomingMessage, ...]) -> tuple[IncomingMessage, ...]:
    """`messages` itself: at least one, and no two of one id."""
    if not messages:
        raise FormatError("messages.empty", reason="The conversation has no message.")
    if len({each.external_id for each in messages}) != len(messages):
        raise FormatError("id.duplicate", reason="Two messages of the conversation have the same id.")
    return messages


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
