"""The items of the batch API, as INTERFACE.md fixes them."""

import pytest

from governance.ingest.formats.errors import FormatError
from governance.ingest.formats.recognising import parse_item
from tests.ingest.pointing import texts_of

CALL = {"id": "t1", "type": "function", "function": {"name": "unlock", "arguments": '{"card": "..."}'}}


def item(**changes):
    made = {
        "external_id": "chat-17",
        "collection": "support-bot",
        "data_subject": "user-42",
        "title": "Locked card",
        "metadata": {"model": "m"},
        "messages": [
            {
                "external_id": "m-1",
                "role": "user",
                "content": "My card is locked",
                "author": "user-42",
                "created_at": "2026-11-01T09:00:00Z",
            },
            {"external_id": "m-2", "role": "assistant", "content": None, "tool_calls": [CALL], "parent": "m-1", "x": 1},
        ],
    }
    made.update(changes)
    return {name: value for name, value in made.items() if value is not ...}


def with_message(**changes):
    return item(messages=[{"role": "user", "content": "x", **changes}])


def test_it_reads_the_example_of_the_interface():
    given = item()
    found = parse_item(given)
    assert (found.external_id, found.collection, found.source) == ("chat-17", "support-bot", "")
    assert (found.data_subject, found.title, found.metadata) == ("user-42", "Locked card", {"model": "m"})
    first, second = found.messages
    assert (first.external_id, first.role, first.author, texts_of(first)) == (
        "m-1",
        "user",
        "user-42",
        ["My card is locked"],
    )
    assert (second.external_id, second.parent, second.text) == ("m-2", "m-1", ())
    assert second.item is given["messages"][1]


def test_it_makes_ids_that_a_retry_meets_again():
    bare = item(external_id=..., messages=[{"role": "user", "content": "x"}])
    assert parse_item(bare, position=2) == parse_item(bare, position=2)
    assert parse_item(bare, position=2).external_id != parse_item(bare, position=3).external_id


def test_it_sends_an_import_where_the_operator_says():
    assert parse_item(item(), collection="imported").collection == "imported"
    assert parse_item(item(collection=...), collection="imported").collection == "imported"


def test_it_takes_nulls_for_what_is_optional():
    found = parse_item(item(data_subject=None, title=None, metadata=None, external_id=None))
    assert (found.data_subject, found.title, found.metadata) == ("", "", {})


@pytest.mark.parametrize(
    ("given", "code", "pointer"),
    [
        pytest.param("text", "field.type", "", id="no object"),
        pytest.param(item(collection=...), "field.missing", "/collection", id="no collection"),
        pytest.param(item(collection=""), "field.empty", "/collection", id="empty collection"),
        pytest.param(item(collection="c" * 256), "field.length", "/collection", id="long collection"),
        pytest.param(item(external_id=5), "field.type", "/external_id", id="number as id"),
        pytest.param(item(external_id=""), "field.empty", "/external_id", id="empty id"),
        pytest.param(item(external_id="i" * 256), "field.length", "/external_id", id="long id"),
        pytest.param(item(data_subject="s" * 256), "field.length", "/data_subject", id="long subject"),
        pytest.param(item(title=5), "field.type", "/title", id="number as title"),
        pytest.param(item(title="t" * 1_001), "field.length", "/title", id="long title"),
        pytest.param(item(metadata=[]), "field.type", "/metadata", id="list as metadata"),
        pytest.param(item(messages=...), "field.missing", "/messages", id="no messages"),
        pytest.param(item(messages=[]), "messages.empty", "/messages", id="empty messages"),
        pytest.param(item(messages={}), "field.type", "/messages", id="object as messages"),
        pytest.param(item(messages=["x"]), "field.type", "/messages/0", id="string as message"),
        pytest.param(item(data_subjet="user-42"), "field.unknown", "/<key 7>", id="mistyped field"),
        pytest.param(with_message(role=["user"]), "field.type", "/messages/0/role", id="list as role"),
        pytest.param(with_message(role=None), "role.missing", "/messages/0/role", id="no role"),
        pytest.param(with_message(external_id="i" * 256), "field.length", "/messages/0/external_id", id="long message id"),
        pytest.param(with_message(author="a" * 256), "field.length", "/messages/0/author", id="long author"),
        pytest.param(with_message(parent=7), "field.type", "/messages/0/parent", id="number as parent"),
        pytest.param(with_message(external_id="a", parent="a"), "field.value", "/messages/0/parent", id="own parent"),
        pytest.param(with_message(created_at="soon"), "field.value", "/messages/0/created_at", id="no time"),
        pytest.param(
            with_message(created_at="2026-11-01T09:00:00"),
            "field.value",
            "/messages/0/created_at",
            id="time without zone",
        ),
        pytest.param(with_message(created_at=5), "field.type", "/messages/0/created_at", id="number as time"),
        pytest.param(with_message(content="a\x00b"), "text.nul", "/messages/0/content", id="nul"),
        pytest.param(with_message(content="a\ud800b"), "text.surrogate", "/messages/0/content", id="surrogate"),
        pytest.param(item(metadata={"secret\x00": 1}), "text.nul", "/metadata", id="nul in a name"),
        pytest.param(item(metadata={"a": 1, "secret": ["\x00"]}), "text.nul", "/metadata/<key 2>/0", id="name not shown"),
    ],
)
def test_it_refuses(given, code, pointer):
    with pytest.raises(FormatError) as caught:
        parse_item(given)
    assert (caught.value.code, caught.value.pointer) == (code, pointer)
    assert caught.value.mend


def test_it_refuses_two_messages_of_one_id():
    twice = [{"external_id": "a", "role": "user", "content": "x"}, {"external_id": "a", "role": "user", "content": "y"}]
    with pytest.raises(FormatError) as caught:
        parse_item(item(messages=twice))
    assert caught.value.code == "id.duplicate"
