"""Words and names that a tenant wants masked wherever they stand, in any case, width and spacing."""

import re
from collections.abc import Iterable, Iterator

import ahocorasick

from governance.privacy.detectors import Kind, Span, Tier
from governance.privacy.detectors.characters import WORD, Document, document, stands_alone

RULE = "denied-term"
_NOT_SINGLE = re.compile(r"\s{2}|[^\S ]")


def folded(term: str) -> str:
    """Return a term as it is looked for: one-to-one normalised, in lower case, single spaces."""
    return " ".join(document(term).folded.split())


class Terms:
    """An automaton over all terms: one pass however many there are (Aho and Corasick, 1975)."""

    def __init__(self, terms: Iterable[str]) -> None:
        self._automaton = ahocorasick.Automaton()
        for term in {folded(term) for term in terms}:
            self._automaton.add_word(term, len(term))
        self._automaton.make_automaton()

    def find(self, doc: Document) -> Iterator[Span]:
        """Yield where terms stand; one that begins or ends with a letter or digit of ASCII is no part of a longer word."""
        text, places = _single_spaced(doc.folded)
        for last, length in self._automaton.iter(text):
            first = last + 1 - length
            start, end = (places[first], places[last] + 1) if places else (first, last + 1)
            if _whole(doc, start, end):
                yield Span(start, end, Kind.TERM, Tier.VALIDATED, RULE)


def _single_spaced(text: str) -> tuple[str, list[int]]:
    """Return the text with single spaces for white space, and where each character stood; no places where all is so."""
    if not _NOT_SINGLE.search(text):
        return text, []
    kept = [place for place, char in enumerate(text) if not char.isspace() or (place and not text[place - 1].isspace())]
    return "".join(" " if text[place].isspace() else text[place] for place in kept), kept


def _whole(doc: Document, start: int, end: int) -> bool:
    inside_first, inside_last = doc.char(start) in WORD, doc.char(end - 1) in WORD
    if inside_first and inside_last:
        return stands_alone(doc, start, end)
    return not (inside_first and doc.char(start - 1) in WORD) and not (inside_last and doc.char(end) in WORD)
