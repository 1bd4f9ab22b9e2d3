"""Passports: ICAO 9303 numbers of up to nine characters, by what the text calls them; no form of theirs is telling."""

import re
from collections.abc import Iterator

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import Document, stands_alone
from governance.privacy.detectors.context import speaks_for
from governance.privacy.detectors.rules import Rule, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

_CANDIDATE = pattern(rb"[A-Za-z0-9]{8,9}|[A-Z]{1,2}[ -][0-9]{6,9}")
_SHORTEST, _LONGEST = 8, 9
# Letters stand in front or, of nine characters, anywhere: Germany, France, South Korea.
_LETTERS_IN_FRONT = re.compile(r"[A-Za-z]{0,2}[ -]?\d{6,9}[A-Za-z]?")
_DATE = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_FEWEST_DIGITS = 2


def _separators(doc: Document, start: int, end: int) -> int:
    return doc.text.count(" ", start, end) + doc.text.count("-", start, end)


def find(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield numbers of eight or nine characters that a word near them calls a passport."""
    for match in _CANDIDATE.finditer(doc.image, low, high):
        budget.spend()
        start, end = match.span()
        if not _SHORTEST <= end - start - _separators(doc, start, end) <= _LONGEST or not stands_alone(doc, start, end):
            continue
        if _formed(doc.text[start:end]) and speaks_for(doc, Kind.PASSPORT, start, end):
            yield Span(start, end, Kind.PASSPORT, Tier.CONTEXTUAL, "passport")


def _formed(number: str) -> bool:
    if _LETTERS_IN_FRONT.fullmatch(number):
        return _DATE.fullmatch(number) is None
    return (
        len(number) == _LONGEST and number[0] != "0" and sum(map(str.isdigit, number)) >= _FEWEST_DIGITS - number.isupper()
    )


RULES = (Rule("passport", rb"(?i:passport)|\x8e\x8e", find),)
