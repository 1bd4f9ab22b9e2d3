"""How messages of a conversation look: branches, tools, what is withheld."""

from uuid import uuid4

from governance.console.transcripts import shown_messages, title_of
from governance.vault.documents import Document
from governance.vault.records import OpenedMessage


def message(ordinal, item=None, *, role="user", parent=None, text=("/content",), withheld=""):
    document = Document(item=item, text=tuple(text)) if item is not None else None
    return OpenedMessage(uuid4(), ordinal, role, parent, "redacted", document, withheld)


def test_it_says_whose_branch_a_message_is():
    first = message(0, {"content": "Which?"})
    one = message(1, {"content": "A"}, role="assistant", parent=first.id)
    two = message(2, {"content": "B"}, role="assistant", parent=first.id)
    back = message(3, {"content": "go on"}, parent=one.id)
    shown = shown_messages([first, one, two, back])
    assert [each.branch for each in shown] == ["", "branch 1 of 2 after #1", "branch 2 of 2 after #1", "continues #2"]
    assert [each.anchor for each in shown] == ["m1", "m2", "m3", "m4"]


def test_it_says_nothing_of_a_straight_line():
    first = message(0, {"content": "a"})
    second = message(1, {"content": "b"}, parent=first.id)
    assert [each.branch for each in shown_messages([first, second])] == ["", ""]


def test_it_folds_tool_calls_and_results():
    call = {"content": None, "tool_calls": [{"function": {"name": "find<b>", "arguments": '{"card": "[CARD·xmwez]"}'}}]}
    result = {"content": '{"status":"locked"}'}
    shown = shown_messages([message(0, call, role="assistant", text=()), message(1, result, role="tool")])
    assert shown[0].body is None
    assert shown[0].folded[0].label == "Tool call find<b>"
    assert "CARD<span>" in shown[0].folded[0].body
    assert shown[1].body is None
    assert "&quot;status&quot;: &quot;locked&quot;" in shown[1].folded[0].body


def test_it_takes_odd_items_as_they_come():
    odd = [
        message(0, ["not", "an", "object"], text=()),
        message(1, {"tool_calls": "text"}, text=()),
        message(2, {"tool_calls": [None, 7, {"function": 3}]}, role="narrator", text=()),
        message(3, withheld="not scanned yet"),
    ]
    shown = shown_messages(odd)
    assert shown[2].kind == "other"
    assert shown[3].withheld == "not scanned yet"


def test_it_spells_out_hidden_characters_of_titles():
    assert title_of(Document(item={"title": "a\u202eb"}, text=())) == "a⟨U+202E⟩b"
    assert title_of(Document(item={"title": 7}, text=())) == ""
    assert title_of(None) == ""
