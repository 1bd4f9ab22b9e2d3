import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.privacy.detectors import Budget, BudgetExceeded, Kind, Span, Tier, Unscannable
from governance.privacy.detectors.characters import document
from governance.privacy.detectors.context import names_another
from governance.privacy.redaction import MAX_LEAF, LeafFinding, normalise, redact

PHONE, CARD, MAIL, RESIDENT = "13800138000", "4111111111111111", "alice@example.com", "11010519491231002X"
PLANTED = (PHONE, CARD, MAIL, RESIDENT)


def mark(kind, value):
    return f"[{kind}·{hashlib.sha256(value.encode()).hexdigest()[:4]}]"


def label(kind, _value):
    return f"[{kind}]"


def test_it_masks_each_finding_and_keeps_the_rest():
    item = {"role": "user", "content": f"Call {PHONE} or write to {MAIL}.", "n": 1}

    redacted = redact(item, mark=label)

    assert redacted.item == {"role": "user", "content": "Call [PHONE] or write to [EMAIL].", "n": 1}
    assert redacted.findings == (
        LeafFinding(2, "/content", 5, 16, Kind.PHONE, Tier.VALIDATED, "phone-cn-mobile"),
        LeafFinding(2, "/content", 29, 46, Kind.EMAIL, Tier.VALIDATED, "email"),
    )
    assert item["content"].startswith(f"Call {PHONE}")


def test_arguments_of_a_tool_call_stay_json():
    arguments = json.dumps({"card_no": "4111 1111 1111 1111", "note": 'say "hi"', "phone": 13800138000})
    item = {"tool_calls": [{"function": {"name": "pay", "arguments": arguments}}]}

    redacted = redact(item, mark=label)

    inner = json.loads(redacted.item["tool_calls"][0]["function"]["arguments"])
    assert inner == {"card_no": "[CARD]", "note": 'say "hi"', "phone": "[PHONE]"}
    assert [finding.path for finding in redacted.findings] == [
        "/tool_calls/0/function/arguments#/card_no",
        "/tool_calls/0/function/arguments#/phone",
    ]


@pytest.mark.parametrize("value", [13800138000, 13800138000.0, 4111111111111111, 110105194912310021])
def test_a_number_that_is_a_finding_becomes_its_mark(value):
    redacted = redact({"身份证": value}, mark=label)

    assert redacted.item["身份证"] in {"[PHONE]", "[CARD]", "[RESIDENT_ID]"}


@pytest.mark.parametrize("value", [1737536112748, 39.9042, 20240811, 5, 4155552671])
def test_a_number_that_is_none_stays_a_number(value):
    assert redact({"n": value}, mark=label).item == {"n": value}


def test_a_name_of_a_member_is_masked_and_its_path_holds_no_match():
    redacted = redact({MAIL: {"phone": PHONE}, MAIL.upper(): 3}, mark=label)

    assert redacted.item == {"[EMAIL]": {"phone": "[PHONE]"}, "[EMAIL] (2)": 3}
    assert [finding.path for finding in redacted.findings] == ["/[EMAIL]~key", "/[EMAIL] (2)~key", "/[EMAIL]/phone"]
    assert MAIL not in repr(redacted)


def test_one_value_in_two_spellings_has_one_mark():
    redacted = redact([f"+86 {PHONE}", "138-0013-8000", "１３８ ００１３ ８０００", 13800138000], mark=mark)

    assert len(set(redacted.item)) == 1


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("EMAIL", "Alice@Example.com", "ａlice@example.com"),
        ("PHONE", "010-85116665", "+86 10 8511 6665"),
        ("PHONE", "(212) 769-5100", "+1-212-769-5100"),
        ("PHONE", "07835 109126", "+44 (0)7835 109126"),
        ("PHONE", "0044 7835 109126", "+447835109126"),
        ("PHONE", "010-85116665转22", "+86 10 8511 6665 ext. 22"),
        ("CARD", "4111-1111-1111-1111", CARD),
        ("RESIDENT_ID", "110105 19491231 002x", RESIDENT),
        ("IP", "2001:0DB8::0001", "2001:db8::1"),
        ("PRIVATE_KEY", "-----BEGIN A-----\\nAB\\n", "-----BEGIN A-----\nAB"),
    ],
)
def test_normal_forms_agree(kind, one, other):
    assert normalise(kind, one) == normalise(kind, other)


def test_normal_forms_of_different_values_differ():
    assert normalise("PHONE", "010-85116665") != normalise("PHONE", "010-85116665转22")
    assert normalise("API_KEY", "sk-A") != normalise("API_KEY", "sk-a")


@pytest.mark.parametrize(
    ("leaf", "code"),
    [
        ("a b " * (MAX_LEAF // 4 + 1), "leaf_too_large"),
        ("data:image/png;base64,iVBORw0KGgo=", "binary_leaf"),
        ("iVBORw0KGgo/" * 200, "binary_leaf"),
    ],
)
def test_what_cannot_be_scanned_is_refused(leaf, code):
    with pytest.raises(Unscannable) as caught:
        redact({"a": leaf}, mark=label)

    assert caught.value.code == code
    assert leaf[:12] not in str(caught.value)


def test_the_budget_of_a_message_is_one():
    with pytest.raises(BudgetExceeded):
        redact([f"call {PHONE}"] * 100, mark=label, budget=Budget(steps=500))


def test_a_scanner_of_ones_own_is_used():
    def scan(text, *, context="", budget=None):
        return (Span(0, 1, Kind.IP, Tier.CONTEXTUAL, "own"),) if text == "x y" else ()

    assert redact(["x y", PHONE], mark=label, scan=scan).item == ["[IP] y", PHONE]


# Digits would join a planted number; what stands behind a currency sign or a word such as `timestamp` is no phone number.
letters = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="0123456789$€£¥₹"), max_size=12)
prose = letters.filter(
    lambda text: not any(names_another(doc, len(doc.text)) for doc in (document(f"{text} "), document("", text)))
)
planted = st.sampled_from(PLANTED)
sentence = st.tuples(prose, planted, prose).map(lambda parts: f"{parts[0]} {parts[1]} {parts[2]}")
scalars = st.none() | st.booleans() | st.integers(-99, 99) | prose | sentence | st.just(13800138000)
values = st.recursive(
    scalars,
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(prose | sentence, children, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b"]), children, max_size=2).map(json.dumps)
    ),
    max_leaves=12,
)


def shape(value):
    if isinstance(value, dict):
        return {"object": [shape(child) for child in value.values()]}
    if isinstance(value, list):
        return {"array": [shape(child) for child in value]}
    return "text" if isinstance(value, str | int) and not isinstance(value, bool) else repr(value)


@given(values)
def test_no_planted_value_is_left_and_the_structure_stays(item):
    redacted = redact(item, mark=mark)

    left = json.dumps(redacted.item, ensure_ascii=False)
    assert not any(value in left for value in PLANTED)
    assert not any(value in repr(redacted.findings) for value in PLANTED)
    assert shape(redacted.item) == shape(item)


@given(values)
def test_redacting_twice_changes_nothing(item):
    once = redact(item, mark=mark)
    twice = redact(once.item, mark=mark)

    assert twice.findings == ()
    assert twice.item == once.item
