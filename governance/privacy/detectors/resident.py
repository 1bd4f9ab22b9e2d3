"""Resident identity numbers of mainland China.

GB 11643-1999: six digits of administrative division (GB/T 2260), the date of birth, three digits of order and a check
character by ISO/IEC 7064 MOD 11-2. The division is checked by its province only: counties come and go, and a number
keeps the county of its year of issue.
"""

import datetime as dt
from collections.abc import Iterator

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import Document, stands_alone
from governance.privacy.detectors.context import speaks_against, speaks_for
from governance.privacy.detectors.rules import Rule, candidates, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

_CANDIDATE = pattern(rb"\d{3}(?:[ -]?\d){14}[ -]?[0-9Xx]")
PROVINCES = frozenset([
    "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43",
    "44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82", "83",
])  # fmt: skip
_CHECKS = "10X98765432"
_YEARS = range(1890, 2100)


def check_character(seventeen: str) -> str:
    """Return the check character of ISO/IEC 7064, MOD 11-2."""
    return _CHECKS[sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(seventeen)) % 11]


def _born(digits: str) -> bool:
    try:
        born = dt.date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return False
    return born.year in _YEARS


def _judge(doc: Document, start: int, end: int) -> tuple[Tier, str] | None:
    number = doc.text[start:end].replace(" ", "").replace("-", "").upper()
    if number[:2] not in PROVINCES or not _born(number):
        return None
    if check_character(number[:17]) == number[17]:
        return Tier.VALIDATED, "resident-id"
    # A slip of one digit is still the person's number where the text calls it that.
    if speaks_for(doc, Kind.RESIDENT_ID, start, end) and not speaks_against(doc, start, end):
        return Tier.CONTEXTUAL, "resident-id-named"
    return None


def find(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield resident numbers, bare or with single spaces or dashes, `x` in either case."""
    done = low
    for start, end in candidates(_CANDIDATE, doc.image, low, high, budget):
        if start < done:
            continue
        verdict = _judge(doc, start, end) if stands_alone(doc, start, end) else None
        if verdict:
            yield Span(start, end, Kind.RESIDENT_ID, *verdict)
            done = end


RULES = (Rule("resident-id", rb"\d(?:[ -]?\d){16}[ -]?[0-9Xx]", find),)
