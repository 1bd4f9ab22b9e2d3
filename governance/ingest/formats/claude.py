"""The export of Claude: `conversations.json`, an array of flat conversations.

    {"uuid", "name", "chat_messages": [{"uuid", "sender", "text", "content": [blocks], "attachments", ...}], ...}

The blocks say more than `text` does (thinking, results of tools), so `text` is read only where they hold no text.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from governance.ingest.formats import fields
from governance.ingest.formats.assembly import Origin, conversation, message
from governance.ingest.formats.errors import FormatError
from governance.ingest.formats.incoming import IncomingConversation, IncomingMessage
from governance.ingest.formats.roles import role_of

_WORDS = {"human": "user"}
_BLOCK_TEXTS = ("thinking", "text")


def recognises(record: Mapping[str, Any]) -> bool:
    """Whether the record has a list of chat messages."""
    return isinstance(record.get("chat_messages"), list)


def parse(record: Mapping[str, Any], origin: Origin) -> IncomingConversation:
    """The conversation of one entry of the export."""
    return conversation(
        origin,
        record,
        _messages(record),
        omit=("chat_messages",),
        external_id=fields.optional_id(record, "uuid"),
        title=fields.optional_text(record, "name"),
    )


def _messages(record: Mapping[str, Any]) -> Iterator[IncomingMessage]:
    items = fields.messages_of(record, "chat_messages")
    known = {item["uuid"] for item in items if isinstance(item.get("uuid"), str)}
    for ordinal, item in enumerate(items):
        at = f"/chat_messages/{ordinal}"
        parent = fields.optional_text(item, "parent_message_uuid", at)
        yield message(
            ordinal,
            role=role_of(item, at=at, fields=("sender", "role"), words=_WORDS),
            item=item,
            text=_pointers(item, at),
            external_id=fields.optional_id(item, "uuid", at=at),
            # The first message names a fixed root that is no message.
            parent=parent if parent in known else "",
        )


def _pointers(item: Mapping[str, Any], at: str) -> tuple[str, ...]:
    content = item.get("content")
    if not isinstance(content, (list, type(None))):
        raise FormatError("field.type", reason="A list of blocks is expected.", pointer=f"{at}/content")
    if content is None:
        fields.required_text(item, "text", at)
    blocks = tuple(_block_pointers(content, "/content"))
    if not blocks and fields.optional_text(item, "text", at):
        blocks = ("/text",)
    return (*blocks, *_list_texts(item.get("attachments"), "/attachments", ("extracted_content",)))


def _block_pointers(blocks: Any, base: str) -> Iterator[str]:
    """The texts of the blocks; a result of a tool holds blocks of its own, one level down."""
    yield from _list_texts(blocks, base, _BLOCK_TEXTS)
    for index, block in enumerate(blocks if isinstance(blocks, list) else ()):
        if isinstance(block, Mapping):
            yield from _list_texts(block.get("content"), f"{base}/{index}/content", _BLOCK_TEXTS)


def _list_texts(values: Any, base: str, names: tuple[str, ...]) -> Iterator[str]:
    for index, value in enumerate(values if isinstance(values, list) else ()):
        if isinstance(value, Mapping):
            yield from (f"{base}/{index}/{name}" for name in names if isinstance(value.get(name), str))
