"""Hostile text made inert: Markdown without HTML, links or images; marks and hidden characters made visible.

Nothing of a text is swallowed: where the rendered form lacks a character of the original (a nesting too deep, a cell
too many), the text is shown as it was written.
"""

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import nh3
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.token import Token

from governance.console.words import kind_word

Tips = Mapping[str, str]

_NO_TIPS: Final[Tips] = MappingProxyType({})
_MARK: Final = re.compile(r"\[([A-Z][A-Z_]{1,31})·([a-z2-7]{1,5})\]")
_TAGS: Final = {"p", "br", "strong", "em", "code", "pre", "ul", "ol", "li", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6",
                "hr", "table", "thead", "tbody", "tr", "th", "td"}  # fmt: skip
_TAG: Final = re.compile(r"<[^<>]*>")
_HIDDEN: Final = {"Cf", "Co", "Cc", "Zl", "Zp"}
_PLAIN: Final = frozenset("\n\t\r")
_PICTURES: Final = {"So", "Sk", "Sm"}
_JOINER: Final = "\u200d"
_PICTURE_STYLES: Final = frozenset("\ufe0e\ufe0f")
_KEYCAPS: Final = frozenset("0123456789#*")
# Drawn as nothing though Unicode counts them as letters, marks or symbols, or has not assigned them.
_UNDRAWN: Final = frozenset(
    chr(code)
    for codes in (
        (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x2800, 0x3164, 0xFFA0),
        range(0x180B, 0x1810),
        range(0xFE00, 0xFE10),
        range(0xFFF0, 0xFFF9),
        range(0xE0000, 0xE1000),
    )
    for code in codes
)
_LONGEST_MARKDOWN: Final = 100_000
_PUNCTUATION: Final = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
_markdown.disable(["link", "image", "autolink", "reference", "entity"])


def is_hidden(text: str, at: int) -> bool:
    """Return whether the character at `at` is one that a reader cannot see.

    The joiner between two emoji is what draws one picture from them, and is left alone there.
    """
    character = text[at]
    if not _may_hide(character):
        return False
    if character == _JOINER:
        return not (_is_picture(text, at - 1) and _is_picture(text, at + 1))
    if character in _PICTURE_STYLES:
        return not (at and (unicodedata.category(text[at - 1]) in _PICTURES or text[at - 1] in _KEYCAPS))
    return True


def _may_hide(character: str) -> bool:
    return character in _UNDRAWN or (unicodedata.category(character) in _HIDDEN and character not in _PLAIN)


def _is_picture(text: str, at: int) -> bool:
    if not 0 <= at < len(text):
        return False
    return text[at] == "\ufe0f" or unicodedata.category(text[at]) in _PICTURES


def spelled(text: str) -> str:
    """Return the text with hidden characters written out as code points, for places without HTML."""
    if not any(map(_may_hide, set(text))):
        return text
    parts = (f"⟨U+{ord(one):04X}⟩" if is_hidden(text, at) else one for at, one in enumerate(text))
    return "".join(parts)


def _chips(markup: str) -> str:
    """Put a visible chip in the place of each hidden character; no attribute of `markup` holds one."""
    if not any(map(_may_hide, set(markup))):
        return markup
    return "".join(_chip(one) if is_hidden(markup, at) else one for at, one in enumerate(markup))


def _chip(character: str) -> str:
    name = unicodedata.name(character, "").lower() or _("unnamed character")
    tip = html.escape(_("hidden character: %(name)s") % {"name": name})
    return f'<span class="tv-hidden" title="{tip}">U+{ord(character):04X}</span>'


def _mark(match: "re.Match[str]", tips: Tips) -> str:
    """Return a mark with what is known of it, for the pointer and for the keyboard alike."""
    told = html.escape(tips.get(match[0]) or _usual_tip(match[1]))
    name = f'<mark class="tv-mark" tabindex="0" role="note" data-tip="{told}" aria-label="{match[1]}·{match[2]}: {told}">'
    return f"{name}{match[1]}<span>·{match[2]}</span></mark>"


def _usual_tip(kind: str) -> str:
    said = _("Masked %(kind)s. The same value has the same mark in this conversation; another one has another.")
    return said % {"kind": kind_word(kind)}


def _finished(markup: str, tips: Tips) -> SafeString:
    chips = _chips(markup)
    return mark_safe(_MARK.sub(lambda match: _mark(match, tips), chips))  # noqa: S308  # nosec B308 B703 - cleaned or escaped


def rich(text: str, tips: Tips = _NO_TIPS) -> SafeString:
    """Return safe HTML of a text in Markdown, cleaned; a text that Markdown would swallow in part is shown as written.

    `tips` says what is known of a mark, by the mark as it is written.
    """
    if len(text) <= _LONGEST_MARKDOWN:
        tokens = _markdown.parse(text)
        markup = nh3.clean(
            _markdown.renderer.render(tokens, _markdown.options, {}), tags=_TAGS, attributes={"ol": {"start"}}
        )
        numbers = "".join(token.info for token in tokens if token.type == "list_item_open")
        if _letters(text) == _letters(html.unescape(_TAG.sub("", markup)) + numbers):
            return _finished(markup, tips)
    return _finished(f'<p class="tv-verbatim">{html.escape(text)}</p>', tips)


def _letters(text: str) -> Counter[str]:
    """Count what is neither space nor punctuation of Markdown: what a reader must find again."""
    counts = Counter(text)
    return Counter({one: count for one, count in counts.items() if not one.isspace() and one not in _PUNCTUATION})


def _fence(renderer: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    """Render fenced code with the words beside its fence, which are text like any other."""
    token = tokens[at]
    label = f"<em>{html.escape(token.info.strip())}</em>" if token.info.strip() else ""
    return f"<pre>{label}<code>{html.escape(token.content)}</code></pre>\n"


_markdown.add_render_rule("fence", _fence)


def plain(text: str, tips: Tips = _NO_TIPS) -> SafeString:
    """Return safe HTML of a text as it is, for titles and code."""
    return _finished(html.escape(text), tips)
