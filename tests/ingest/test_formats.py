"""The formats of plain messages on small samples: roles, ids, parents, metadata, and which strings are text to read."""

import json

import pytest

from governance.ingest.formats.assembly import Origin
from governance.ingest.formats.errors import FormatError
from governance.ingest.formats.recognising import FORMATS, NAMES, by_name, recognise
from tests.ingest.parsing import parse, refused, summary


class TestOpenAI:
    def test_it_reads_strings_nulls_parts_and_refusals(self):
        call = {"id": "t1", "type": "function", "function": {"name": "unlock", "arguments": '{"card": "1"}'}}
        record = {
            "id": "chat-1",
            "model": "m",
            "tools": [{"type": "function"}],
            "messages": [
                {"role": "system", "content": "be brief"},
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {}}, "bare"],
                },
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "t1", "content": [{"type": "text", "text": "done"}]},
                {"role": "assistant", "reasoning_content": "hm", "content": "ok", "refusal": "but no"},
                {"role": "assistant", "tool_calls": [call]},
            ],
        }
        found = parse(record, "openai")
        assert summary(found) == [
            ("system", ["be brief"]),
            ("user", ["see", "bare"]),
            ("assistant", []),
            ("tool", ["done"]),
            ("assistant", ["hm", "ok", "but no"]),
            ("assistant", []),
        ]
        assert found.messages[1].text == ("/content/0/text", "/content/2")
        assert found.external_id == "chat-1"
        assert found.metadata == {"id": "chat-1", "model": "m", "tools": [{"type": "function"}]}
        assert all(made.item is given for made, given in zip(found.messages, record["messages"], strict=True))

    @pytest.mark.parametrize(
        ("ids", "expected"),
        [
            ({"conversation_id": "k"}, "k"),
            ({"dialogue_id": 7}, "7"),
            ({"id": "", "dialogue_id": "d"}, "d"),
            ({"task_id": 0, "trial": 3}, "task-0-trial-3"),
            ({"task_id": "t"}, "task-t-trial-0"),
        ],
    )
    def test_it_takes_the_id_that_the_line_gives(self, ids, expected):
        assert parse({**ids, "messages": [{"role": "user", "content": "x"}]}).external_id == expected

    def test_it_keeps_a_role_it_does_not_know_in_lower_case(self):
        assert parse({"messages": [{"role": "Ipython", "content": "x"}]}).messages[0].role == "ipython"

    @pytest.mark.parametrize(
        ("message", "code", "pointer"),
        [
            ({"content": "x"}, "role.missing", "/messages/0/role"),
            ({"role": None, "content": "x"}, "role.missing", "/messages/0/role"),
            ({"role": 5, "content": "x"}, "field.type", "/messages/0/role"),
            ({"role": "two words", "content": "x"}, "role.invalid", "/messages/0/role"),
            ({"role": "r" * 33, "content": "x"}, "role.invalid", "/messages/0/role"),
            ({"role": "", "content": "x"}, "role.invalid", "/messages/0/role"),
            ({"role": "\u212aelvin", "content": "x"}, "role.invalid", "/messages/0/role"),
            ({"role": "user"}, "field.missing", "/messages/0/content"),
            ({"role": "user", "content": 5}, "field.type", "/messages/0/content"),
            ({"role": "user", "content": {"text": "x"}}, "field.type", "/messages/0/content"),
            ({"role": "user", "content": [["x"]]}, "field.type", "/messages/0/content/0"),
            ("bare", "field.type", "/messages/0"),
        ],
    )
    def test_it_refuses_a_bad_message(self, message, code, pointer):
        assert refused({"messages": [message]}, "openai") == (code, pointer)

    @pytest.mark.parametrize(
        ("record", "code", "pointer"),
        [
            ([], "field.type", ""),
            ({}, "field.missing", "/messages"),
            ({"messages": {}}, "field.type", "/messages"),
            ({"messages": []}, "messages.empty", "/messages"),
            ({"id": True, "messages": [{"role": "user", "content": "x"}]}, "field.type", "/id"),
            ({"id": "x" * 256, "messages": [{"role": "user", "content": "x"}]}, "field.length", "/id"),
        ],
    )
    def test_it_refuses_a_bad_line(self, record, code, pointer):
        assert refused(record, "openai") == (code, pointer)


class TestMadeIds:
    RECORD = {"messages": [{"role": "user", "content": "x"}, {"role": "user", "content": "x"}]}

    def test_they_are_the_same_again(self):
        assert parse(self.RECORD) == parse(json.loads(json.dumps(self.RECORD)))

    def test_they_say_where_the_message_stands(self):
        first, second = parse(self.RECORD).messages
        assert first.external_id.startswith("m-0-")
        assert second.external_id.startswith("m-1-")
        assert first.external_id[4:] == second.external_id[4:]

    @pytest.mark.parametrize("other", [Origin("c", "e" * 64, 3), Origin("c", "f" * 64, 4)])
    def test_they_differ_by_file_and_position(self, other):
        assert parse(self.RECORD).external_id != parse(self.RECORD, origin=other).external_id

    def test_they_differ_by_content(self):
        assert parse(self.RECORD).external_id != parse({**self.RECORD, "model": "m"}).external_id


class TestShareGPT:
    def test_it_translates_its_words_and_keeps_the_system_prompt_as_metadata(self):
        record = {
            "id": "identity_0",
            "system": "s",
            "tools": "[]",
            "conversations": [
                {"from": "human", "value": "a"},
                {"from": "function_call", "value": "{}"},
                {"from": "observation", "value": "o"},
                {"from": "gpt", "value": "b"},
            ],
        }
        found = parse(record, "sharegpt")
        assert summary(found) == [("user", ["a"]), ("assistant", ["{}"]), ("tool", ["o"]), ("assistant", ["b"])]
        assert found.external_id == "identity_0"
        assert found.metadata == {"id": "identity_0", "system": "s", "tools": "[]"}
        assert {each.parent for each in found.messages} == {""}

    def test_it_reads_roles_and_contents_too(self):
        found = parse({"conversations": [{"role": "user", "content": "a"}, {"role": "gpt", "value": "b"}]}, "sharegpt")
        assert summary(found) == [("user", ["a"]), ("assistant", ["b"])]

    def test_it_keeps_chosen_and_rejected_as_branches_of_the_last_message(self):
        record = {
            "conversations": [{"from": "system", "value": "s"}, {"from": "human", "value": "q"}],
            "chosen": {"from": "gpt", "value": "yes"},
            "rejected": {"from": "gpt", "value": "no"},
        }
        found = parse(record, "sharegpt")
        system, question, chosen, _rejected = found.messages
        assert [each.parent for each in found.messages] == ["", system.external_id, *[question.external_id] * 2]
        assert [texts for _, texts in summary(found)[2:]] == [["yes"], ["no"]]
        assert chosen.item is record["chosen"]
        assert found.metadata == {}

    @pytest.mark.parametrize(
        ("record", "code", "pointer"),
        [
            ({"conversations": []}, "messages.empty", "/conversations"),
            ({"conversations": [{"value": "x"}]}, "role.missing", "/conversations/0/from"),
            ({"conversations": [{"from": "human"}]}, "field.missing", "/conversations/0/value"),
            ({"conversations": [{"from": "human", "value": None}]}, "field.type", "/conversations/0/value"),
            ({"conversations": [{"from": "human", "value": "x"}], "chosen": "y"}, "field.type", "/chosen"),
            (
                {"conversations": [{"from": "human", "value": "x"}], "chosen": {"from": "gpt"}},
                "field.missing",
                "/chosen/value",
            ),
        ],
    )
    def test_it_refuses_what_is_no_conversation(self, record, code, pointer):
        assert refused(record, "sharegpt") == (code, pointer)


def test_it_names_every_format_once_and_refuses_others():
    assert len({each.name for each in FORMATS}) == len(FORMATS) == len(NAMES)
    for attempt in (lambda: by_name("yaml"), lambda: recognise({"a": 1}), lambda: recognise([])):
        with pytest.raises(FormatError) as caught:
            attempt()
        assert caught.value.code == "format.unknown"
        assert all(name in caught.value.reason for name in NAMES)
