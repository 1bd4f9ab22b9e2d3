"""An item of `POST /api/v1/conversations:batch`, or one line of a file of such items.

Strict where a slip would lose something: an unknown field of the item is refused (a mistyped `data_subject` would
cost a person their rights), while unknown fields of a message are kept in the message, which is stored whole.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from governance.ingest.formats import contents, fields
from governance.ingest.formats.assembly import Origin, distinct, made_id, message
from governance.ingest.formats.errors import FormatError
from governance.ingest.formats.incoming import IncomingConversation, IncomingMessage
from governance.ingest.formats.roles import role_of

MAX_TITLE = 1_000
ITEM_FIELDS = ("external_id", "collection", "data_subject", "title", "metadata", "messages")


def recognises(record: Mapping[str, Any]) -> bool:
    """Whether the record has messages and a field that only the API knows."""
    ours = ("external_id", "collection", "data_subject")
    return isinstance(record.get("messages"), list) and any(name in record for name in ours)


def parse(record: Mapping[str, Any], origin: Origin) -> IncomingConversation:
    """The conversation of one item; FormatError where a field is missing, unknown, or not as INTERFACE.md has it.

    A collection that the origin names wins over the item's own: an import goes where the operator sends it. An item
    without `external_id` gets one that depends on its place in the batch and its content.
    """
    _refuse_unknown(record)
    collection = fields.optional_name(record, "collection")
    if not (origin.collection or collection):
        raise FormatError("field.missing", reason="The item names no collection.", pointer="/collection")
    title = fields.bounded(fields.optional_text(record, "title"), "/title", MAX_TITLE)
    metadata = record.get("metadata")
    return IncomingConversation(
        external_id=fields.optional_name(record, "external_id") or made_id(origin, record),
        collection=origin.collection or collection,
        source=origin.source,
        data_subject=fields.optional_name(record, "data_subject"),
        title=title,
        metadata={} if metadata is None else fields.as_object(metadata, "/metadata"),
        messages=distinct(tuple(_messages(record))),
    )


def _refuse_unknown(record: Mapping[str, Any]) -> None:
    for place, name in enumerate(record, start=1):
        if name not in ITEM_FIELDS:
            reason = f"The item has a field that is none of {', '.join(ITEM_FIELDS)}."
            raise FormatError("field.unknown", reason=reason, pointer=f"/<key {place}>")


def _messages(record: Mapping[str, Any]) -> Iterator[IncomingMessage]:
    for ordinal, item in enumerate(fields.messages_of(record, "messages")):
        at = f"/messages/{ordinal}"
        _refuse_bad_time(item, at)
        made = message(
            ordinal,
            role=role_of(item, at=at),
            item=item,
            text=contents.message_pointers(item, at),
            external_id=fields.optional_name(item, "external_id", at),
            author=fields.optional_name(item, "author", at),
            parent=fields.optional_name(item, "parent", at),
        )
        if made.parent == made.external_id:
            raise FormatError("field.value", reason="The message is its own parent.", pointer=f"{at}/parent")
        yield made


def _refuse_bad_time(item: Mapping[str, Any], at: str) -> None:
    moment = item.get("created_at")
    if moment is not None and not _is_moment(fields.as_text(moment, f"{at}/created_at")):
        reason = "A time as in 2026-11-01T09:00:00Z is expected."
        raise FormatError("field.value", reason=reason, pointer=f"{at}/created_at")


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
