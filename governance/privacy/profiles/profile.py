"""A profile at work: scans as the detectors do, with what the tenant and the collection add and leave."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from governance.privacy.detectors import Budget, Span, scan
from governance.privacy.detectors.characters import document
from governance.privacy.detectors.values import normalise
from governance.privacy.profiles.classes import DEFAULTS, NOTHING
from governance.privacy.profiles.patterns import Pattern, Patterns
from governance.privacy.profiles.settings import Settings
from governance.privacy.profiles.terms import Terms
from governance.privacy.redaction import LeafFinding, joined
from governance.vault.models import Classification


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything that is said for one collection, compiled. What is denied is masked even where it is allowed."""

    classes: Mapping[str, Classification] = field(default_factory=lambda: DEFAULTS)
    allowed: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False)
    terms: Terms | None = None
    patterns: Patterns | None = None

    def scan(self, text: str, *, context: str = "", budget: Budget | None = None) -> tuple[Span, ...]:
        """Find what is masked in a text; the spans are sorted and do not overlap. Raises BudgetExceeded."""
        budget = budget if budget is not None else Budget()
        found = scan(text, context=context, budget=budget)
        if self.allowed:
            found = tuple(span for span in found if not self._leaves(text, span))
        if self.terms is None and self.patterns is None:
            return found
        doc, own = document(text), list(found)
        if self.terms is not None:
            own.extend(self.terms.find(doc))
        if self.patterns is not None and text:
            own.extend(self.patterns.find(doc, budget))
        return joined(own)

    def classify(self, findings: Iterable[LeafFinding]) -> Classification:
        """Return how sensitive a text with these findings is: by its most telling type."""
        levels = [self.classes.get(str(one.type), Classification.RESTRICTED) for one in findings]
        return max(levels, default=self.classes[NOTHING])

    def _leaves(self, text: str, span: Span) -> bool:
        return (str(span.type), normalise(span.type, text[span.start : span.end])) in self.allowed


PLAIN: Final = Profile()


def profile_of(*settings: Settings) -> Profile:
    """Return what several settings say together: lists are joined, and in the table of classes the later ones win."""
    deny = [term for one in settings for term in one.deny]
    own = [Pattern(each.name, each.pattern, each.type) for one in settings for each in one.patterns]
    return Profile(
        classes={**DEFAULTS, **{kind: level for one in settings for kind, level in one.levels().items()}},
        allowed=frozenset((str(each.type), normalise(each.type, each.value)) for one in settings for each in one.allow),
        terms=Terms(deny) if deny else None,
        patterns=Patterns(own) if own else None,
    )
