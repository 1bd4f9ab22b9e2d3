"""Chinese addresses by their grammar: province, city, district, town, road, number, building, unit, room.

Sources: GB/T 23705 (parts of an address, from large to small). Names are open, the markers behind them are not; the
image holds the markers as classes of bytes.
"""

import re
from collections.abc import Iterator
from typing import Final

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import Document
from governance.privacy.detectors.rules import Rule, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

_X: Final = rb"[\x1a\x80-\x89\x8b-\x8d]"  # A Chinese character that no sentence is joined with.
_NUMBER: Final = rb"[A-Za-z]?[0-9\x88]{1,5}(?:-[0-9]{1,4})?[A-Za-z]?"
_PART: Final = rb"(?:[\x1a\x85]" + _NUMBER + rb")?"  # A group of a village, a lane of a road: `3组12号`, `88弄5号`.
# A building, a floor, a room: `16栋2610室`, `号朝阳大悦城7层`, `5单元808`, and what stands in brackets.
_TAIL: Final = (
    rb"(?:" + _X + rb"{0,10}[0-9A-Za-z\x88-]{1,6}" + _X + rb"{1,4}){0,6}(?:" + _X + rb"{0,10}[0-9]{1,5})?"
    rb"(?:" + _X + rb"{0,10}\(" + _X + rb"{1,16}\))?"
)
_NUMBERED = pattern(
    rb"(?:" + _X + rb"{1,26}\x85" + _X + rb"{0,3}|" + _X + rb"{0,10}[\x81\x82]" + _X + rb"{2,16})"
    + _NUMBER + _PART + rb"\x86" + _TAIL
)  # fmt: skip
_LABEL = re.compile(r"(?:地址|住址|坐落|位于|住在|家住|收货|寄到|寄往|寄给|送到|送货){1,2}(?:信息)?[在是为于就:\s]{0,4}")
_SEGMENT = re.compile(r"[^,。;!?\n、]{4,60}")
_HOME = re.compile(r"住址|住在|家住|收货|寄|送")
_MARKER = re.compile(r"[省市区县旗镇乡村路街道巷弄号楼栋座层室院站里]")
_FINE = re.compile(r"[镇乡村路街巷弄号楼栋座层室]|大道|胡同|[院站]$")
_DIGIT = re.compile(r"[0-9]|[一二三四五六七八九十]{1,3}[号楼层室栋]")
_FEWEST_MARKERS = 2


def find(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield addresses with a house number, and what a label calls an address."""
    for match in _NUMBERED.finditer(doc.image, low, high):
        budget.spend()
        yield Span(match.start(), match.end(), Kind.ADDRESS, Tier.CONTEXTUAL, "address-zh")


def find_labelled(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield what stands behind `地址是`, `位于`, `收货地址：` and is made of parts of an address."""
    for match in _LABEL.finditer(doc.text, low, high):
        budget.spend()
        segment = _SEGMENT.match(doc.text, match.end())
        # Without a number it says where a place is, not where a person is to be found.
        if segment and not (_DIGIT.search(segment[0]) or _HOME.search(match[0])):
            continue
        if segment is None or not _FINE.search(segment[0]) or len(_MARKER.findall(segment[0])) < _FEWEST_MARKERS:
            continue
        yield Span(*segment.span(), Kind.ADDRESS, Tier.CONTEXTUAL, "address-zh-labelled")


RULES = (
    Rule("address-zh", rb"[\x81\x82\x85]" + _X + rb"{0,16}" + _NUMBER + _PART + rb"\x86", find),
    Rule("address-zh-labelled", rb"\x1a\x8d|\x8d[\x8a\x8d\x1a]", find_labelled),
)
