"""MT-bench: questions of several turns, and answers to them.

    {"question_id", "category", "turns": [string, ...], "reference"?: [...]}
    {"question_id", "answer_id", "model_id", "choices": [{"index", "turns": [string, ...]}, ...]}

A turn is a bare string; its item is {"role", "content"}. Several choices are branches of one conversation.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from governance.ingest.formats import fields
from governance.ingest.formats.assembly import Origin, conversation, message
from governance.ingest.formats.errors import FormatError
from governance.ingest.formats.incoming import IncomingConversation, IncomingMessage


def recognises(record: Mapping[str, Any]) -> bool:
    """Whether the record has turns or choices and the id of a question."""
    return "question_id" in record and any(isinstance(record.get(name), list) for name in ("turns", "choices"))


def parse(record: Mapping[str, Any], origin: Origin) -> IncomingConversation:
    """The conversation of one line: a question becomes user messages, an answer assistant messages."""
    answers = "choices" in record
    return conversation(
        origin,
        record,
        _answers(record) if answers else _turns(record, "user", at=""),
        omit=("choices",) if answers else ("turns",),
        external_id=fields.optional_id(record, *(("answer_id",) if answers else ()), "question_id"),
    )


def _answers(record: Mapping[str, Any]) -> Iterator[IncomingMessage]:
    choices = fields.messages_of(record, "choices")
    ordinal = 0
    for index, choice in enumerate(choices):
        for each in _turns(choice, "assistant", at=f"/choices/{index}", first=ordinal, branch=len(choices) > 1):
            yield each
            ordinal += 1


def _turns(
    holder: Mapping[str, Any], role: str, *, at: str, first: int = 0, branch: bool = False
) -> Iterator[IncomingMessage]:
    turns = fields.required_list(holder, "turns", at)
    if not turns:
        raise FormatError("messages.empty", reason="The conversation has no message.", pointer=f"{at}/turns")
    last = ""
    for index, turn in enumerate(turns):
        item = {"role": role, "content": fields.as_text(turn, f"{at}/turns/{index}")}
        made = message(first + index, role=role, item=item, text=("/content",), parent=last)
        last = made.external_id if branch else ""
        yield made
