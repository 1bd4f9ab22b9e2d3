import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.privacy.detectors import Budget, BudgetExceeded, Kind, Tier, Unscannable, labels, scan, scanner
from governance.privacy.detectors.characters import document
from tests.privacy.detectors.test_addresses import ADDRESSES
from tests.privacy.detectors.test_forms import CLEAN, ROWS
from tests.privacy.detectors.test_identifiers import IDENTIFIERS

PHONE = "13800138000"


def test_offsets_are_code_points_of_the_original_text():
    text = "😀 İstanbul １３８００１３８０００ é bob@example.org"

    assert [text[span.start : span.end] for span in scan(text)] == ["１３８００１３８０００", "bob@example.org"]


@given(st.text())
def test_every_view_is_as_long_as_the_text(text):
    doc = document(text)

    assert len(doc.text) == len(doc.folded) == len(doc.image) == len(text)


@given(st.text(alphabet=st.characters(codec="utf-8")) | st.text(alphabet="0123456789 -+().@x电话:/"))
def test_spans_are_sorted_apart_and_inside(text):
    spans = scan(text, weak=True)

    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(left.end <= right.start for left, right in pairwise(spans))


@pytest.mark.parametrize("shift", range(-20, 20, 3))
def test_a_finding_across_the_border_of_a_chunk_is_whole(shift):
    text = "中 " * ((scanner._CHUNK + shift) // 2) + PHONE + " bob@example.org" + " 中" * 40_000
    spans = scan(text)

    assert [text[span.start : span.end] for span in spans] == [PHONE, "bob@example.org"]


def test_what_overlaps_is_one_finding_that_covers_all_of_it():
    text = "https://u:bob@example.org@host/13800138000"

    spans = scan(text)
    assert all(left.end <= right.start for left, right in pairwise(spans))


def test_a_token_is_masked_to_its_end_however_long():
    token = "ghp_" + "".join(random.Random(7).choices("abcDEF0123456789", k=20_000))

    assert [(span.start, span.end) for span in scan(f"x {token} y")] == [(2, 2 + len(token))]


def test_a_span_and_an_error_hold_no_text():
    assert PHONE not in repr(scan(f"call {PHONE}"))
    assert PHONE not in repr(document(f"call {PHONE}", PHONE))
    with pytest.raises(BudgetExceeded) as caught:
        scan(f"call {PHONE}", budget=Budget(steps=1))
    assert PHONE not in repr(caught.value)


def test_over_budget_is_never_clean():
    with pytest.raises(BudgetExceeded) as caught:
        scan("a b " * 100, budget=Budget(steps=0))

    assert isinstance(caught.value, Unscannable)
    assert caught.value.code == "over_budget"


def test_the_budget_is_shared_by_the_leaves_of_a_message():
    budget = Budget(steps=60)

    def leaves():
        for _ in range(20):
            scan(f"call {PHONE}", budget=budget)

    with pytest.raises(BudgetExceeded):
        leaves()


def test_time_ends_a_scan_too():
    with pytest.raises(BudgetExceeded):
        scan("bob@example.org " * 6_000, budget=Budget(seconds=0.0))


def test_the_gate_changes_nothing_but_speed(monkeypatch):
    texts = [
        f"call {PHONE} or bob@example.org",
        "４１１１ １１１１ １１１１ １１１１",
        "from 2001:db8::8a2e:370:7334",
        "nothing",
        *(row[1] for row in ROWS),
        *(row[1] for row in CLEAN),
        *(row[0] for row in IDENTIFIERS),
        *(row[0] for row in ADDRESSES),
    ]
    gated = [scan(text) for text in texts]

    class Open:
        def Match(self, _text):
            return list(range(len(scanner.RULES)))

    monkeypatch.setattr(scanner, "_GATE", Open())
    assert [scan(text) for text in texts] == gated


def test_every_type_has_a_label_of_the_scorer_and_every_tier_a_score():
    assert set(labels.SCORER_LABELS) == set(Kind)
    assert {tier for tier, score in labels.SCORES.items() if score >= 0.5} == {Tier.VALIDATED, Tier.CONTEXTUAL}
