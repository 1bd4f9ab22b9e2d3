"""The pipeline: gate, rules, overlaps.

Guarantees: linear time in the length of the text, up to the budget; offsets in code points of the original text; over
budget raises and never answers.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import re2

from governance.privacy.detectors import (
    addresses_en,
    addresses_zh,
    bank,
    births,
    card,
    columns,
    companies,
    handles,
    ip,
    logins,
    mail,
    members,
    papers,
    pem,
    phone,
    postcode,
    resident,
    shapes,
    social,
    tokens,
    urls,
    vehicles,
)
from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import Document, document
from governance.privacy.detectors.rules import Rule, latin1
from governance.privacy.detectors.spans import STRENGTH, Kind, Span, Tier

# Raised with every change of what is found: a new version re-scans what an older one has called clean.
RULESET_VERSION: Final = 3
RULES: Final[tuple[Rule, ...]] = (
    *pem.RULES,
    *logins.RULES,
    *shapes.RULES,
    *mail.RULES,
    *resident.RULES,
    *card.RULES,
    *ip.RULES,
    *phone.RULES,
    *bank.RULES,
    *social.RULES,
    *postcode.RULES,
    *papers.RULES,
    *companies.RULES,
    *vehicles.RULES,
    *handles.RULES,
    *urls.RULES,
    *births.RULES,
    *members.RULES,
    *columns.RULES,
    *addresses_en.RULES,
    *addresses_zh.RULES,
)

_CHUNK = 64 * 1024
# Longer than any bounded pattern can match, so that a candidate on a border is whole in one of the two windows.
_OVERLAP = 4 * 1024
_SHORTEST = 6
_PREFERENCE = {kind: rank for rank, kind in enumerate((Kind.PHONE, Kind.IP, Kind.PASSWORD, Kind.API_KEY, Kind.CARD))}


def _gate() -> re2.Set:
    gate = re2.Set.SearchSet(latin1())
    for rule in RULES:
        gate.Add(rule.gate)
    gate.Compile()
    return gate


_GATE = _gate()


def _windows(length: int) -> Iterator[tuple[int, int]]:
    for low in range(0, length, _CHUNK):
        yield low, min(length, low + _CHUNK + _OVERLAP)


def _candidates(doc: Document, budget: Budget) -> Iterator[Span]:
    length = len(doc.text)
    if doc.context and (whole := members.whole_leaf(doc)):
        yield whole
    for low, high in _windows(length):
        budget.spend()
        piece = doc.image if high - low == length else doc.image[low:high]
        # re2 answers None for "no rule"; it could not tell that from a full DFA cache, which so few states never fill.
        for index in sorted(_GATE.Match(piece) or ()):
            yield from RULES[index].find(doc, low, high, budget)
        yield from tokens.find(doc, low, high, budget)


def _rank(span: Span) -> tuple[int, bool, int, int]:
    """What a link holds says more of it than that it is a link."""
    length = span.end - span.start
    return STRENGTH[span.tier], span.type is not Kind.URL, length, _PREFERENCE.get(span.type, len(_PREFERENCE))


def _resolve(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Keep the strongest of the spans that overlap, widened to what any of them covers: nothing stays visible."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        last = kept[-1] if kept else None
        if last is None or span.start >= last.end:
            kept.append(span)
            continue
        best = max(last, span, key=_rank)
        kept[-1] = Span(last.start, max(last.end, span.end), best.type, best.tier, best.rule)
    return tuple(kept)


def scan(text: str, *, context: str = "", budget: Budget | None = None, weak: bool = False) -> tuple[Span, ...]:
    """Find sensitive data in `text`; the spans are sorted and do not overlap.

    `context` is the name of the JSON member that holds the text; `budget` is shared by the leaves of a message. Raises
    BudgetExceeded, in which case nothing may be called clean. `weak` adds findings by form alone.
    """
    if len(text) < _SHORTEST:
        whole = members.whole_leaf(document(text, context)) if context and text else None
        return (whole,) if whole else ()
    doc = document(text, context)
    found = _candidates(doc, budget if budget is not None else Budget())
    return _resolve(span for span in found if weak or span.tier is not Tier.WEAK)
