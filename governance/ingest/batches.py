"""Reads the body of a batch: JSON with `items`, or one item a line. Bad items are refused one by one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from governance.conf.settings import vault_settings
from governance.ingest.formats.errors import FormatError
from governance.ingest.formats.incoming import IncomingConversation
from governance.ingest.formats.json_values import loads
from governance.ingest.formats.recognising import parse_item

MEDIA_TYPES = ("application/json", "application/x-ndjson")
_EXTERNAL_ID = 255


class BatchRefused(Exception):
    """The body as a whole is refused; nothing of it was stored."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class ItemRefused:
    """One item is refused; `position` counts from 0."""

    position: int
    code: str
    reason: str
    pointer: str = ""
    external_id: str = field(default="", repr=False)


Parsed = IncomingConversation | ItemRefused


def parse_batch(*, body: bytes, media_type: str) -> list[Parsed]:
    """Return the items of a body in order, each parsed or refused. Raises BatchRefused, FormatError for all of it."""
    if len(body) > vault_settings().batch_bytes:
        limit = vault_settings().batch_bytes
        raise BatchRefused("batch.too_large", f"A batch has at most {limit} bytes; send several.")
    if media_type not in MEDIA_TYPES:
        raise BatchRefused("batch.media_type", f"Send {' or '.join(MEDIA_TYPES)}.")
    records = list(_lines(body)) if media_type == MEDIA_TYPES[1] else _items(body)
    if not records:
        raise BatchRefused("batch.empty", 'The batch has no items. Send {"items": [...]}, or one item a line.')
    limit = vault_settings().batch_items
    if len(records) > limit:
        raise BatchRefused(
            "batch.too_many", f"A batch has at most {limit} items; this one has {len(records)}. Send several."
        )
    return [record if isinstance(record, ItemRefused) else _parse(record, at) for at, record in enumerate(records)]


def _items(body: bytes) -> list[Any]:
    value = loads(body)
    if not isinstance(value, dict) or not isinstance(value.get("items"), list):
        raise BatchRefused("batch.shape", 'The body is an object with a list: {"items": [...]}.')
    items: list[Any] = value["items"]
    return items


def _lines(body: bytes) -> Iterator[Any]:
    for position, line in enumerate(line for line in body.split(b"\n") if line.strip()):
        try:
            yield loads(line)
        except FormatError as error:
            yield ItemRefused(position, error.code, str(error), error.pointer)


def _parse(record: Any, position: int) -> Parsed:
    try:
        return parse_item(record, position=position)
    except FormatError as error:
        named = record.get("external_id") if isinstance(record, dict) else None
        # The id is echoed only where it is one: it names the item for the sender, who sent it.
        shown = named if isinstance(named, str) and len(named) <= _EXTERNAL_ID and named.isprintable() else ""
        return ItemRefused(position, error.code, str(error), error.pointer, shown)
