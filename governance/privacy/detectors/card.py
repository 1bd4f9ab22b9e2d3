"""Payment card numbers by ISO/IEC 7812-1: length, issuer prefix, Luhn check digit; UnionPay 62 with 16 to 19 digits.

One random number in ten passes Luhn, so the prefix, the grouping and the words around decide as well.
"""

from collections.abc import Iterator

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import DIGITS, Document, stands_alone
from governance.privacy.detectors.context import names_another, speaks_against, speaks_for
from governance.privacy.detectors.rules import Rule, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

_CANDIDATE = pattern(rb"\d(?:[ -]?\d){11,24}")
_SHORTEST, _USUAL, _LONGEST = 12, 16, 19
_FIRST_GROUP = 4
_GROUPINGS = frozenset({
    (4, 4, 4, 4), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3), (4, 4, 4, 3), (4, 6, 5), (4, 6, 4),
    (6, 13), (6, 10),
})  # fmt: skip
# (first prefix, last prefix, lengths): the ranges that the networks publish.
_ISSUERS: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("4", "4", (13, 16, 19)),
    ("51", "55", (16,)),
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),
    ("37", "37", (15,)),
    ("62", "62", (16, 17, 18, 19)),
    ("81", "81", (16, 17, 18, 19)),
    ("6011", "6011", (16, 19)),
    ("644", "659", (16, 19)),
    ("3528", "3589", (16, 17, 18, 19)),
    ("1800", "1800", (15,)),
    ("2131", "2131", (15,)),
    ("300", "305", (14, 16)),
    ("36", "36", (14, 16)),
    ("38", "39", (14, 16)),
    ("50", "50", tuple(range(12, 20))),
    ("56", "58", tuple(range(12, 20))),
    ("67", "67", tuple(range(12, 20))),
    ("9792", "9792", (16,)),
    ("2200", "2204", (16, 17, 18, 19)),
)
# With Luhn, at most 0.2 % of random numbers of the length begin so.
_RARE = frozenset(["62", "34", "37", "36", "38", "39"])
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def luhn(digits: str) -> bool:
    """Check the last digit as ISO/IEC 7812-1, annex B, asks."""
    odd = sum(map(int, digits[-1::-2]))
    even = sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])
    return (odd + even) % 10 == 0


def issued(digits: str) -> bool:
    """Tell whether a network issues numbers of this prefix and length."""
    return any(first <= digits[: len(first)] <= last and len(digits) in lengths for first, last, lengths in _ISSUERS)


def _telling(digits: str) -> bool:
    """Tell whether prefix and length leave less than one random number in two hundred."""
    return len(digits) == _USUAL or digits[:2] in _RARE


def _judge(doc: Document, start: int, end: int) -> tuple[Tier, str] | None:
    groups = tuple(map(len, doc.text[start:end].replace("-", " ").split(" ")))
    digits = "".join(char for char in doc.text[start:end] if char in DIGITS)
    if not luhn(digits) or len(set(digits)) <= 1:
        return None
    named = speaks_for(doc, Kind.CARD, start, end)
    grouped = groups in _GROUPINGS
    if issued(digits) and (grouped or len(groups) == 1 or named):
        # No amount and no percentage has sixteen digits.
        against = names_another(doc, start) if len(digits) >= _USUAL else speaks_against(doc, start, end)
        if (grouped or named or _telling(digits)) and not against:
            return Tier.VALIDATED, "card"
        return Tier.WEAK, "card-bare"
    if named and (grouped or len(groups) == 1):
        return Tier.CONTEXTUAL, "card-named"
    return None


def _runs_on(doc: Document, start: int, end: int) -> bool:
    """Tell whether the candidate is a part of a longer row of numbers."""
    before, after = doc.text[max(0, start - 2) : start], doc.text[end : end + 2]
    return (before[-1:] in ("-", ".") and before[:1] in DIGITS) or (after[:1] in ("-", ".") and after[1:] in DIGITS)


def find(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield card numbers; of a longer row of groups (a date before, a year behind) each run of groups is tried."""
    position = low
    while match := _CANDIDATE.search(doc.image, position, high):
        budget.spend()
        start, end = match.span()
        border = _border(doc, start, end)
        position = border
        if border - start < _FIRST_GROUP or not stands_alone(doc, start, border) or _runs_on(doc, start, end):
            continue
        for stop in _stops(doc, start, end):
            budget.spend()
            verdict = _judge(doc, start, stop)
            if verdict:
                yield Span(start, stop, Kind.CARD, *verdict)
                position = stop
                break


def _border(doc: Document, start: int, end: int) -> int:
    """Return where the first group of digits ends, in the row or beyond its end."""
    while start < end and doc.text[start] in DIGITS:
        start += 1
    return start


def _stops(doc: Document, start: int, end: int) -> Iterator[int]:
    """Yield the ends of runs of groups that have as many digits as a card, the longest first."""
    while end - start >= _SHORTEST:
        digits = end - start - doc.text.count(" ", start, end) - doc.text.count("-", start, end)
        if digits <= _LONGEST and stands_alone(doc, start, end):
            yield end
        border = max(doc.text.rfind(" ", start, end), doc.text.rfind("-", start, end))
        if border < 0:
            return
        end = border


RULES = (Rule("card", rb"\d(?:[ -]?\d){11}", find),)
