"""Schema-Guided Dialogue as it is published: an array of dialogues with annotated turns.

{"dialogue_id", "services", "turns": [{"speaker": "USER" | "SYSTEM", "utterance", "frames": [...]}, ...]}
"""

from collections.abc import Iterator, Mapping
from typing import Any

from governance.ingest.formats import fields
from governance.ingest.formats.assembly import Origin, conversation, message
from governance.ingest.formats.incoming import IncomingConversation, IncomingMessage
from governance.ingest.formats.roles import role_of

# The system of a dialogue corpus is the assistant, not a system prompt.
_WORDS = {"system": "assistant"}


def recognises(record: Mapping[str, Any]) -> bool:
    """Whether the record has turns that are objects of a speaker or an utterance."""
    turns = record.get("turns")
    first = turns[0] if isinstance(turns, list) and turns else None
    return isinstance(first, Mapping) and ("speaker" in first or "utterance" in first)


def parse(record: Mapping[str, Any], origin: Origin) -> IncomingConversation:
    """The conversation of one dialogue; a whole turn with its frames is the item of a message."""
    return conversation(
        origin, record, _messages(record), omit=("turns",), external_id=fields.optional_id(record, "dialogue_id")
    )


def _messages(record: Mapping[str, Any]) -> Iterator[IncomingMessage]:
    for ordinal, turn in enumerate(fields.messages_of(record, "turns")):
        at = f"/turns/{ordinal}"
        fields.required_text(turn, "utterance", at)
        role = role_of(turn, at=at, fields=("speaker",), words=_WORDS)
        yield message(ordinal, role=role, item=turn, text=("/utterance",))
