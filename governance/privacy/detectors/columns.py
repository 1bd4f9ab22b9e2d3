"""Tables in text: what the head of a column is called says what its cells are, as the name of a member does.

Markdown tables (a head above a row of dashes) and lines that commas or tabs part. A name of an account is not taken
from a column, for without a digit it could be any word.
"""

from collections.abc import Iterator
from typing import Final

from governance.privacy.detectors import phone
from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import Document, document, words_of_key
from governance.privacy.detectors.context import names
from governance.privacy.detectors.members import meant
from governance.privacy.detectors.rules import Rule, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

_DASHES: Final = rb"\|[ \t]{0,4}:?-{2}|-{2}:?[ \t]{0,4}\|"
# Names beside a comma without a space, or what most Chinese heads of columns end with.
_NAMES: Final = rb"[A-Za-z_\"][,\t][A-Za-z_\"\x1a\x80-\x9f]|[\x1a\x80-\x9f][,\t][A-Za-z_\"]|[\x86\x8c-\x8e][,\t\n]"
_BORDER = pattern(_DASHES)
_HEAD = pattern(_NAMES)
_DECORATION: Final = " \t\r*`\"'"
_LONGEST_HEAD, _LONGEST_LINE, _LONGEST_NUMBER = 400, 2_000, 32
_Heads = list[str]


def find_tables(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield the cells of Markdown tables."""
    done = low
    for match in _BORDER.finditer(doc.image, low, high):
        budget.spend()
        if match.start() < done:
            continue
        start, end = _line(doc, match.start())
        done = end
        if start:
            head_start, head_end = _line(doc, start - 1)
            yield from _cells(doc, _heads(doc, head_start, head_end, "|"), end + 1, "|", budget)


def find_lines(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield the cells of lines that follow a line of names."""
    done = low
    for match in _HEAD.finditer(doc.image, low, high):
        budget.spend()
        if match.start() < done:
            continue
        start, end = _line(doc, match.start())
        mark = "\t" if "\t" in doc.text[start:end] else ","
        done = end
        for span in _cells(doc, _heads(doc, start, end, mark), end + 1, mark, budget):
            yield span
            done = span.end


def _line(doc: Document, position: int) -> tuple[int, int]:
    """Return the ends of the line, or of a part of it where it is too long to be a head."""
    start = doc.text.rfind("\n", max(0, position - _LONGEST_HEAD), position) + 1
    end = doc.text.find("\n", position, position + _LONGEST_HEAD)
    return start, len(doc.text) if end < 0 else end


def _heads(doc: Document, start: int, end: int, mark: str) -> _Heads:
    """Return the words of the heads of columns; nothing where the next line has another number of columns."""
    marks = doc.text.count(mark, start, end) if end - start <= _LONGEST_HEAD else 0
    if marks == 0 or doc.text.count(mark, end, _line(doc, end + 1)[1]) != marks:
        return []
    return [words_of_key(name.strip(_DECORATION)) for name in doc.text[start:end].split(mark)]


def _cells(doc: Document, heads: _Heads, position: int, mark: str, budget: Budget) -> Iterator[Span]:
    """Yield the meant cells of the lines from `position` on, up to the first that is no line of the table."""
    while heads and position < len(doc.text):
        end = doc.text.find("\n", position, position + _LONGEST_LINE)
        end = min(len(doc.text), position + _LONGEST_LINE) if end < 0 else end
        if doc.text.count(mark, position, end) != len(heads) - 1:
            return
        for head, cell in zip(heads, doc.text[position:end].split(mark), strict=True):
            budget.spend(2)
            value = cell.strip(_DECORATION)
            kind = _kind(head, value, budget) if value else None
            if kind:
                start = position + cell.index(value)
                yield Span(start, start + len(value), kind, Tier.CONTEXTUAL, "column")
            position += len(cell) + 1


def _kind(head: str, value: str, budget: Budget) -> Kind | None:
    kind = meant(head, value.lower())
    if kind is None and len(value) <= _LONGEST_NUMBER and names(Kind.PHONE, head):
        numbers = phone.find(document(value, head), 0, len(value), budget)
        return Kind.PHONE if any(span.tier is not Tier.WEAK for span in numbers) else None
    return None if kind is Kind.USERNAME else kind


RULES = (Rule("column-table", _DASHES, find_tables), Rule("column-line", _NAMES, find_lines))
