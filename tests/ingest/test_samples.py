"""The chats that ship with the project: each is a valid item, and redaction finds in it what was put there, no more.

Every value is made up: e-mail addresses and hosts of RFC 2606, addresses of RFC 5737 and RFC 3849, telephone numbers
of the ranges that regulators keep for fiction (mainland China has none: its two numbers are the usual example), test
cards of the networks, the example numbers of GB 11643, GB 32100, ICAO 9303 and of IBAN, a number of advertisements, keys that say "fake" or are the provider's own example, and a
private key whose bytes are a sentence.
"""

import json
from base64 import b64decode
from pathlib import Path

import pytest

from governance import management
from governance.ingest.formats.recognising import parse_item
from governance.privacy.detectors import Kind
from governance.privacy.redaction import redact

FILES = sorted((Path(management.__path__[0]) / "samples").glob("*.jsonl"))
ITEMS = {item["external_id"]: item for path in FILES for item in map(json.loads, path.read_text("utf-8").splitlines())}
PRIVATE_KEY = "-----BEGIN RSA PRIVATE KEY-----"
FOUND = {
    "locked-card": {"CARD 4111111111111111", "EMAIL maria.lopez@example.com", "PHONE +33639981427"},
    "late-parcel": {"EMAIL tom.baker@example.org", "IP 203.0.113.42", "PHONE +442079460018", "POSTCODE SW1A1AA"},
    "退款-1": {
        "CARD 6200000000000005",
        "EMAIL wangfang@example.com",
        "PHONE +8613800138000",
        "RESIDENT_ID 11010519491231002X",
    },
    "change-address": {
        "ADDRESS musterstrasse 12",
        "EMAIL ines.roth@example.com",
        "PHONE +493023125042",
        "URL https://flat.example.com/roth",
        "USERNAME ines_roth_17",
    },
    "hostile-markup": set(),
    "two-answers": {"EMAIL li.na@example.com"},
    "parental-leave": {
        "BIRTH_DATE 1990-02-03",
        "EMAIL kim.hale@example.com",
        "PASSPORT L898902C3",
        "PERSON kim",
        "PHONE +14155550132",
        "SSN 987654320",
        "ZIP 94016",
    },
    "请假-2": {
        "CREDIT_CODE 91350100M000100Y43",
        "EMAIL chen.xiao@example.org",
        "PHONE +862155550199",
        "PLATE 京A12345",
        "QQ 10000",
        "WECHAT chen_demo_01",
    },
    "payslip": {"CARD 5555555555554444", "CARD 378282246310005", "EMAIL j.ode@example.org", "IBAN GB33BUKB20201555555555"},
    "leaked-key": {
        "API_KEY sk-proj-fake0000notarealkey1111fake2222",
        "API_KEY ghp_0000fake0000notarealtoken0000fake000",
        "API_KEY AKIAIOSFODNN7EXAMPLE",
    },
    "slow-query": {"EMAIL chen.lin@example.com", "IP 198.51.100.23", "PASSWORD Kx7-fake-Pw9"},
    "deploy-key": {"EMAIL deploy@deploy.example.com", "IP 2001:db8:4:17::20", "IP 203.0.113.7", "PRIVATE_KEY"},
    "regex-help": set(),
}


def redacted(item):
    """What redaction finds in head and messages, and the redacted forms as one text."""
    found = set()

    def mark(kind, value):
        found.add("PRIVATE_KEY" if kind == Kind.PRIVATE_KEY else f"{kind} {value}")
        return f"[{kind}]"

    conversation = parse_item(item)
    head = {"title": conversation.title, "metadata": dict(conversation.metadata)}
    forms = [redact(one, mark=mark).item for one in (head, *(message.item for message in conversation.messages))]
    return found, json.dumps(forms, ensure_ascii=False)


def test_there_is_a_dozen_in_three_collections_and_two_languages():
    assert set(ITEMS) == set(FOUND)
    assert {path.stem for path in FILES} == {item["collection"] for item in ITEMS.values()}
    assert len(FILES) == 3
    chinese = [item for item in ITEMS.values() if any("一" <= character <= "鿿" for character in item["title"])]
    assert len(chinese) == 3


def test_each_file_holds_one_collection():
    for path in FILES:
        assert {json.loads(line)["collection"] for line in path.read_text("utf-8").splitlines()} == {path.stem}


@pytest.mark.parametrize("name", FOUND)
def test_it_is_a_valid_item_of_four_to_ten_messages(name):
    conversation = parse_item(ITEMS[name])

    assert 4 <= len(conversation.messages) <= 10
    assert conversation.title
    assert conversation.data_subject
    times = [message.item["created_at"] for message in conversation.messages]
    assert times == sorted(times)


@pytest.mark.parametrize("name", FOUND)
def test_redaction_finds_what_was_meant_and_leaves_nothing_of_it(name):
    found, text = redacted(ITEMS[name])

    assert found == FOUND[name]
    for value in found:
        plain = value.partition(" ")[2] or PRIVATE_KEY
        assert plain not in text


def test_every_type_of_finding_is_shown_somewhere():
    assert {value.partition(" ")[0] for values in FOUND.values() for value in values} == {
        str(kind) for kind in Kind if kind not in {Kind.TERM, Kind.CUSTOM}
    }


def test_arguments_of_tool_calls_are_json_before_and_after():
    calls = [
        call["function"]["arguments"]
        for item in ITEMS.values()
        for message in item["messages"]
        for call in message.get("tool_calls", ())
    ]

    assert len(calls) >= 4
    for arguments in calls:
        masked = redact({"arguments": arguments}, mark=lambda kind, _: f"[{kind}]").item["arguments"]
        assert json.loads(masked).keys() == json.loads(arguments).keys()
        assert masked != arguments


def test_one_conversation_has_branches_and_one_has_hostile_text():
    parents = [message.parent for message in parse_item(ITEMS["two-answers"]).messages]
    assert parents.count("m-1") == 2
    hostile = json.dumps(ITEMS["hostile-markup"], ensure_ascii=False)
    assert all(part in hostile for part in ("<script>", "onerror=", "javascript:", "\u202e", "\u200b"))


def test_the_private_key_is_a_sentence():
    text = "".join(message["content"] or "" for message in ITEMS["deploy-key"]["messages"])
    body = text.split(PRIVATE_KEY)[1].split("-----END")[0]
    assert b64decode(body).startswith(b"NOT A REAL KEY.")
