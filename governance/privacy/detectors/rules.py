"""What a rule is, and how re2 patterns are built for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import re2

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import Document
from governance.privacy.detectors.spans import Span

Finder = Callable[[Document, int, int, Budget], Iterator[Span]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A cheap `gate` (an re2 pattern over the image) that must hit before `find` runs on a window.

    `find(document, low, high, budget)` looks for candidates that begin in the window, spends a step on each, and may
    read the whole document to judge them.
    """

    name: str
    gate: bytes
    find: Finder


def latin1() -> re2.Options:
    """Options under which a byte is a character; the image of a document is Latin-1."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return options


def candidates(source: re2._Regexp, image: bytes, low: int, high: int, budget: Budget) -> Iterator[tuple[int, int]]:
    """Yield the ranges of `source` in the window, also of those that begin at a group inside of an earlier range.

    A row of groups may begin with a word or a number that is none of it, as in `code 9135 0100 ...`: re2 gives the
    leftmost match only, and that one would hide the right one. `source` matches groups that spaces or dashes join.
    """
    position = low
    while match := source.search(image, position, high):
        budget.spend()
        start, end = match.span()
        yield start, end
        borders = (image.find(mark, start, end) for mark in (b" ", b"-"))
        position = min((border + 1 for border in borders if border >= 0), default=end)


def pattern(source: bytes) -> re2._Regexp:
    """Compile a linear-time pattern; every quantifier in `source` is bounded."""
    return re2.compile(source, latin1())
