"""ShareGPT and its kin: training data and shared chats.

    {"id"?, "conversations": [{"from", "value"}, ...], "system"?, "tools"?, "chosen"?: {...}, "rejected"?: {...}}

Messages may say role and content instead of from and value. A chosen and a rejected answer are two messages that
both answer the last one.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from governance.ingest.formats import contents, fields
from governance.ingest.formats.assembly import Origin, conversation, message
from governance.ingest.formats.incoming import IncomingConversation, IncomingMessage
from governance.ingest.formats.openai import record_id
from governance.ingest.formats.roles import role_of

WORDS: Mapping[str, str] = MappingProxyType(
    {"human": "user", "gpt": "assistant", "function_call": "assistant", "observation": "tool"}
)
ANSWERS = ("chosen", "rejected")


def recognises(record: Mapping[str, Any]) -> bool:
    """Whether the record has a list named conversations."""
    return isinstance(record.get("conversations"), list)


def parse(record: Mapping[str, Any], origin: Origin) -> IncomingConversation:
    """The conversation of one record; system prompt and tools are its metadata."""
    return conversation(origin, record, _messages(record), omit=("conversations", *ANSWERS), external_id=record_id(record))


def _messages(record: Mapping[str, Any]) -> Iterator[IncomingMessage]:
    answers = [name for name in ANSWERS if record.get(name) is not None]
    items = fields.messages_of(record, "conversations")
    last = ""
    for ordinal, item in enumerate(items):
        made = _message(ordinal, item, f"/conversations/{ordinal}", parent=last)
        last = made.external_id if answers else ""
        yield made
    for ordinal, name in enumerate(answers, start=len(items)):
        yield _message(ordinal, fields.required_object(record, name), f"/{name}", parent=last)


def _message(ordinal: int, item: Mapping[str, Any], at: str, *, parent: str) -> IncomingMessage:
    return message(
        ordinal,
        role=role_of(item, at=at, fields=("from", "role"), words=WORDS),
        item=item,
        text=_pointers(item, at),
        external_id=fields.optional_id(item, "id", at=at),
        parent=parent,
    )


def _pointers(item: Mapping[str, Any], at: str) -> tuple[str, ...]:
    if "value" not in item and ("content" in item or "role" in item):
        return contents.message_pointers(item, at)
    fields.required_text(item, "value", at)
    return ("/value",)
