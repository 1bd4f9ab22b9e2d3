"""What holds for any input: pointers name strings, cutting and joining undo each other, nothing but FormatError."""

import contextlib
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from governance.ingest.formats.assembly import Origin
from governance.ingest.formats.errors import FormatError, ItemError
from governance.ingest.formats.files import read_file
from governance.ingest.formats.json_values import canonical, check_text, loads
from governance.ingest.formats.recognising import FORMATS, by_name
from governance.ingest.formats.records import document
from tests.ingest.pointing import follow

ORIGIN = Origin(collection="c", source="0" * 64)
UNLIMITED = 1 << 30

SOME = settings(deadline=None, max_examples=150)
MANY = settings(deadline=None, max_examples=600)

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
NAMES = WORDS | st.sampled_from(["content", "text", "parts", "role", "from", "value", "message", "id", "a/b", "m~n"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
ROLES = st.sampled_from(["user", "assistant", "tool", "human", "gpt", "system"])


def shaped(**fields):
    """An object of these fields, each of which may be missing or be any value at all."""
    return st.fixed_dictionaries({}, optional={name: of | VALUES for name, of in fields.items()})


PARTS = st.lists(WORDS | shaped(type=WORDS, text=WORDS, thinking=WORDS, content=VALUES), max_size=3)
MESSAGE = shaped(role=ROLES, content=WORDS | PARTS | st.none(), refusal=WORDS, id=WORDS, external_id=WORDS, parent=WORDS)
TURN = shaped(**{"from": ROLES, "value": WORDS, "role": ROLES, "content": PARTS})
BLOCKS = shaped(
    content_type=WORDS, parts=PARTS, text=WORDS, thoughts=st.lists(shaped(summary=WORDS, content=WORDS), max_size=2)
)
KEYS = st.sampled_from(["a", "b", "c", "d/~"])
NODE = st.fixed_dictionaries(
    {"parent": KEYS | st.none(), "children": st.lists(KEYS, max_size=2)},
    optional={"message": st.fixed_dictionaries({"author": st.just({"role": "user"}), "content": BLOCKS})},
)
RECORDS = st.one_of(
    shaped(messages=st.lists(MESSAGE, max_size=3), id=WORDS, collection=WORDS, metadata=VALUES),
    shaped(conversations=st.lists(TURN, max_size=3), chosen=TURN, rejected=TURN, system=WORDS),
    st.fixed_dictionaries({"mapping": st.dictionaries(KEYS, NODE, max_size=4)}),
    shaped(
        chat_messages=st.lists(shaped(uuid=WORDS, sender=ROLES, text=WORDS, content=PARTS, attachments=PARTS), max_size=3)
    ),
    shaped(turns=st.lists(shaped(speaker=ROLES, utterance=WORDS) | WORDS, max_size=3), question_id=st.integers()),
    shaped(messages=st.lists(shaped(message=WORDS), max_size=3), name=WORDS),
    shaped(choices=st.lists(shaped(turns=st.lists(WORDS, max_size=2)), max_size=2), question_id=st.integers()),
    shaped(messages_display=WORDS.map(lambda text: f"user: {text}")),
    VALUES,
)


@given(RECORDS)
@MANY
def test_every_pointer_names_a_string_of_its_item(record):
    for each in FORMATS:
        try:
            conversation = each.parse(record, ORIGIN)
        except FormatError:
            continue
        assert conversation.messages
        ids = [message.external_id for message in conversation.messages]
        assert all(ids)
        assert len(set(ids)) == len(ids)
        for message in conversation.messages:
            assert len(set(message.text)) == len(message.text)
            assert all(isinstance(follow(message.item, pointer), str) for pointer in message.text)


@given(RECORDS)
@MANY
def test_a_parent_stands_before_its_answers(record):
    for name in ("chatgpt", "sharegpt", "mtbench"):
        try:
            messages = by_name(name).parse(record, ORIGIN).messages
        except FormatError:
            continue
        ids = [message.external_id for message in messages]
        assert all(message.parent in ids[:place] for place, message in enumerate(messages) if message.parent)


LINES = st.lists(WORDS | st.sampled_from(["", "user: x", "tool:", " system: ", "assistant: ", "###"]), max_size=5)
TRANSCRIPTS = st.lists(st.tuples(st.sampled_from(["user", "assistant", "tool", "system"]), LINES.map("\n".join)), min_size=1)


@given(TRANSCRIPTS)
@SOME
def test_a_transcript_joined_again_is_the_transcript(said):
    transcript = "\n".join(f"{role}: {text}" for role, text in said)
    found = by_name("display").parse({"messages_display": transcript}, ORIGIN)
    assert "\n".join(f"{each.item['role']}: {each.item['content']}" for each in found.messages) == transcript


@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 1]), st.booleans())
@SOME
def test_an_array_is_cut_into_its_items(values, indent, plain):
    data = json.dumps(values, indent=indent, ensure_ascii=plain).encode()
    records = list(document(data, longest=UNLIMITED))
    assert [record.value() for record in records] == values
    assert [record.item for record in records] == list(range(len(values)))
    for record in records:
        assert record.data.split(b"\n")[0] in data.split(b"\n")[record.line - 1]


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
@SOME
def test_the_strict_loader_reads_what_json_reads(value, indent, plain):
    text = json.dumps(value, indent=indent, ensure_ascii=plain)
    found = loads(text.encode())
    check_text(found)
    assert found == json.loads(text)
    assert canonical(found) == canonical(json.loads(text))


@given(st.binary(max_size=60) | st.text('[]{}",:\\u0dn1e. \n', max_size=60).map(str.encode))
@MANY
def test_any_bytes_are_a_value_or_a_format_error(data):
    with contextlib.suppress(FormatError):
        loads(data)


@given(st.lists(RECORDS, min_size=1, max_size=3), st.booleans(), st.integers(0, 400), st.binary(max_size=3))
@MANY
def test_any_file_gives_conversations_and_item_errors(tmp_path_factory, values, lines, place, junk):
    whole = "\n".join(map(json.dumps, values)) if lines else json.dumps(values, indent=1)
    data = whole.encode()
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(data[:place] + junk + data[place + len(junk) :])
    for given_format in ("auto", "openai", "chatgpt"):
        once = list(read_file(path, collection="c", format=given_format))
        assert once
        assert once == list(read_file(path, collection="c", format=given_format))
        assert all(each.mend for each in once if isinstance(each, ItemError))
