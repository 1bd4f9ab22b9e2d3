"""A tenant's own settings: read strictly, compiled, and applied on top of the detectors."""

import contextlib
import time

import pytest

from governance.privacy.detectors import Budget, Kind, scan
from governance.privacy.detectors.budget import BudgetExceeded
from governance.privacy.profiles import PLAIN, SettingsInvalid, profile_of, read_settings, weakened
from governance.privacy.profiles.classes import DEFAULTS, NOTHING
from governance.vault.models import Classification


def masked(settings, text):
    """The pieces of a text that are masked, with their types."""
    found = profile_of(read_settings(settings)).scan(text)
    return [(text[span.start : span.end], str(span.type)) for span in found]


@pytest.mark.parametrize(
    ("term", "text", "piece"),
    [
        ("Project Falcon", "about PROJECT falcon.", "PROJECT falcon"),
        ("Project Falcon", "about Project \n\t Falcon here", "Project \n\t Falcon"),
        ("project  falcon", " Project\u00a0Falcon", "Project\u00a0Falcon"),
        ("Falcon", "ｆａｌｃｏｎ launches", "ｆａｌｃｏｎ"),
        ("李雷", "我是李雷，你好", "李雷"),
        ("李雷", "李雷", "李雷"),
        ("C-17", "the c-17, as said", "c-17"),
        ("Ann", "for Ann’s sake", "Ann"),
        ("Falcon", "Falcon的计划", "Falcon"),
    ],
)
def test_a_denied_term_is_masked_in_every_spelling(term, text, piece):
    assert (piece, "TERM") in masked({"deny": [term]}, text)
    assert masked({}, text) == [], "the control: no detector knows it"


@pytest.mark.parametrize("text", ["planning", "annual", "an n", "Ann_1", "2ann"])
def test_a_term_is_no_part_of_a_longer_word(text):
    assert masked({"deny": ["Ann"]}, text) == []


def test_terms_and_findings_that_overlap_leave_nothing_visible():
    found = masked({"deny": ["kim@example", "Kim Lee"]}, "write to kim@example.com or Kim Lee")
    assert [piece for piece, _ in found] == ["kim@example.com", "Kim Lee"]


def test_an_allowed_value_is_left_in_all_its_spellings_and_no_other_is():
    allow = {"allow": ["support@example.com", {"type": "PHONE", "value": "+1 (415) 555-2671"}]}
    text = "mail Support@Example.com or kim@example.com, call 415-555-2671 or 415-555-2672"
    assert [piece for piece, _ in masked(allow, text)] == ["kim@example.com", "415-555-2672"]
    assert len(masked({}, text)) == 4, "the control: without the list all four are masked"


def test_what_is_denied_is_masked_even_where_it_is_allowed():
    settings = {"allow": ["support@example.com"], "deny": ["support@example.com"]}
    assert masked(settings, "mail support@example.com") == [("support@example.com", "TERM")]


def test_a_value_that_is_allowed_as_one_type_is_masked_as_another():
    assert masked({"allow": [{"type": "IP", "value": "415-555-2671"}]}, "call 415-555-2671") == [("415-555-2671", "PHONE")]


def test_a_pattern_masks_what_it_matches_in_normal_form():
    own = {
        "patterns": [{"name": "ticket", "pattern": "TCK-[0-9]{6}"}, {"name": "x", "pattern": "龙{2,4}", "type": "PERSON"}]
    }
    text = "see ＴＣＫ-１２３４５６ and 龙龙龙 but not TCK-12345"
    assert masked(own, text) == [("ＴＣＫ-１２３４５６", "CUSTOM"), ("龙龙龙", "PERSON")]


def test_collections_add_to_the_tenant_and_their_classes_win():
    tenant = read_settings({"deny": ["Falcon"], "classes": {"EMAIL": "internal", "PHONE": "public"}})
    own = read_settings({"deny": ["Heron"], "classes": {"EMAIL": "restricted"}})
    both = profile_of(tenant, own)
    assert len(both.scan("Falcon and Heron")) == 2
    assert both.classes["EMAIL"] is Classification.RESTRICTED
    assert both.classes["PHONE"] is Classification.PUBLIC


def test_every_type_has_a_class_and_an_unknown_one_is_restricted():
    assert set(DEFAULTS) == {NOTHING, *map(str, Kind)}
    assert PLAIN.classify([]) is Classification.INTERNAL
    assert profile_of(read_settings({"classes": {"NONE": "public"}})).classify([]) is Classification.PUBLIC

    class Finding:
        type = "OF_A_LATER_VERSION"

    assert PLAIN.classify([Finding()]) is Classification.RESTRICTED


SECRET = "hush"
BAD = [
    ([], "the profile: has to be an object"),
    ({"denied": []}, "known are classes, deny, allow, patterns"),
    ({"deny": SECRET}, "deny: has to be a list"),
    ({"deny": ["x"]}, "deny.0: a term has at least 2"),
    ({"deny": [" \u00a0 "]}, "deny.0: a term has at least 2"),
    ({"deny": ["ok", SECRET * 60]}, "deny.1"),
    ({"deny": [f"term {number}" for number in range(2_001)]}, "deny"),
    ({"classes": {SECRET: "public"}}, "takes types (EMAIL, PHONE"),
    ({"classes": {"EMAIL": SECRET}}, "one of public, internal, confidential, restricted"),
    ({"allow": [SECRET]}, "allow.0: no detector finds this as a whole; say its type"),
    ({"allow": [{"type": "PHONE"}]}, "allow.0.value: is missing"),
    ({"allow": [{"type": "PHONE", "value": "1", SECRET: 1}]}, "a member that is not known"),
    ({"patterns": [{"name": "Bad Name", "pattern": "ab"}]}, "patterns.0.name"),
    ({"patterns": [{"name": "a", "pattern": f"({SECRET}"}]}, "patterns.0.pattern: it is no re2 pattern (missing ))"),
    ({"patterns": [{"name": "a", "pattern": f"{SECRET}(?=x)"}]}, "it is no re2 pattern"),
    ({"patterns": [{"name": "a", "pattern": f"{SECRET}\\1"}]}, "it is no re2 pattern"),
    ({"patterns": [{"name": "a", "pattern": f"{SECRET}.*"}]}, "have no end"),
    ({"patterns": [{"name": "a", "pattern": f"({SECRET}|x+)"}]}, "have no end"),
    ({"patterns": [{"name": "a", "pattern": f"{SECRET}a{{3,}}"}]}, "have no end"),
    ({"patterns": [{"name": "a", "pattern": f"({SECRET}){{0,3}}"}]}, "matches the empty text"),
    ({"patterns": [{"name": "a", "pattern": rf"\Q{SECRET}\E"}]}, r"\Q and \C are not taken"),
    ({"patterns": [{"name": "a", "pattern": r"\pL{1000}\pL{1000}"}]}, "too large"),
    ({"patterns": [{"name": "a", "pattern": "ab"}, {"name": "a", "pattern": "cd"}]}, "two have the name a"),
]


@pytest.mark.parametrize(("given", "said"), BAD)
def test_bad_settings_are_refused_by_place_and_never_repeat_what_was_given(given, said, capfd):
    with pytest.raises(SettingsInvalid) as refused:
        read_settings(given)
    assert said in str(refused.value)
    assert SECRET not in str(refused.value)
    assert capfd.readouterr() == ("", ""), "re2 writes patterns to standard error where nobody stops it"


@pytest.mark.parametrize("pattern", [r"a\+b", "[*+]x", r"[]+]x", r"\*\{3,\}", "a{1,40}", "[[:alpha:]+]{2}", "x{2}"])
def test_bounded_patterns_are_taken(pattern):
    assert read_settings({"patterns": [{"name": "a", "pattern": pattern}]}).patterns[0].pattern == pattern


def test_settings_show_no_term_value_or_pattern():
    settings = read_settings({
        "deny": [SECRET], "allow": [f"{SECRET}@example.com"], "patterns": [{"name": "a", "pattern": SECRET}]
    })  # fmt: skip
    assert SECRET not in repr(settings) + str(settings) + repr(profile_of(settings))
    assert SECRET in str(settings.as_json())


def test_what_is_written_is_read_again_as_the_same():
    settings = read_settings({"classes": {"NONE": "public"}, "allow": ["kim@example.com"], "deny": ["Falcon"]})
    assert read_settings(settings.as_json()) == settings


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({}, {"classes": {"CARD": "internal"}}, ["CARD falls from restricted to internal"]),
        ({"classes": {"NONE": "confidential"}}, {}, ["NONE falls from confidential to internal"]),
        ({"deny": ["Falcon", "Heron"]}, {"deny": ["falcon"]}, ["1 terms are masked no more"]),
        ({}, {"allow": ["kim@example.com"]}, ["1 more values are left unmasked"]),
        ({"patterns": [{"name": "a", "pattern": "ab"}]}, {}, ["pattern a goes or changes"]),
        ({"patterns": [{"name": "a", "pattern": "ab"}]}, {"patterns": [{"name": "a", "pattern": "ac"}]}, ["pattern a"]),
        ({}, {"deny": ["Falcon"], "patterns": [{"name": "a", "pattern": "ab"}], "classes": {"EMAIL": "restricted"}}, []),
        ({"allow": ["kim@example.com"]}, {}, []),
        ({"patterns": [{"name": "a", "pattern": "ab"}]}, {"patterns": [{"name": "b", "pattern": "ab"}]}, []),
    ],
)
def test_what_weakens_is_told_and_what_does_not_is_not(before, after, said):
    found = weakened(read_settings(before), read_settings(after))
    assert len(found) == len(said)
    assert all(told.startswith(wanted) for told, wanted in zip(found, said, strict=True))


def test_a_collection_weakens_against_what_the_whole_tenant_says():
    found = weakened(read_settings({}), read_settings({"classes": {"EMAIL": "confidential"}}),
                     levels={**DEFAULTS, "EMAIL": Classification.RESTRICTED})  # fmt: skip
    assert found == ["EMAIL falls from restricted to confidential"]


HOSTILE = [("a{1,1000}b|a", "a"), ("(x{1,30}){1,30}y", "x"), ("[ab]{0,500}c|a", "ab"), (".{1,900}!|.", "é")]


@pytest.mark.parametrize(("pattern", "unit"), HOSTILE)
def test_i09_a_pattern_of_a_tenant_costs_no_more_than_the_budget(pattern, unit):
    profile = profile_of(read_settings({"patterns": [{"name": "a", "pattern": pattern}]}))
    begun = time.perf_counter()
    with contextlib.suppress(BudgetExceeded):
        profile.scan(unit * (100_000 // len(unit)))
    assert time.perf_counter() - begun < 1.5


def test_i09_control_a_pattern_without_an_end_is_quadratic():
    import re2

    def cost(size):
        begun = time.perf_counter()
        assert sum(1 for _ in re2.finditer("a[^b]*b|a", "a" * size)) == size
        return time.perf_counter() - begun

    cost(1_000)
    assert cost(16_000) > 6 * cost(4_000), "four times the text, more than six times the time"


def test_over_budget_is_no_answer():
    profile = profile_of(read_settings({"patterns": [{"name": "a", "pattern": "a"}]}))
    with pytest.raises(BudgetExceeded):
        profile.scan("a" * 2_000, budget=Budget(steps=1_000))


def test_a_plain_profile_finds_what_the_detectors_find():
    text = "mail kim@example.com or call +1 415 555 2671, 李雷"
    assert PLAIN.scan(text) == scan(text)
