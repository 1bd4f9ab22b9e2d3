r"""Transcripts as one text, as tau-bench shows its examples.

    {"messages_display": "user: ...\nassistant: ...\ntool: ..."}

A message starts where a line starts with a role, a colon and a space, and goes on to the line before the next. Its
item is {"role", "content"}; joining "role: content" with line ends gives the original text back, to the byte.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from governance.ingest.formats import fields
from governance.ingest.formats.assembly import Origin, conversation, message
from governance.ingest.formats.errors import FormatError
from governance.ingest.formats.incoming import IncomingConversation, IncomingMessage
from governance.ingest.formats.openai import record_id

_START = re.compile(r"(?:\A|(?<=\n))(user|assistant|tool|system): ")


def recognises(record: Mapping[str, Any]) -> bool:
    """Whether the record has a transcript as one string."""
    return isinstance(record.get("messages_display"), str)


def parse(record: Mapping[str, Any], origin: Origin) -> IncomingConversation:
    """The conversation of one transcript; FormatError where it does not start with a role."""
    transcript = fields.required_text(record, "messages_display")
    return conversation(origin, record, _messages(transcript), omit=("messages_display",), external_id=record_id(record))


def split(transcript: str) -> Iterator[tuple[str, str]]:
    """Role and text of each message, in order."""
    starts = list(_START.finditer(transcript))
    if not starts or starts[0].start() != 0:
        reason = "The transcript does not start with a role, a colon and a space."
        raise FormatError("role.missing", reason=reason, pointer="/messages_display")
    # The line end before the next role separates the two and belongs to neither.
    ends = [start.start() - 1 for start in starts[1:]] + [len(transcript)]
    for start, end in zip(starts, ends, strict=True):
        yield start[1], transcript[start.end() : end]


def _messages(transcript: str) -> Iterator[IncomingMessage]:
    for ordinal, (role, text) in enumerate(split(transcript)):
        yield message(ordinal, role=role, item={"role": role, "content": text}, text=("/content",))
