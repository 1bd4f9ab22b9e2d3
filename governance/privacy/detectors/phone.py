"""Telephone numbers: runs of digits first, then the numbering plan that their form points to.

Sources: ITU-T E.164, the metadata of `phonenumbers` (Google's libphonenumber), the Chinese plan (11-digit mobile
numbers from 13 to 19, area codes 010, 02x, 0xxx, service numbers 400 and 800). Dates, decimals, coordinates, ranges
and dotted quads are excluded before any plan is asked.
"""

import re
from collections.abc import Iterator

from governance.privacy.detectors import plans
from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import DIGITS, WORD, Document, continues
from governance.privacy.detectors.context import is_money, names_another, speaks_for
from governance.privacy.detectors.rules import Rule, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

_RUN = pattern(rb"[+(]{0,2}\d(?:[ .\-/()]{0,3}\d){5,24}")
_EXTENSION = re.compile(r"(?: ?(?:x|ext\.? ?|extension |#|转|分机号?) ?|-)\d{1,6}(?![0-9A-Za-z_])")
_PIECE = re.compile(r"[+(]{0,2}\d+\)?")
# A label that stands right before a number without a space, as in `Tel13812345678`.
_LABELS = re.compile(r"(?<![a-z])(?:tel|phone|mobile|mob|cell|fax|call|t|p|m|f|x)$")
_MOST_GROUPS = 8
_MANY_GROUPS = 7
_BRACKETS = 4
_FEWEST_DIGITS, _MOST_DIGITS = 7, 17


def _touches(doc: Document, start: int, end: int) -> bool:
    """Tell whether the run is a part of a longer word, number or identifier."""
    before, after = doc.char(start - 1), doc.char(end)
    if before and continues(doc, start) and not (before not in DIGITS and _LABELS.search(doc.before(start, 8))):
        return True
    further = doc.char(start - 2)
    if further and ((before in ("-", "/", "+") and further in WORD) or (before == "." and further in DIGITS)):
        return True
    if after in WORD and after and not _EXTENSION.match(doc.folded, end):
        return True
    return after == "-" and doc.char(end + 1) in WORD and doc.char(end + 1) != ""


def _whole(doc: Document, end: int) -> int:
    """Return the end of the number with its extension."""
    match = _EXTENSION.match(doc.folded, end, end + 16)
    return match.end() if match else end


def _judge(doc: Document, start: int, end: int, budget: Budget) -> tuple[Tier, str] | None:
    number = plans.Number.read(doc.text[start:end])
    if not _FEWEST_DIGITS <= len(number.digits) <= _MOST_DIGITS or number.excluded():
        return None
    if not number.international and names_another(doc, start):
        return None
    budget.spend(8)
    verdict = plans.classify(number)
    # `$ 415-555-2671` is a slip, and no price of eleven digits begins as a mobile number does; other numbers are money.
    if not number.international and is_money(doc, start, end) and not (verdict and _no_price(number, verdict)):
        return None
    if verdict and verdict[0] is Tier.VALIDATED:
        return verdict
    if verdict and speaks_for(doc, Kind.PHONE, start, end):
        return Tier.CONTEXTUAL, verdict[1]
    return (verdict[0], verdict[1]) if verdict and verdict[0] is Tier.WEAK else None


def _no_price(number: plans.Number, verdict: tuple[Tier, str]) -> bool:
    return verdict[0] is Tier.VALIDATED and (len(number.form) > 1 or verdict[1] == "phone-cn-mobile")


def _inside(doc: Document, start: int, end: int, budget: Budget) -> Iterator[Span]:
    """Yield the numbers of a run: all of it, or else its longest leading groups, and so on behind them."""
    groups = [match.span() for match in _PIECE.finditer(doc.text, start, end)]
    first = len(groups) if _row(groups) else 0
    while first < len(groups):
        budget.spend()
        for last in _lasts(groups, first):
            low, high = _bare(doc, groups[first][0], groups[last - 1][1])
            if not _apart(doc, groups, first, last):
                continue
            verdict = _judge(doc, low, high, budget)
            if verdict:
                yield Span(low, _whole(doc, high), Kind.PHONE, *verdict)
                first = last - 1
                break
        first += 1


def _bare(doc: Document, low: int, high: int) -> tuple[int, int]:
    """Leave out an opening bracket of the prose, as in `(138 0013 8000)`."""
    while doc.text[low] == "(" and doc.text.count("(", low, high) > doc.text.count(")", low, high):
        low += 1
    return low, high


def _lasts(groups: list[tuple[int, int]], first: int) -> list[int]:
    """Return the ends of the rows from `first` that have as many digits as a number may have, the longest row first."""
    lasts, digits = [], 0
    for last in range(first, min(len(groups), first + _MOST_GROUPS)):
        digits += groups[last][1] - groups[last][0]
        if digits > _MOST_DIGITS + _BRACKETS:
            break
        if digits >= _FEWEST_DIGITS:
            lasts.append(last + 1)
    return lasts[::-1]


def _row(groups: list[tuple[int, int]]) -> bool:
    """Tell whether the run is a row of small numbers, as in a table or a draw of a lottery."""
    return len(groups) >= _MANY_GROUPS and all(high - low <= 2 for low, high in groups)  # noqa: PLR2004  # two digits


def _apart(doc: Document, groups: list[tuple[int, int]], first: int, last: int) -> bool:
    """Tell whether groups `first:last` may be a number of their own: what is beside them is a space or a slash."""
    before = first == 0 or doc.char(groups[first][0] - 1) in (" ", "/")
    after = last == len(groups) or doc.char(groups[last - 1][1]) in (" ", "/")
    return before and after


def find(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield telephone numbers that begin in the window, extensions included."""
    for match in _RUN.finditer(doc.image, low, high):
        budget.spend()
        start, end = match.span()
        if doc.char(end) == ")" and "(" in doc.text[start:end]:
            end += 1
        # Most runs are dates; to know it early is a tenth of all the time of a scan.
        if not plans.is_another(doc.text[start:end]) and not _touches(doc, start, end):
            yield from _inside(doc, start, end, budget)


RULES = (Rule("phone", rb"\d(?:[ .\-/()]{0,3}\d){5}", find),)
