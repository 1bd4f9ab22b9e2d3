r"""One-to-one character normalisation, so that every offset holds in the original text.

Three views of a text have the same length as the text:

* `text`: full-width forms, exotic spaces, dashes, quotes and digits of other scripts turned into ASCII, and the escapes
  `\n`, `\r`, `\t` of JSON inside a text and of strings in code into a space and what they mean;
* `folded`: `text` in lower case, for words of context;
* `image`: one byte per code point (Latin-1). A character outside Latin-1 is a byte of `CLASSES` where Chinese addresses
  and number plates are made of it, and `MARK` otherwise; what are control codes in Latin-1 never stand for themselves.
  re2 works on it, so a byte offset is a code-point offset and no match pays for decoding.

Sources: Unicode 15, blocks Halfwidth and Fullwidth Forms, General Punctuation, Mathematical Alphanumeric Symbols.
"""

import codecs
import re
from dataclasses import dataclass, field

MARK = b"\x1a"
# What the byte of a Chinese character tells a pattern about it.
CLASSES = {
    0x80: "省",
    0x81: "市州盟",
    0x82: "区县旗",
    0x83: "镇乡屯",
    0x84: "村庄寨",
    0x85: "路街道巷弄",
    0x86: "号號",
    0x87: "楼栋幢座层室房院户宅",
    0x88: "〇一二三四五六七八九十百",
    # The short names of provinces on plates, and of what stands for one on plates of its own.
    0x89: "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使",
    0x8A: "在是为于到去从的了吗呢吧啊我你您他她它们和与及或",
    0x8B: "警学领港澳挂",
    # The labels of accounts: 微信, V信, 扣扣.
    0x8C: "微薇信扣",
    # What begins or names an address: 地址, 位于, 住在, 收货.
    0x8D: "址位住货寄送",
    # 护照, 生日, 出生.
    0x8E: "护照出生日",
    0x8F: "。、《》「」『』【】〈〉…",
}
DIGITS = frozenset("0123456789")
_ESCAPES = (("\\n", " \n"), ("\\r", " \r"), ("\\t", " \t"))
_ESCAPE = re.compile(r"%[2-7][0-9A-Fa-f]\Z")
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
    table |= dict.fromkeys((0x2022, 0x2027, 0x22C5, 0x30FB, 0xFF65), "\u00b7")
    table |= dict.fromkeys(range(0x7F, 0xA0), "\ufffd")
    # The one letter whose lower case is longer than itself: with it, `folded` would lose its offsets.
    table[0x130] = "I"
    return table


# Lists and not dictionaries: a code point that is not in a dictionary costs an exception in `str.translate`.
_PLANES = 0x1D800  # One behind the last code point of the table.


def _plain() -> list[str]:
    plain = [chr(code) for code in range(_PLANES)]
    for code, char in _table().items():
        plain[code] = char
    return plain


def _bytes(plain: list[str]) -> list[str]:
    classes = {char: chr(code) for code, chars in CLASSES.items() for char in chars}
    return [classes.get(char, char if char <= "\xff" else MARK.decode()) for char in plain]


_PLAIN = _plain()
_BYTES = _bytes(_PLAIN)


def _mark(error: UnicodeError) -> tuple[bytes, int]:
    """Stand in for the code points behind the table."""
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


def words_of_key(key: str) -> str:
    """Return the words that the name of a member is made of, in lower case."""
    return _CAMEL.sub(" ", key).replace("_", " ").replace("-", " ").lower()


def document(text: str, context: str = "") -> Document:
    """Build the views of `text`; `context` is the name of the JSON member that holds it."""
    words = words_of_key(context) if context else ""
    if "\\" in text:
        for escape, meaning in _ESCAPES:
            text = text.replace(escape, meaning)
    if text.isascii():
        return Document(text, text.lower(), text.encode("ascii"), words)
    plain, image = text.translate(_PLAIN), text.translate(_BYTES)
    return Document(plain, plain.lower(), image.encode("latin-1", "threadvault.mark"), words)


def stands_alone(doc: Document, start: int, end: int) -> bool:
    """Tell whether no ASCII letter, digit or underscore touches the range.

    Look-around by hand: re2 has none, and its word boundary takes a Chinese character for a boundary in one
    implementation and for a letter in the other.
    """
    return not continues(doc, start) and doc.char(end) not in WORD


def continues(doc: Document, start: int) -> bool:
    """Tell whether what begins at `start` continues a word; behind an escape of a link (`%2B`, `%3A`) a word begins."""
    if doc.char(start - 1) not in WORD:
        return False
    return not _ESCAPE.search(doc.text, max(0, start - 3), start)
