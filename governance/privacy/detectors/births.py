"""Dates of birth behind what calls them so; a date alone is nobody's."""

import re
from collections.abc import Iterator

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import Document
from governance.privacy.detectors.rules import Rule
from governance.privacy.detectors.spans import Kind, Span, Tier

_DATE = (
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})|\d{4}年\d{1,2}月(?:\d{1,2}[日号]?)?|"
    r"\d{1,2}(?:st|nd|rd|th)?(?: of)? [a-z]{3,9},? \d{4}|[a-z]{3,9}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4})(?!\d)"
)
_BORN = re.compile(
    r"(?:(?<![a-z])"
    r"(?:d\.?o\.?b\.?|date of birth|birth ?date|my birthday|i was born|patient born)|"
    r"出生日期|我的生日|我出生|我生于|本人生于)"
    r"[^\d\n]{0,16}?" + _DATE
)


def find(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield dates of birth."""
    for match in _BORN.finditer(doc.folded, low, high):
        budget.spend()
        yield Span(*match.span(1), Kind.BIRTH_DATE, Tier.CONTEXTUAL, "birth-date")


RULES = (Rule("birth-date", rb"(?i:birth|born|dob|d\.o\.b)|\x8e\x8e|\x8e\x8a", find),)
