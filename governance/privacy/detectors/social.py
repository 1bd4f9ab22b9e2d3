"""Social security numbers of the United States: area, group, serial (SSA, randomised since 2011) and taxpayer numbers."""

from collections.abc import Iterator
from typing import Final

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import Document, stands_alone
from governance.privacy.detectors.context import speaks_against, speaks_for
from governance.privacy.detectors.rules import Rule, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

_CANDIDATE = pattern(rb"[0-9]{3}([ -]?)[0-9]{2}([ -]?)[0-9]{4}")
# Printed on cards in wallets that were for sale, and in advertisements.
_KNOWN: Final = frozenset({"078051120", "219099999", "123456789", "987654321"})
_TAXPAYER = "9"


def issued(digits: str) -> bool:
    """Tell whether nine digits can be a number that was given out: no area 000, 666 or 9xx, no empty group or serial."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return (
        area not in {"000", "666"} and area[0] != _TAXPAYER and group != "00" and serial != "0000" and digits not in _KNOWN
    )


def _judge(doc: Document, start: int, end: int, form: str) -> tuple[Tier, str] | None:
    digits = doc.text[start:end].replace(" ", "").replace("-", "")
    if speaks_for(doc, Kind.SSN, start, end):
        return (Tier.CONTEXTUAL, "us-ssn-named") if len(set(digits)) > 1 else None
    if not issued(digits) or form != "--" or speaks_against(doc, start, end):
        return None
    return Tier.VALIDATED, "us-ssn"


def find(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield numbers written with two dashes, and in any form where a word calls them so."""
    for match in _CANDIDATE.finditer(doc.image, low, high):
        budget.spend()
        start, end = match.span()
        if not stands_alone(doc, start, end) or _goes_on(doc, start, end):
            continue
        verdict = _judge(doc, start, end, (match.group(1) + match.group(2)).decode())
        if verdict:
            yield Span(start, end, Kind.SSN, *verdict)


def _goes_on(doc: Document, start: int, end: int) -> bool:
    before, after = doc.text[max(0, start - 2) : start], doc.text[end : end + 2]
    return (before[-1:] in ("-", ".", "+") and before[:-1].isalnum()) or (after[:1] in ("-", ".") and after[1:].isalnum())


RULES = (Rule("us-ssn", rb"[0-9]{3}-[0-9]{2}-[0-9]{4}|(?i:ssn|ss ?#|social|itin|taxpayer)|\x1a\x1a\x1a?\x86", find),)
