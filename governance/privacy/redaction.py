"""The redacted form of a message: the same structure, with a mark in the place of each finding.

What it guarantees: no character that a finding covers is in the result, nor in a finding, a path, a repr or an
exception; whatever cannot be scanned whole raises and is never called clean.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from governance.privacy.detectors import Budget, Kind, Span, Tier, Unscannable, values
from governance.privacy.detectors import scan as scan_text
from governance.privacy.leaves import Leaf, LeafKind, rewrite

MAX_LEAF: Final = 1024 * 1024
_BINARY_FROM = 2048
_DATA_URL = re.compile(r"\s{0,4}data:[a-z0-9.+/-]{0,80}(?:;[a-z0-9=.\-]{1,40}){0,4};base64,", re.IGNORECASE)
_MARK = re.compile(r"\[[A-Z_]{1,32}(?:·[a-z0-9]{1,8})?\]")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{2048,}={0,2}\s{0,2}")

Mark = Callable[[str, str], str]
normalise = values.normalise


class Scan(Protocol):
    """What `redact` asks of a scanner; `governance.privacy.detectors.scan` is one."""

    def __call__(self, text: str, *, context: str = "", budget: Budget | None = None) -> tuple[Span, ...]:
        """Return sorted spans that do not overlap."""


@dataclass(frozen=True, slots=True)
class LeafFinding:
    """One finding, never the match.

    The leaf stands by its path (see `leaves`) and by its number in reading order, counted from 0; `start` and `end`
    count code points in its original text.
    """

    leaf: int
    path: str
    start: int
    end: int
    type: Kind
    tier: Tier
    rule: str


@dataclass(frozen=True, slots=True)
class Said:
    """What others than the scanner say of a record: spans by the number of their leaf.

    People mask for good (`masks`) and take findings back (`rejected`); a detector of the user's own has `seen` something,
    or could not read the record (`unread`), which then cannot be called clean.
    """

    masks: Mapping[int, tuple[Span, ...]] = field(default_factory=dict)
    rejected: frozenset[tuple[int, int, int, str]] = frozenset()
    seen: Mapping[int, tuple[Span, ...]] = field(default_factory=dict)
    unread: bool = False

    def knows(self, finding: "LeafFinding") -> bool:
        """Return whether a finding is one of those that people spoke of, whose row is there already."""
        return any((span.start, span.end) == (finding.start, finding.end) for span in self.masks.get(finding.leaf, ()))

    def of_leaf(self, number: int, found: tuple[Span, ...]) -> tuple[Span, ...]:
        """Return the spans to mask in a leaf: those found or seen but not rejected, joined with those that people marked."""
        found = joined([*found, *self.seen[number]]) if number in self.seen else found
        kept = [span for span in found if (number, span.start, span.end, str(span.type)) not in self.rejected]
        return joined([*kept, *self.masks.get(number, ())])


NOTHING_SAID: Final = Said()


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return sorted spans that do not overlap: those that did became one, with the type of the one that begins first."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start, -one.end)):
        if kept and span.start < kept[-1].end:
            kept[-1] = replace(kept[-1], end=max(kept[-1].end, span.end))
        else:
            kept.append(span)
    return tuple(kept)


@dataclass(frozen=True, slots=True)
class Redaction:
    """The redacted item and what was masked in it."""

    item: Any = field(repr=False)
    findings: tuple[LeafFinding, ...]


def redact(
    item: Any, *, mark: Mark, scan: Scan = scan_text, budget: Budget | None = None, said: Said = NOTHING_SAID
) -> Redaction:
    """Mask what `scan` finds in any leaf of a JSON value.

    `mark(type, value)` names the mask of a value in its normal form, so that one phone in two spellings gets one mark.
    `said` is what people have corrected and what other detectors have seen.
    A number that holds a finding becomes the mark, as a string. Member names are masked as well. Raises Unscannable
    (`leaf_too_large`, `binary_leaf`, `too_deep`, `over_budget`, `unread`), upon which the caller marks the message
    `unscanned`.
    """
    if said.unread:
        raise Unscannable("unread")
    masking = _Masking(mark, scan, budget if budget is not None else Budget(), said)
    try:
        redacted = rewrite(item, masking.change)
    except RecursionError:
        raise Unscannable("too_deep") from None
    findings = tuple(
        LeafFinding(number, leaf.path, span.start, span.end, span.type, span.tier, span.rule)
        for number, leaf, span in masking.found
    )
    return Redaction(redacted, findings)


class _Masking:
    """The change that `rewrite` applies, and what it has found so far."""

    def __init__(self, mark: Mark, scan: Scan, budget: Budget, said: Said) -> None:
        self.mark, self.scan, self.budget, self.said = mark, scan, budget, said
        self.found: list[tuple[int, Leaf, Span]] = []
        self.leaves = 0

    def change(self, leaf: Leaf) -> str | None:
        """Return the masked text of a leaf, or None where nothing was found."""
        number, self.leaves = self.leaves, self.leaves + 1
        if _MARK.fullmatch(leaf.text):
            return None  # A mark stands for something that was masked already.
        refuse(leaf.text)
        self.budget.spend()
        spans = self.scan(leaf.text, context=leaf.context, budget=self.budget)
        if self.said is not NOTHING_SAID:
            spans = tuple(span for span in self.said.of_leaf(number, spans) if span.end <= len(leaf.text))
        if not spans:
            return None
        self.found.extend((number, leaf, span) for span in spans)
        if leaf.kind is LeafKind.NUMBER:
            return self._mask(leaf.text, spans[0])
        return self._spliced(leaf.text, spans)

    def _mask(self, text: str, span: Span) -> str:
        return self.mark(span.type, normalise(span.type, text[span.start : span.end]))

    def _spliced(self, text: str, spans: tuple[Span, ...]) -> str:
        parts: list[str] = []
        done = 0
        for span in spans:
            parts += (text[done : span.start], self._mask(text, span))
            done = span.end
        parts.append(text[done:])
        return "".join(parts)


def refuse(text: str) -> None:
    """Raise Unscannable for a leaf that is too large, or binary in base64: a picture can show what no scan reads."""
    if len(text) > MAX_LEAF:
        raise Unscannable("leaf_too_large")
    if text[:9].lstrip()[:5].lower() == "data:" and _DATA_URL.match(text):
        raise Unscannable("binary_leaf")
    if len(text) >= _BINARY_FROM and _BASE64.fullmatch(text):
        raise Unscannable("binary_leaf")


__all__ = ["MAX_LEAF", "LeafFinding", "Redaction", "normalise", "redact", "refuse"]
