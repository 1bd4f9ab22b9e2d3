"""Each format on small samples: roles, ids, parents, metadata, and which strings are text to read."""

import json

import pytest

from governance.ingest.formats.assembly import Origin
from governance.ingest.formats.errors import FormatError
from governance.ingest.formats.recognising import FORMATS, NAMES, by_name, recognise
from tests.ingest.pointing import texts_of

ORIGIN = Origin(collection="c", source="f" * 64, position=3)


def parse(record, name="", origin=ORIGIN):
    found = recognise(record)
    assert not name or found.name == name
    return found.parse(record, origin)


def summary(conversation):
    return [(each.role, texts_of(each)) for each in conversation.messages]


def refused(record, name):
    with pytest.raises(FormatError) as caught:
        by_name(name).parse(record, ORIGIN)
    return caught.value.code, caught.value.pointer


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
        system, question, chosen, rejected = found.messages
        assert [each.parent for each in found.messages] == ["", system.external_id, *[question.external_id] * 2]
        assert (texts_of(chosen), texts_of(rejected)) == (["yes"], ["no"])
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


def node(name, parent, children=(), content=None, role="user", **more):
    message = {"id": name, "author": {"role": role}, "create_time": None, "content": content, **more}
    return {"id": name, "parent": parent, "children": list(children), "message": message if content else None}


def words(*parts):
    return {"content_type": "text", "parts": list(parts)}


class TestChatGPT:
    def test_it_keeps_branches_and_hidden_nodes_and_skips_nodes_without_message(self):
        mapping = {
            "root": node("root", None, ["hidden"]),
            "again": node("again", "gap", [], words("second"), "assistant"),
            "hidden": node("hidden", "root", ["ask"], words(""), "system", weight=0.0),
            "ask": node("ask", "hidden", ["gap"], words("q")),
            "gap": node("gap", "ask", ["first", "again"]),
            "first": node("first", "gap", ["more"], words("first"), "assistant"),
            "more": node("more", "first", [], words("thanks")),
        }
        record = {"conversation_id": "k", "id": "i", "title": "T", "current_node": "again", "mapping": mapping}
        found = parse(record, "chatgpt")
        assert [(each.external_id, each.parent) for each in found.messages] == [
            ("hidden", ""),
            ("ask", "hidden"),
            ("first", "ask"),
            ("more", "first"),
            ("again", "ask"),
        ]
        assert (found.external_id, found.title) == ("k", "T")
        assert found.metadata == {"conversation_id": "k", "id": "i", "title": "T", "current_node": "again"}
        assert found.messages[0].item is mapping["hidden"]["message"]

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (words("a", "b"), ["a", "b"]),
            ({"content_type": "code", "language": "python", "text": "print()"}, ["print()"]),
            ({"content_type": "execution_output", "text": "1"}, ["1"]),
            (
                {
                    "content_type": "multimodal_text",
                    "parts": [{"content_type": "image_asset_pointer", "asset_pointer": "x"}, "a"],
                },
                ["a"],
            ),
            (
                {"content_type": "multimodal_text", "parts": [{"content_type": "audio_transcription", "text": "said"}]},
                ["said"],
            ),
            ({"content_type": "thoughts", "thoughts": [{"summary": "s", "content": "c"}]}, ["s", "c"]),
            ({"content_type": "reasoning_recap", "content": "Thought for 3s"}, ["Thought for 3s"]),
            ({"content_type": "user_editable_context", "user_profile": "p", "user_instructions": "i"}, ["p", "i"]),
            ({"content_type": "tether_quote", "title": "t", "text": "x", "url": "u"}, ["t", "x"]),
            ({"content_type": "never_seen"}, []),
        ],
    )
    def test_it_finds_the_text_of_each_content_type(self, content, expected):
        record = {"mapping": {"a": node("a", None, [], content)}}
        assert summary(parse(record, "chatgpt")) == [("user", expected)]

    def test_it_reads_a_tree_whose_parents_are_named_on_one_side_only(self):
        mapping = {"b": node("b", None, [], words("2")), "a": node("a", "gone", ["b"], words("1"))}
        assert [(each.external_id, each.parent) for each in parse({"mapping": mapping}).messages] == [
            ("a", ""),
            ("b", "a"),
        ]

    def test_it_walks_a_long_thread_without_recursion(self):
        names = [f"n{index}" for index in range(10_000)]
        mapping = {
            name: node(name, parent, [], words("x")) for parent, name in zip([None, *names], names, strict=False)
        }
        assert len(parse({"mapping": mapping}).messages) == len(names)

    @pytest.mark.parametrize(
        ("record", "code", "pointer"),
        [
            ({"id": "k"}, "field.missing", "/mapping"),
            ({"mapping": []}, "field.type", "/mapping"),
            ({"mapping": {}}, "messages.empty", ""),
            ({"mapping": {"a": node("a", None)}}, "messages.empty", ""),
            ({"mapping": {"a": None}}, "field.type", "/mapping/<key 1>"),
            ({"mapping": {"a": {"message": {"content": {}}}}}, "field.missing", "/mapping/<key 1>/message/author"),
            (
                {"mapping": {"a": {"message": {"author": {}, "content": {}}}}},
                "role.missing",
                "/mapping/<key 1>/message/author/role",
            ),
            (
                {"mapping": {"a": node("a", "b", ["b"], words("x")), "b": node("b", "a", ["a"], words("x"))}},
                "tree.cycle",
                "/mapping",
            ),
            ({"mapping": {"a": node("a", "a", ["a"], words("x"))}}, "tree.cycle", "/mapping"),
        ],
    )
    def test_it_refuses_what_is_no_tree(self, record, code, pointer):
        assert refused(record, "chatgpt") == (code, pointer)


class TestClaude:
    def test_it_reads_blocks_attachments_and_parents(self):
        record = {
            "uuid": "k",
            "name": "T",
            "account": {"uuid": "a"},
            "chat_messages": [
                {
                    "uuid": "1",
                    "sender": "human",
                    "text": "old",
                    "parent_message_uuid": "0000",
                    "attachments": [{"file_name": "f", "extracted_content": "pasted"}],
                },
                {
                    "uuid": "2",
                    "sender": "assistant",
                    "parent_message_uuid": "1",
                    "text": "b",
                    "content": [
                        {"type": "thinking", "thinking": "hm"},
                        {"type": "tool_use", "name": "n", "input": {"q": "x"}},
                        {"type": "tool_result", "content": [{"type": "text", "text": "found"}]},
                        {"type": "text", "text": "b"},
                    ],
                },
                {"uuid": "3", "sender": "human", "text": "only", "content": []},
            ],
        }
        found = parse(record, "claude")
        assert summary(found) == [("user", ["old", "pasted"]), ("assistant", ["hm", "b", "found"]), ("user", ["only"])]
        assert [(each.external_id, each.parent) for each in found.messages] == [("1", ""), ("2", "1"), ("3", "")]
        assert (found.external_id, found.title) == ("k", "T")

    @pytest.mark.parametrize(
        ("message", "code", "pointer"),
        [
            ({"text": "x"}, "role.missing", "/chat_messages/0/sender"),
            ({"sender": "human"}, "field.missing", "/chat_messages/0/text"),
            ({"sender": "human", "text": 5}, "field.type", "/chat_messages/0/text"),
            ({"sender": "human", "content": "x"}, "field.type", "/chat_messages/0/content"),
        ],
    )
    def test_it_refuses_a_bad_message(self, message, code, pointer):
        assert refused({"chat_messages": [message]}, "claude") == (code, pointer)


class TestCorpora:
    def test_it_reads_sgd_with_its_frames(self):
        turns = [
            {"speaker": "USER", "utterance": "a", "frames": [{"service": "s"}]},
            {"speaker": "SYSTEM", "utterance": "b", "frames": []},
        ]
        found = parse({"dialogue_id": "1_0", "services": ["s"], "turns": turns}, "sgd")
        assert summary(found) == [("user", ["a"]), ("assistant", ["b"])]
        assert found.messages[0].item is turns[0]
        assert (found.external_id, found.metadata) == ("1_0", {"dialogue_id": "1_0", "services": ["s"]})

    def test_it_reads_kdconv_speaker_by_speaker(self):
        messages = [{"message": "a"}, {"attrs": [{"attrname": "n"}], "message": "b"}, {"message": "c"}]
        found = parse({"name": "topic", "messages": messages}, "kdconv")
        assert summary(found) == [("user", ["a"]), ("assistant", ["b"]), ("user", ["c"])]
        assert found.title == "topic"

    def test_it_reads_questions_of_mt_bench(self):
        found = parse({"question_id": 81, "category": "w", "turns": ["a", "b"], "reference": ["r"]}, "mtbench")
        assert summary(found) == [("user", ["a"]), ("user", ["b"])]
        assert found.messages[0].item == {"role": "user", "content": "a"}
        assert found.external_id == "81"
        assert found.metadata == {"question_id": 81, "category": "w", "reference": ["r"]}

    def test_it_reads_answers_of_mt_bench_and_keeps_choices_apart(self):
        choices = [{"index": 0, "turns": ["a", "b"]}, {"index": 1, "turns": ["c", "d"]}]
        found = parse({"question_id": 81, "answer_id": "k", "choices": choices}, "mtbench")
        ids = [each.external_id for each in found.messages]
        assert summary(found) == [("assistant", [text]) for text in "abcd"]
        assert [each.parent for each in found.messages] == ["", ids[0], "", ids[2]]
        assert found.external_id == "k"

    @pytest.mark.parametrize(
        ("record", "name", "code", "pointer"),
        [
            ({"turns": [{"speaker": "USER"}]}, "sgd", "field.missing", "/turns/0/utterance"),
            ({"turns": [{"utterance": "x"}]}, "sgd", "role.missing", "/turns/0/speaker"),
            ({"messages": [{"message": 5}]}, "kdconv", "field.type", "/messages/0/message"),
            ({"question_id": 1, "turns": [5]}, "mtbench", "field.type", "/turns/0"),
            ({"question_id": 1, "turns": []}, "mtbench", "messages.empty", "/turns"),
            ({"question_id": 1, "choices": [{"index": 0}]}, "mtbench", "field.missing", "/choices/0/turns"),
            ({"messages_display": "hello"}, "display", "role.missing", "/messages_display"),
            ({"messages_display": "hello\nuser: x"}, "display", "role.missing", "/messages_display"),
            ({"messages_display": ""}, "display", "role.missing", "/messages_display"),
            ({"messages_display": None}, "display", "field.type", "/messages_display"),
        ],
    )
    def test_it_refuses_what_is_broken(self, record, name, code, pointer):
        assert refused(record, name) == (code, pointer)

    def test_it_cuts_a_transcript_at_its_roles_only(self):
        transcript = "user: a\n\nb: c\n user: d\nassistant: \ntool: {}\r\nsystem:e\n###"
        found = parse({"messages_display": transcript}, "display")
        assert summary(found) == [
            ("user", ["a\n\nb: c\n user: d"]),
            ("assistant", [""]),
            ("tool", ["{}\r\nsystem:e\n###"]),
        ]


def test_it_names_every_format_once_and_refuses_others():
    assert len({each.name for each in FORMATS}) == len(FORMATS) == len(NAMES)
    for attempt in (lambda: by_name("yaml"), lambda: recognise({"a": 1}), lambda: recognise([])):
        with pytest.raises(FormatError) as caught:
            attempt()
        assert caught.value.code == "format.unknown"
        assert all(name in caught.value.reason for name in NAMES)
