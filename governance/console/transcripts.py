"""How a message looks: hostile text made inert, marks and hidden characters made visible."""

import html
import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

from governance.vault.records import OpenedMessage

_MARK: Final = re.compile(r"\[([A-Z_]{2,32})·([a-z2-7]{4,5})\]")
_TAGS: Final = set(
    "p br strong em code pre ul ol li blockquote h1 h2 h3 h4 hr table thead tbody tr th td span mark".split()  # noqa: SIM905
)
_HIDDEN: Final = {"Cf", "Co"}
_markdown = (
    MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table").disable(["link", "image", "autolink"])
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as the page shows it."""

    anchor: str
    ordinal: int
    role: str
    body: SafeString | None
    tools: tuple[str, ...]
    withheld: str
    branch: bool


def reveal_hidden(text: str) -> str:
    """Return the text with zero-width and direction-changing characters written out as their code points."""
    return "".join(
        f"\u27e8U+{ord(character):04X}\u27e9" if unicodedata.category(character) in _HIDDEN else character
        for character in text
    )


def render_text(text: str) -> SafeString:
    """Return safe HTML: Markdown without HTML, links or images, then cleaned; marks stand out."""
    cleaned = nh3.clean(_markdown.render(reveal_hidden(text)), tags=_TAGS, attributes={})
    marked = _MARK.sub(_marked, cleaned)
    return mark_safe(marked)  # noqa: S308  # nosec B308 B703 - cleaned by nh3 in the line above


def _marked(match: "re.Match[str]") -> str:
    kind = match[1].replace("_", " ").lower()
    tip = html.escape(f"{kind}, masked; the same value has the same mark in this conversation")
    return f'<mark class="tv-mark" title="{tip}">{match[1]}<span>·{match[2]}</span></mark>'


def shown(message: OpenedMessage, previous: OpenedMessage | None) -> Shown:
    """Return how `message` looks after `previous`."""
    document = message.document
    readable = document.readable() if document else []
    calls = document.item.get("tool_calls") if document and isinstance(document.item, dict) else None
    tools = tuple(json.dumps(call, ensure_ascii=False, indent=2) for call in calls or ())
    expected = previous.id if previous else None
    return Shown(
        anchor=f"m{message.ordinal + 1}",
        ordinal=message.ordinal + 1,
        role=message.role,
        body=render_text("\n\n".join(readable)) if readable else None,
        tools=tuple(reveal_hidden(tool) for tool in tools),
        withheld=message.withheld,
        branch=message.parent_id is not None and message.parent_id != expected,
    )
