"""Trees, exports and corpora on small samples: branches, text of every content type, roles that are not named."""

import pytest

from tests.ingest.parsing import parse, refused, summary


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
        mapping = {name: node(name, parent, [], words("x")) for parent, name in zip([None, *names], names, strict=False)}
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
