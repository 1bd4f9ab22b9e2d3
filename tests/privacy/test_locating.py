"""Each mark is told from its finding by its exact place; what was written by hand is not taken for one."""

import pytest

from governance.privacy.detectors import Kind, Span, Tier
from governance.privacy.errors import WrongPlace
from governance.privacy.locating import located, place_in_original, sources_of_marks
from governance.privacy.models import Finding
from governance.privacy.redaction import redact


def masked(item, words):
    """The item with these words masked, and the findings of that."""

    def scan(text, *, context="", budget=None):
        found = [(text.find(word), word) for word in words]
        return tuple(Span(at, at + len(word), Kind.PERSON, Tier.VALIDATED, "names") for at, word in sorted(found) if at >= 0)

    done = redact(item, mark=lambda kind, value: f"[{kind}·{'abcde'[: 1 + len(value) % 5]}]", scan=scan)
    rows = [Finding(leaf=one.leaf, start=one.start, end=one.end, type=str(one.type), tier=str(one.tier), rule=one.rule)
            for one in done.findings]  # fmt: skip
    return done.item, rows


def test_places_before_between_and_after_marks_are_told_in_the_original():
    text = "Ann met Bartholomew and then Cy left."
    item, rows = masked({"content": text}, ["Ann", "Bartholomew", "Cy"])
    shown, marks = item["content"], located(item, rows)[0]
    assert [one.mark for one in marks] == ["[PERSON·abcd]", "[PERSON·ab]", "[PERSON·abc]"]
    for word in (" met ", " and then ", "left.", "and"):
        at = shown.index(word)
        start, end = place_in_original(marks, start=at, end=at + len(word))
        assert text[start:end] == word
    at = shown.index("met")
    start, end = place_in_original(marks, start=at, end=shown.index("and then") + 3)
    assert text[start:end] == "met Bartholomew and"
    start, end = place_in_original(marks, start=marks[1].start + 2, end=marks[1].end - 1)
    assert text[start:end] == "Bartholomew", "a mark counts as a whole"


def test_a_mark_that_was_written_by_hand_stands_for_no_finding():
    item, rows = masked({"content": "[PHONE·zzzzz] Ann [PHONE·zzzzz]"}, ["Ann"])
    assert set(sources_of_marks(item, rows)) == {"[PERSON·abcd]"}
    assert sources_of_marks({"content": "[PERSON·abcd]"}, []) == {}


def test_findings_that_overlap_are_told_under_their_one_mark():
    rows = [Finding(leaf=0, start=0, end=3, type="PERSON", tier="weak", rule="a", source="detector"),
            Finding(leaf=0, start=2, end=9, type="PHONE", tier="weak", rule="b", source="person")]  # fmt: skip
    (mark,) = located({"content": "[PERSON·abcd] rest"}, rows)[0]
    assert [one.rule for one in mark.spans] == ["a", "b"]
    assert place_in_original([mark], start=13, end=14) == (9, 10)


def test_nested_documents_numbers_and_names_keep_their_numbers():
    item, rows = masked({"content": '{"who": "Ann", "n": 41}', "more": ["x", "Cy"]}, ["Ann", "Cy", "41"])
    assert {one.mark for marks in located(item, rows).values() for one in marks} == {"[PERSON·abcd]", "[PERSON·abc]"}
    assert len(located(item, rows)) == 3


@pytest.mark.parametrize(("start", "end"), [(3, 3), (4, 2), (-1, 2)])
def test_what_is_no_place_is_refused(start, end):
    with pytest.raises(WrongPlace):
        place_in_original([], start=start, end=end)
