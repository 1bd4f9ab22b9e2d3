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


def pattern(source: bytes) -> re2._Regexp:
    """Compile a linear-time pattern; every quantifier in `source` is bounded."""
    return re2.compile(source, latin1())
