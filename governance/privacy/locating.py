"""Where the marks of a redacted record stand, and which finding each stands for; it opens nothing.

A mark holds no place of its own: its finding has one in the original text. The marks before it in its leaf say how far
the text has moved since, so each finding is looked for exactly where its mark must be. A mark that somebody wrote into a
message by hand stands for no finding, and is not taken for one.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from governance.identity.scoping import tenant_scope
from governance.privacy.errors import WrongPlace
from governance.privacy.leaves import Leaf, LeafKind, string_leaves
from governance.privacy.models import Finding

_MARK: Final = re.compile(r"\[[A-Z_]{1,32}·[a-z0-9]{1,8}\]")


@dataclass(frozen=True, slots=True)
class Span:
    """A finding in the original text of its leaf, with who says so."""

    start: int
    end: int
    type: str
    tier: str
    rule: str
    source: str


@dataclass(frozen=True, slots=True)
class Located:
    """A mark in a redacted text, from `start` to `end`, and the findings that it stands for: one, or some that overlap."""

    mark: str
    start: int
    end: int
    spans: tuple[Span, ...]


def spans_of(*, tenant: UUID, conversation: UUID, records: Iterable[UUID]) -> dict[UUID, list[Finding]]:
    """Return the findings that are masked in records of one conversation, by record; one query for all of them.

    A record is a message, or the conversation's head by the conversation's id.
    """
    wanted = set(records)
    of = Q(message_id__in=wanted - {conversation})
    if conversation in wanted:
        of |= Q(message_id=None)
    found: dict[UUID, list[Finding]] = defaultdict(list)
    with tenant_scope(tenant):
        rows = Finding.objects.filter(of, conversation_id=conversation).exclude(state=Finding.State.REJECTED)
        for row in rows.order_by("leaf", "start", "-end"):
            found[row.message_id or row.conversation_id].append(row)
    return dict(found)


def located(item: Any, findings: Iterable[Finding]) -> dict[int, list[Located]]:
    """Return the marks of a redacted item that stand for findings, by the number of their leaf, in reading order."""
    by_leaf: dict[int, list[Span]] = defaultdict(list)
    for one in findings:
        by_leaf[one.leaf].append(Span(one.start, one.end, one.type, one.tier, one.rule, one.source))
    if not by_leaf:
        return {}
    return {number: _in_leaf(leaf, by_leaf[number]) for number, leaf in enumerate(string_leaves(item)) if number in by_leaf}


def _in_leaf(leaf: Leaf, spans: list[Span]) -> list[Located]:
    found: list[Located] = []
    moved = 0
    for group in _groups(spans):
        start, end = group[0].start, max(one.end for one in group)
        whole = leaf.kind is not LeafKind.KEY and not found and _MARK.fullmatch(leaf.text)
        match = whole or _MARK.match(leaf.text, start + moved)
        if not match:
            break
        found.append(Located(match[0], match.start(), match.end(), tuple(group)))
        moved += len(match[0]) - (end - start)
    return found


def _groups(spans: list[Span]) -> list[list[Span]]:
    """Put spans that overlap into one group, as they were joined under one mark."""
    groups: list[list[Span]] = []
    for span in sorted(spans, key=lambda one: (one.start, -one.end)):
        if groups and span.start < max(one.end for one in groups[-1]):
            groups[-1].append(span)
        else:
            groups.append([span])
    return groups


def place_in_original(marks: list[Located], *, start: int, end: int) -> tuple[int, int]:
    """Return the place in the original of `start` to `end` in the redacted text; a mark counts as a whole.

    Raises WrongPlace for what is no place.
    """
    if not 0 <= start < end:
        raise WrongPlace("A place is a start before its end.")
    if any(one.end > other.start for one, other in pairwise(marks)):
        raise WrongPlace("The marks of this text cannot be told apart.")
    return _moved(marks, start, to_end=False), _moved(marks, end, to_end=True)


def _moved(marks: list[Located], at: int, *, to_end: bool) -> int:
    moved = 0
    for one in marks:
        first, last = one.spans[0].start, max(span.end for span in one.spans)
        if at < one.start or (to_end and at == one.start):
            break
        if at < one.end:
            return last if to_end else first
        moved += (last - first) - (one.end - one.start)
    return at + moved


Tips = Mapping[str, tuple[Span, ...]]


def sources_of_marks(item: Any, findings: Iterable[Finding]) -> Tips:
    """Return the findings behind each mark of a redacted item, by the mark as it is written."""
    found: dict[str, tuple[Span, ...]] = {}
    for marks in located(item, findings).values():
        for one in marks:
            found[one.mark] = tuple(dict.fromkeys((*found.get(one.mark, ()), *one.spans)))
    return found
