"""KdConv as it is published: an array of dialogues between two people, with the facts that they draw on.

    {"name": topic, "messages": [{"message", "attrs"?: [...]}, ...]}

The speakers take turns and are not named: the first is the user.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from governance.ingest.formats import fields
from governance.ingest.formats.assembly import Origin, conversation, message
from governance.ingest.formats.incoming import IncomingConversation, IncomingMessage

_ROLES = ("user", "assistant")


def recognises(record: Mapping[str, Any]) -> bool:
    """Whether the record has messages whose text is the field `message`, without roles."""
    messages = record.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    return isinstance(first, Mapping) and "message" in first and "role" not in first


def parse(record: Mapping[str, Any], origin: Origin) -> IncomingConversation:
    """The conversation of one dialogue; its topic is the title, as two dialogues may share it."""
    title = fields.optional_text(record, "name")
    return conversation(origin, record, _messages(record), omit=("messages",), title=title)


def _messages(record: Mapping[str, Any]) -> Iterator[IncomingMessage]:
    for ordinal, item in enumerate(fields.messages_of(record, "messages")):
        fields.required_text(item, "message", f"/messages/{ordinal}")
        yield message(ordinal, role=_ROLES[ordinal % 2], item=item, text=("/message",))
