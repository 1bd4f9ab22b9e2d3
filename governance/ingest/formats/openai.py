"""Messages in the style of the OpenAI API, one conversation a line: chat logs, agent runs, fine-tuning data.

{"id": ..., "messages": [{"role", "content", "name"?, "tool_calls"?, "tool_call_id"?}, ...], "tools"?: [...], ...}
"""

from collections.abc import Iterator, Mapping
from typing import Any

from governance.ingest.formats import contents, fields
from governance.ingest.formats.assembly import Origin, conversation, message
from governance.ingest.formats.incoming import IncomingConversation, IncomingMessage
from governance.ingest.formats.roles import role_of

ID_FIELDS = ("id", "conversation_id", "dialogue_id")


def recognises(record: Mapping[str, Any]) -> bool:
    """Whether the record has a list of messages; KdConv and the API's items are asked first."""
    return isinstance(record.get("messages"), list)


def parse(record: Mapping[str, Any], origin: Origin) -> IncomingConversation:
    """The conversation of one line; all fields but `messages` are its metadata."""
    title = record.get("title")
    return conversation(
        origin,
        record,
        _messages(record),
        omit=("messages",),
        external_id=record_id(record),
        title=title if isinstance(title, str) else "",
    )


def record_id(record: Mapping[str, Any]) -> str:
    """The id that the line gives, also as a task and its trial, or ""."""
    found = fields.optional_id(record, *ID_FIELDS)
    if found:
        return found
    task, trial = fields.optional_id(record, "task_id"), fields.optional_id(record, "trial")
    return fields.bounded(f"task-{task}-trial-{trial or 0}", "/task_id") if task else ""


def _messages(record: Mapping[str, Any]) -> Iterator[IncomingMessage]:
    for ordinal, item in enumerate(fields.messages_of(record, "messages")):
        at = f"/messages/{ordinal}"
        yield message(
            ordinal,
            role=role_of(item, at=at),
            item=item,
            text=contents.message_pointers(item, at),
            external_id=fields.optional_id(item, "id", at=at),
        )
