"""Unified social credit codes of mainland China: GB 32100-2015, check character MOD 31-3 (table of section 5.3)."""

from collections.abc import Iterator
from typing import Final

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import Document, stands_alone
from governance.privacy.detectors.context import speaks_for
from governance.privacy.detectors.resident import PROVINCES
from governance.privacy.detectors.rules import Rule, candidates, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_VALUES: Final = {char: value for value, char in enumerate(ALPHABET)}
_ONE: Final = rb"[0-9A-HJ-NP-RTUWXYa-hj-np-rtuwxy]"
_CANDIDATE = pattern(_ONE + rb"{2}(?:[ -]?[0-9]){6}(?:[ -]?" + _ONE + rb"){10}")
_AUTHORITIES: Final = frozenset("123456789ANY")


def check_character(seventeen: str) -> str:
    """Return the check character over the first seventeen."""
    total = sum(_VALUES[char] * pow(3, place, 31) for place, char in enumerate(seventeen))
    return ALPHABET[-total % 31]


def _judge(doc: Document, start: int, end: int) -> tuple[Tier, str] | None:
    code = doc.text[start:end].replace(" ", "").replace("-", "").upper()
    if code[0] not in _AUTHORITIES or code[2:4] not in PROVINCES:
        return None
    if check_character(code[:17]) == code[17]:
        return Tier.VALIDATED, "credit-code"
    return (Tier.CONTEXTUAL, "credit-code-named") if speaks_for(doc, Kind.CREDIT_CODE, start, end) else None


def find(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield codes, in either case, bare or in groups."""
    done = low
    for start, end in candidates(_CANDIDATE, doc.image, low, high, budget):
        if start < done:
            continue
        verdict = _judge(doc, start, end) if stands_alone(doc, start, end) else None
        if verdict:
            yield Span(start, end, Kind.CREDIT_CODE, *verdict)
            done = end


RULES = (Rule("credit-code", rb"[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}(?:[ -]?[0-9A-Ya-y]){9}", find),)
