"""What the key of a member says of its value, as a leaf of its own and as JSON inside a text."""

import json

import pytest

from governance.privacy.detectors import Kind, scan
from governance.privacy.redaction import redact

MEMBERS = [
    ("first_name", "Mia", Kind.PERSON), ("lastName", "Müller", Kind.PERSON), ("收货人", "欧阳浩静", Kind.PERSON),
    ("cardholder_name", "Omar D. Rossi", Kind.PERSON), ("user_id", "mia_li_3668", Kind.USERNAME),
    ("dob", "1981-05-26", Kind.BIRTH_DATE), ("出生日期", "1981年5月26日", Kind.BIRTH_DATE),
    ("address1", "256 Quincy Hollow", Kind.ADDRESS), ("address2", "Suite 661", Kind.ADDRESS), ("zip", "78240", Kind.ZIP),
    ("ssn", "853371694", Kind.SSN), ("passport_number", "533380006", Kind.PASSPORT), ("qq", "65297630", Kind.QQ),
    ("wechat_id", "sunflower", Kind.WECHAT),
]  # fmt: skip
NOTHING = [
    ("name", "get_user"), ("first_name", "{first_name}"), ("first_name", "<str>"), ("user_id", "42"), ("dob", "unknown"),
    ("address", "see below"), ("email_address", "n/a"), ("zip", "archive.zip"), ("title", "Mia"), ("file_name", "notes.txt"),
    ("function_name", "book"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value", "kind"), MEMBERS)
def test_a_leaf_is_what_its_key_says(key, value, kind):
    assert [(span.start, span.end, span.type) for span in scan(value, context=key)] == [(0, len(value), kind)]


@pytest.mark.parametrize(("key", "value"), NOTHING)
def test_other_keys_and_other_values_are_left_alone(key, value):
    assert scan(value, context=key) == ()


@pytest.mark.parametrize("escaped", [False, True])
def test_it_finds_members_of_json_that_is_cut_off_inside_a_text(escaped):
    whole = json.dumps({"name": {"first_name": "Mia", "last_name": "Garcia"}, "dob": "1981-05-26", "zip": "78240"})
    text = "tool: " + (json.dumps(whole)[1:-4] if escaped else whole[:-2])
    told = {(text[span.start : span.end], span.type) for span in scan(text)}
    assert {("Mia", Kind.PERSON), ("Garcia", Kind.PERSON), ("1981-05-26", Kind.BIRTH_DATE)} <= told


def test_a_call_of_a_tool_leaks_no_more_than_the_same_words_in_prose():
    call = {"role": "assistant", "tool_calls": [{"function": {"name": "book", "arguments": json.dumps(
        {"first_name": "Mia", "user_id": "mia_li_3668", "address1": "176 Willow Lane", "phone": "4155552671"}
    )}}]}  # fmt: skip
    redacted = redact(call, mark=lambda kind, _value: f"[{kind}]").item
    arguments = json.loads(redacted["tool_calls"][0]["function"]["arguments"])
    assert arguments == {"first_name": "[PERSON]", "user_id": "[USERNAME]", "address1": "[ADDRESS]", "phone": "[PHONE]"}
