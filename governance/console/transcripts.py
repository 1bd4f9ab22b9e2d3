"""How a conversation's messages look on its page."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from governance.console.inert import Tips, plain, rich, spelled
from governance.console.words import WITHHELD
from governance.vault.documents import Document
from governance.vault.records import OpenedMessage

_ROLES: Final = {"user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant", "model": "assistant",
                 "system": "system", "developer": "system", "tool": "tool", "function": "tool",
                 "observation": "tool"}  # fmt: skip
_NO_TIPS: Final[Mapping[UUID, Tips]] = MappingProxyType({})
_CALLS: Final = ("tool_calls", "function_call")


@dataclass(frozen=True, slots=True)
class Folded:
    """What a page keeps folded until somebody asks for it."""

    label: str
    body: SafeString


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as the page shows it; `kind` is one of five and chooses the colour, `role` is the word.

    `raw` is the whole item in JSON, of the same view as `body`: neither shows more than the other.
    """

    anchor: str
    number: int
    role: str
    kind: str
    sent_at: str
    body: SafeString | None
    raw: SafeString | None
    folded: tuple[Folded, ...]
    withheld: str
    branch: str


def title_of(head: Document | None) -> str:
    """Return the title of a conversation, with hidden characters spelled out; empty where there is none to show."""
    title = _member(head, "title")
    return spelled(title) if isinstance(title, str) else ""


def _member(document: Document | None, name: str) -> Any:
    return document.item.get(name) if document is not None and isinstance(document.item, dict) else None


def shown_messages(messages: Sequence[OpenedMessage], tips: Mapping[UUID, Tips] = _NO_TIPS) -> list[Shown]:
    """Return how the messages of one page look, in their order; `tips` says what is known of the marks of each."""
    branches = _branches(messages)
    return [_shown(message, branches.get(message.id, ""), tips.get(message.id, {})) for message in messages]


def _branches(messages: Sequence[OpenedMessage]) -> dict[UUID, str]:
    """Say of each message that does not follow the one before it whose answer it is."""
    numbers = {message.id: message.ordinal + 1 for message in messages}
    children = Counter(message.parent_id for message in messages)
    seen: Counter[UUID | None] = Counter()
    found = {}
    for at, message in enumerate(messages):
        parent = message.parent_id
        if parent is None:
            continue
        seen[parent] += 1
        target = f"#{numbers[parent]}" if parent in numbers else _("an earlier message")
        if children[parent] > 1:
            words = {"number": seen[parent], "of": children[parent], "target": target}
            found[message.id] = _("branch %(number)s of %(of)s after %(target)s") % words
        elif at and messages[at - 1].id != parent:
            found[message.id] = _("continues %(target)s") % {"target": target}
    return found


def _shown(message: OpenedMessage, branch: str, tips: Tips) -> Shown:
    document = message.document
    kind = _ROLES.get(message.role, "other")
    texts = document.readable() if document else []
    folded = [*_calls(document, tips), *(_results(texts, tips) if kind == "tool" else [])]
    sent_at = _member(document, "created_at")
    return Shown(
        anchor=f"m{message.ordinal + 1}",
        number=message.ordinal + 1,
        role=message.role,
        kind=kind,
        sent_at=sent_at[:32] if isinstance(sent_at, str) else "",
        body=rich("\n\n".join(texts), tips) if texts and kind != "tool" else None,
        raw=plain(_json(document.item), tips) if document is not None else None,
        folded=tuple(folded),
        withheld=str(WITHHELD.get(message.withheld, message.withheld)),
        branch=branch,
    )


def _calls(document: Document | None, tips: Tips) -> Iterable[Folded]:
    for name in _CALLS:
        calls = _member(document, name)
        for call in calls if isinstance(calls, list) else [calls] if calls else []:
            yield Folded(label=(_("Tool call %(name)s") % {"name": _name_of(call)}).strip(), body=plain(_pretty(call), tips))


def _results(texts: list[str], tips: Tips) -> Iterable[Folded]:
    for text in texts:
        yield Folded(label=_("Tool result"), body=plain(_pretty(text), tips))


def _name_of(call: Any) -> str:
    function = call.get("function", call) if isinstance(call, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    return spelled(name)[:80] if isinstance(name, str) else ""


def _pretty(value: Any) -> str:
    """Return JSON over several lines; a string that is none is returned as it is."""
    if isinstance(value, dict) and isinstance(value.get("function"), dict):
        value = value["function"]
    if isinstance(value, dict) and isinstance(value.get("arguments"), str):
        value = _parsed(value["arguments"])
    elif isinstance(value, str):
        value = _parsed(value)
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, indent=2)
    except RecursionError:
        return _("(nested too deep to be shown)")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
