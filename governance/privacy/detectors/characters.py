"""One-to-one character normalisation, so that every offset holds in the original text.

Three views of a text have the same length as the text:

* `text`: full-width forms, exotic spaces, dashes, quotes and digits of other scripts turned into ASCII;
* `folded`: `text` in lower case, for words of context;
* `image`: one byte per code point (Latin-1), where a character outside Latin-1 is `MARK`. re2 works on it, so a byte
  offset is a code-point offset and no match pays for decoding.

Sources: Unicode 15, blocks Halfwidth and Fullwidth Forms, General Punctuation, Mathematical Alphanumeric Symbols.
"""

import codecs
import re
from dataclasses import dataclass, field

MARK = b"\x1a"
DIGITS = frozenset("0123456789")
WORD = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")

_FULL_WIDTH = range(0xFF01, 0xFF5F)
_SPACES = (0xA0, 0x1680, *range(0x2000, 0x2010), 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF, 0xAD)
_DASHES = (*range(0x2010, 0x2016), 0x2043, 0x2212, 0xFE58, 0xFE63)
_DIGIT_ZEROS = (0x0660, 0x06F0, 0x0966, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6)


def _table() -> dict[int, str]:
    table = {code: chr(code - 0xFEE0) for code in _FULL_WIDTH}
    table |= dict.fromkeys(_SPACES, " ")
    table |= dict.fromkeys(_DASHES, "-")
    table |= {zero + digit: str(digit) for zero in _DIGIT_ZEROS for digit in range(10)}
    table |= {0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0xFE6B: "@", 0xFE52: ".", 0xFE55: ":"}
    # The one letter whose lower case is longer than itself: with it, `folded` would lose its offsets.
    table[0x130] = "I"
    return table


_TABLE = _table()
_NEEDS_TABLE = re.compile("[" + "".join(map(re.escape, map(chr, _TABLE))) + "]")


def _mark(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return MARK * (error.end - error.start), error.end


codecs.register_error("threadvault.mark", _mark)


@dataclass(frozen=True, slots=True)
class Document:
    """The views of one text and the words that its key gives (`context`, folded)."""

    text: str = field(repr=False)
    folded: str = field(repr=False)
    image: bytes = field(repr=False)
    context: str = field(default="", repr=False)

    def before(self, position: int, width: int) -> str:
        """Return at most `width` folded characters that end at `position`."""
        return self.folded[max(0, position - width) : position]

    def after(self, position: int, width: int) -> str:
        """Return at most `width` folded characters that begin at `position`."""
        return self.folded[position : position + width]

    def char(self, position: int) -> str:
        """Return the character at `position`, or nothing outside of the text."""
        return self.text[position] if 0 <= position < len(self.text) else ""


_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def document(text: str, context: str = "") -> Document:
    """Build the views of `text`; `context` is the name of the JSON member that holds it."""
    words = _CAMEL.sub(" ", context).replace("_", " ").replace("-", " ").lower() if context else ""
    if text.isascii():
        return Document(text, text.lower(), text.encode("ascii"), words)
    plain = text.translate(_TABLE) if _NEEDS_TABLE.search(text) else text
    return Document(plain, plain.lower(), plain.encode("latin-1", "threadvault.mark"), words)


def stands_alone(doc: Document, start: int, end: int) -> bool:
    """Tell whether no ASCII letter, digit or underscore touches the range.

    Look-around by hand: re2 has none, and its word boundary takes a Chinese character for a boundary in one
    implementation and for a letter in the other.
    """
    return doc.char(start - 1) not in WORD and doc.char(end) not in WORD
