"""Hostile text made inert: Markdown without HTML, links or images; marks and hidden characters made visible."""

import html
import re
import unicodedata
from typing import Final

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

_MARK: Final = re.compile(r"\[([A-Z][A-Z_]{1,31})·([a-z2-7]{1,5})\]")
_TAGS: Final = {"p", "br", "strong", "em", "code", "pre", "ul", "ol", "li", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6",
                "hr", "table", "thead", "tbody", "tr", "th", "td"}  # fmt: skip
_HIDDEN: Final = {"Cf", "Co", "Cc", "Zl", "Zp"}
_PLAIN: Final = frozenset("\n\t\r")
_JOINER: Final = "\u200d"
_markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["link", "image", "autolink"])


def is_hidden(text: str, at: int) -> bool:
    """Return whether the character at `at` is one that a reader cannot see.

    The joiner between two emoji is what draws one picture from them, and is left alone there.
    """
    character = text[at]
    if unicodedata.category(character) not in _HIDDEN or character in _PLAIN:
        return False
    return not (character == _JOINER and _is_picture(text, at - 1) and _is_picture(text, at + 1))


def _is_picture(text: str, at: int) -> bool:
    if not 0 <= at < len(text):
        return False
    return text[at] == "\ufe0f" or unicodedata.category(text[at]) in {"So", "Sk"}


def spelled(text: str) -> str:
    """Return the text with hidden characters written out as code points, for places without HTML."""
    parts = (f"⟨U+{ord(one):04X}⟩" if is_hidden(text, at) else one for at, one in enumerate(text))
    return "".join(parts)


def _chips(markup: str) -> str:
    """Put a visible chip in the place of each hidden character; `markup` has no attributes."""
    if not any(is_hidden(markup, at) for at in range(len(markup))):
        return markup
    return "".join(_chip(one) if is_hidden(markup, at) else one for at, one in enumerate(markup))


def _chip(character: str) -> str:
    name = unicodedata.name(character, "unnamed character").lower()
    return f'<span class="tv-hidden" title="hidden character: {name}">U+{ord(character):04X}</span>'


def _marked(match: "re.Match[str]") -> str:
    kind = match[1].replace("_", " ").lower()
    tip = html.escape(f"Masked {kind}. The same value has the same mark in this conversation; another one has another.")
    return f'<mark class="tv-mark" title="{tip}">{match[1]}<span>·{match[2]}</span></mark>'


def _finished(markup: str) -> SafeString:
    return mark_safe(_MARK.sub(_marked, _chips(markup)))  # noqa: S308  # nosec B308 B703 - every caller cleans or escapes


def rich(text: str) -> SafeString:
    """Return safe HTML of a text in Markdown: rendered without HTML, links and images, then cleaned."""
    return _finished(nh3.clean(_markdown.render(text), tags=_TAGS, attributes={}))


def plain(text: str) -> SafeString:
    """Return safe HTML of a text as it is, for titles and code."""
    return _finished(html.escape(text))
