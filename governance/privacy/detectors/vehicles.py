"""Number plates of mainland China: GA 36-2018, with those of new-energy cars (eight characters)."""

import re
from collections.abc import Iterator

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import WORD, Document
from governance.privacy.detectors.context import speaks_for
from governance.privacy.detectors.rules import Rule, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

# 0x89: the short name of a province; 0x8b: a plate of the police, of a learner, of Hong Kong or Macao.
_CANDIDATE = pattern(rb"\x89[A-Za-z][ ]?[\xb7. -]?[ ]?[A-Za-z0-9]{4,6}\x8b?")
_SERIAL = re.compile(r"[A-HJ-NP-Z0-9]{5}|[DF][A-HJ-NP-Z0-9]\d{4}|\d{5}[DF]|[A-HJ-NP-Z0-9]{4}(?=[警学领港澳挂])")
_FEWEST_DIGITS = 2
_TELLING_DIGITS = 4


def _judge(doc: Document, start: int, end: int) -> tuple[Tier, str] | None:
    tail = doc.text[start + 2 : end].lstrip("\u00b7. -")
    match = _SERIAL.match(tail.upper())
    if match is None or sum(char.isdigit() for char in tail) < _FEWEST_DIGITS:
        return None
    told = "\u00b7" in doc.text[start + 2 : end] or doc.text[start + 1 : end].isupper()
    if speaks_for(doc, Kind.PLATE, start, end):
        return Tier.CONTEXTUAL, "plate"
    return (Tier.VALIDATED if told or sum(map(str.isdigit, tail)) >= _TELLING_DIGITS else Tier.WEAK), "plate"


def find(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield plates: in upper case or with a dot by their form, in lower case where the text speaks of a car."""
    for match in _CANDIDATE.finditer(doc.image, low, high):
        budget.spend()
        start, end = match.span()
        verdict = _judge(doc, start, end) if doc.char(end) not in WORD or not doc.char(end) else None
        if verdict:
            yield Span(start, end, Kind.PLATE, *verdict)


RULES = (Rule("plate", rb"\x89[A-Za-z][ ]?[\xb7. -]?[ ]?[A-Za-z0-9]{4}", find),)
