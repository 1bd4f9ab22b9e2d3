"""Passports: ICAO 9303 numbers of up to nine characters, by what the text calls them; no form of theirs is telling."""

from collections.abc import Iterator

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import Document, stands_alone
from governance.privacy.detectors.context import speaks_for
from governance.privacy.detectors.rules import Rule, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

_CANDIDATE = pattern(rb"[A-Za-z]{0,2}[0-9]{6,9}[A-Za-z]?|[A-Z]{1,2}[ -][0-9]{6,9}")
_SHORTEST, _LONGEST = 8, 9


def _separators(doc: Document, start: int, end: int) -> int:
    return doc.text.count(" ", start, end) + doc.text.count("-", start, end)


def find(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield numbers of eight or nine characters that a word near them calls a passport."""
    for match in _CANDIDATE.finditer(doc.image, low, high):
        budget.spend()
        start, end = match.span()
        if not _SHORTEST <= end - start - _separators(doc, start, end) <= _LONGEST or not stands_alone(doc, start, end):
            continue
        if speaks_for(doc, Kind.PASSPORT, start, end):
            yield Span(start, end, Kind.PASSPORT, Tier.CONTEXTUAL, "passport")


RULES = (Rule("passport", rb"(?i:passport)|\x8e\x8e", find),)
