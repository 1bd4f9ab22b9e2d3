"""Patterns of a tenant's own: re2 with bounded quantifiers, checked at the door, behind one gate for all of them.

re2 has no backtracking, so one search is linear in the text. A pattern that may run on without an end would still make
each of many searches run to the end of the text; hence a bound on every quantifier, and a budget on top.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import re2

from governance.privacy.detectors import Budget, Kind, Span, Tier
from governance.privacy.detectors.characters import Document

LONGEST = 300
PREFIX = "pattern:"  # Of the rule id that the findings of a pattern carry.
_MEMORY = 2 << 20  # Bytes for one compiled pattern.
_STEPS = 16
# An escape, a class of characters, or one of the quantifiers without an end, in the order of reading.
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:[^\]]*:\]|[^\]\\])*\]|(?P<endless>[*+]|\{\d+,\})|.", re.DOTALL)


class PatternRefused(ValueError):
    """A pattern is not taken; says why, without the pattern."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that passed the door: what it is called and what the finding is called."""

    name: str
    source: str
    type: Kind

    @property
    def rule(self) -> str:
        """The rule id that its findings carry."""
        return f"{PREFIX}{self.name}"


def check(source: str) -> None:
    """Raise PatternRefused unless `source` is an re2 pattern of bounded length that matches at least one character."""
    if "\\Q" in source or "\\C" in source:
        raise PatternRefused(r"\Q and \C are not taken; escape single characters instead")
    if any(token.group("endless") for token in _TOKEN.finditer(source)):
        raise PatternRefused("*, + and {n,} have no end; say how often at most, for instance {1,40}")
    try:
        compiled = re2.compile(source, _options())
    except re2.error as error:
        raise PatternRefused(f"it is no re2 pattern ({_reason(error)})") from None
    if compiled.search("") is not None:
        raise PatternRefused("it matches the empty text")


class Patterns:
    """All patterns of a profile."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._rules = [(one, re2.compile(one.source, _options())) for one in patterns]
        self._gate = re2.Set.SearchSet(_options())
        for one, _ in self._rules:
            self._gate.Add(one.source)
        self._gate.Add("(?s:.)")  # Hits every text: an answer without it is no answer, for re2 was out of memory.
        self._gate.Compile()

    def find(self, doc: Document, budget: Budget) -> Iterator[Span]:
        """Yield matches in the normalised text. Raises BudgetExceeded."""
        hits = frozenset(self._gate.Match(doc.text) or ())
        every = len(self._rules) not in hits
        for index, (one, compiled) in enumerate(self._rules):
            if not every and index not in hits:
                continue
            budget.spend(_STEPS)
            for match in compiled.finditer(doc.text):
                budget.spend(_STEPS)
                if match.end() > match.start():
                    yield Span(match.start(), match.end(), one.type, Tier.VALIDATED, one.rule)


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False  # re2 would write the pattern to standard error.
    options.max_mem = _MEMORY
    return options


def _reason(error: re2.error) -> str:
    """Return the kind of mistake; what follows the colon would be a piece of the pattern."""
    said = error.args[0]
    return (said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)).partition(":")[0]
