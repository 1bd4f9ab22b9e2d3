"""The forms of an export: conversations as they are read, and redacted data for fine-tuning. Nothing but redacted text.

A conversation for training is whole or left out: one with a message that is not scanned, could not be scanned, was set
aside or erased would teach an answer to something else, so it is counted under that word. Where messages branch, the
line follows the answers back from the last message.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from governance.privacy.detectors import RULESET_VERSION
from governance.vault.models import Conversation, State
from governance.vault.records import OpenedConversation, OpenedMessage
from governance.vault.rows import MessageRow

TRAINING: Final = "training"
_FACTS: Final[Mapping[str, Any]] = {"ruleset": RULESET_VERSION}
_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool"})
_KEPT: Final = ("name", "tool_calls", "tool_call_id")


class PlainForm:
    """One conversation a line, as single reads show it: what is withheld there is withheld here, and says why."""

    name = "ndjson"
    purpose = ""
    heads = True
    facts: Mapping[str, Any] = _FACTS

    def leaves_out(self, conversation: Conversation, rows: Sequence[MessageRow]) -> str:
        """Leave nothing out."""
        return ""

    def line(self, opened: OpenedConversation) -> dict[str, Any] | str:
        """Return the conversation with its head and its messages."""
        return {
            "id": opened.id,
            "collection": opened.collection,
            "classification": opened.classification,
            "head": opened.head.item if opened.head else None,
            "messages": [message.as_shown() for message in opened.messages],
        }


class TrainingForm:
    """One conversation a line in the shape of OpenAI's fine-tuning files: `{"messages": [{"role", "content", ...}]}`."""

    name = "openai-jsonl"
    purpose = TRAINING
    heads = False
    facts: Mapping[str, Any] = _FACTS

    def leaves_out(self, conversation: Conversation, rows: Sequence[MessageRow]) -> str:
        """Return the state of the first record that is not redacted, or what else is missing."""
        for state in (conversation.state, *(row.state for row in rows)):
            if state != State.REDACTED:
                return State(state).label
        roles = {row.role for row in rows}
        return "role" if roles - _ROLES else "no_answer" if "assistant" not in roles else ""

    def line(self, opened: OpenedConversation) -> dict[str, Any] | str:
        """Return the messages; the state's word where one was erased in the meantime."""
        if any(message.document is None for message in opened.messages):
            return State.ERASED.label
        return {"messages": [_turn(message) for message in _path(opened.messages)]}


def _path(messages: Sequence[OpenedMessage]) -> list[OpenedMessage]:
    """Return the messages in order; where they branch, those that lead to the last one."""
    parents = [message.parent_id for message in messages if message.parent_id is not None]
    if len(set(parents)) == len(parents):
        return list(messages)
    known = {message.id: message for message in messages}
    path, here = [], messages[-1] if messages else None
    while here is not None:
        path.append(here)
        here = known.pop(here.parent_id, None) if here.parent_id is not None else None
    return path[::-1]


def _turn(message: OpenedMessage) -> dict[str, Any]:
    """Return one message: its content where it is text, else what a person reads of it; tool calls are kept."""
    document = message.document
    item = document.item if document is not None and isinstance(document.item, Mapping) else {}
    content = item.get("content")
    if document is not None and not isinstance(content, str) and not (content is None and item.get("tool_calls")):
        content = "\n".join(document.readable())
    return {"role": message.role, "content": content} | {name: item[name] for name in _KEPT if item.get(name)}


FORMS: Final[Mapping[str, PlainForm | TrainingForm]] = {form.name: form for form in (PlainForm(), TrainingForm())}
