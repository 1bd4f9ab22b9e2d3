"""ATTACKS.md, row O09: what of an aggregate is shown, and that the rest does not follow from it."""

from uuid import UUID

import pytest

from governance.privacy import disclosing
from governance.privacy.disclosing import Part, disclose


def part(label, number, first, count):
    return Part(label, number, frozenset(UUID(int=at) for at in range(first, first + count)))


CASES = {
    "five people are shown": ([part("a", 9, 0, 5)], {"a": 9}),
    "four are not": ([part("a", 9, 0, 4)], {"a": None}),
    "nothing is nobody's": ([part("a", 0, 0, 0), part("b", 9, 0, 5)], {"a": 0, "b": 9}),
    "people who are unknown count as none": ([Part("a", 9, frozenset())], {"a": None}),
    "one hidden part takes the smallest other along": (
        [part("a", 1, 0, 1), part("b", 90, 10, 9), part("c", 40, 20, 9)], {"a": None, "b": 90, "c": None},
    ),
    "hidden parts about the same person take one more along": (
        [part("a", 1, 0, 1), part("b", 2, 0, 1), part("c", 40, 20, 9)], {"a": None, "b": None, "c": None},
    ),
    "hidden parts about five in all need no other": (
        [part("a", 1, 0, 3), part("b", 2, 3, 2), part("c", 40, 20, 9)], {"a": None, "b": None, "c": 40},
    ),
    "an empty part hides nothing": ([part("a", 1, 0, 1), part("b", 0, 0, 0)], {"a": None, "b": 0}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_o09_what_is_shown_and_what_is_hidden(case):
    parts, expected = CASES[case]
    assert dict(disclose(parts)) == expected


def told_by_the_total(parts):
    """The figure of a single hidden part that follows from the total, or None."""
    shown = disclose(parts)
    hidden = [label for label, figure in shown if figure is None]
    rest = sum(one.number for one in parts) - sum(figure or 0 for _, figure in shown)
    return rest if len(hidden) == 1 else None


def test_o09_a_total_does_not_tell_the_hidden_part():
    assert told_by_the_total(CASES["one hidden part takes the smallest other along"][0]) is None


def test_o09_control_hiding_only_the_small_part_is_undone_by_the_total(monkeypatch):
    parts = CASES["one hidden part takes the smallest other along"][0]
    monkeypatch.setattr(disclosing, "_people", lambda *_: frozenset(range(disclosing.FEWEST)))
    assert told_by_the_total(parts) == 1
