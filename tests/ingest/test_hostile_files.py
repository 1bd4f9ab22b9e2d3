"""Bad files, as a table: each row says what is reported, where, and how many good conversations are kept.

Every row carries the sentinel in a place that is refused, and no error may show it.
"""

import hashlib
import json
import os
import tracemalloc

import pytest

from governance.ingest.formats import files
from governance.ingest.formats.errors import ItemError
from governance.ingest.formats.files import Limits, read_file
from governance.ingest.formats.incoming import IncomingConversation

SECRET = "SENTINEL-4711"
GOOD = b'{"messages": [{"role": "user", "content": "fine"}]}'
OTHER = b'{"id": "7", "messages": [{"role": "user", "content": "fine"}]}'


def bad(content):
    """A line whose message has this JSON as its content."""
    return b'{"messages": [{"role": "user", "content": ' + content + b"}]}"


def jsonl(*rows):
    return b"\n".join(rows) + b"\n"


def array(*rows):
    return b"[\n" + b",\n".join(rows) + b"\n]"


def digits(count):
    return bad(b"[" + b"1" * count + b"]")


DEEP = bad(b"[" * 100_000 + b"]" * 100_000)
NO_ROLE = b'{"messages": [{"content": "SENTINEL-4711"}]}'
LONG = bad(b'"' + b"SENTINEL-4711" * 100 + b'"')
CUT = bad(b'"SENTINEL-4711"')[:-9]
PRETTY = json.dumps(json.loads(bad(b'"SENTINEL-4711"')), indent=2).encode()

# name: (content, [(code, line, item, pointer)], good conversations)
ROWS = {
    "no byte": (b"", [("file.empty", None, None, "")], 0),
    "blank lines": (b" \n\r\n\t\n", [("file.empty", None, None, "")], 0),
    "only a byte order mark": (b"\xef\xbb\xbf", [("file.empty", None, None, "")], 0),
    "empty array": (b"[ ]", [("file.empty", None, None, "")], 0),
    "byte order mark": (b"\xef\xbb\xbf" + jsonl(GOOD), [], 1),
    "byte order mark before an array": (b"\xef\xbb\xbf" + array(GOOD), [], 1),
    "line ends of Windows": (jsonl(GOOD, OTHER).replace(b"\n", b"\r\n"), [], 2),
    "UTF-16": (LONG.decode().encode("utf-16"), [("encoding.utf16", None, None, "")], 0),
    "UTF-16 without mark": (LONG.decode().encode("utf-16-le"), [("encoding.utf16", None, None, "")], 0),
    "ZIP": (b"PK\x03\x04" + LONG, [("file.archive", None, None, "")], 0),
    "broken line": (jsonl(GOOD, b'{"messages": SENTINEL-4711}', GOOD), [("json.syntax", 2, None, "")], 2),
    "broken first line": (jsonl(b'{"messages": SENTINEL-4711}', GOOD), [("json.syntax", 1, None, "")], 1),
    "first line cut short": (jsonl(CUT, GOOD, GOOD), [("json.syntax", 1, None, "")], 2),
    "last line cut short": (jsonl(GOOD, CUT), [("json.syntax", 2, None, "")], 1),
    "plain text": (jsonl(b"SENTINEL-4711", b"b"), [("json.syntax", 1, None, ""), ("json.syntax", 2, None, "")], 0),
    "invalid UTF-8": (jsonl(GOOD, bad(b'"SENTINEL-4711\xff"'), GOOD), [("encoding.utf8", 2, None, "")], 2),
    "invalid UTF-8 in an array": (array(GOOD, bad(b'"SENTINEL-4711\xff"'), GOOD), [("encoding.utf8", 3, 1, "")], 2),
    "zero byte": (jsonl(GOOD, bad(b'"SENTINEL-4711\x00"')), [("text.nul", 2, None, "")], 1),
    "U+0000": (jsonl(GOOD, bad(b'"SENTINEL-4711\\u0000"')), [("text.nul", 2, None, "/messages/0/content")], 1),
    "lone surrogate": (
        jsonl(GOOD, bad(b'[{"text": "SENTINEL-4711\\ud800"}]')),
        [("text.surrogate", 2, None, "/messages/0/content/0/text")],
        1,
    ),
    "secret in a name": (
        jsonl(b'{"SENTINEL-4711": "\\u0000", ' + GOOD[1:], GOOD),
        [("text.nul", 1, None, "/<key 1>")],
        1,
    ),
    "100,000 deep": (jsonl(GOOD, DEEP, GOOD), [("json.depth", 2, None, "")], 2),
    "100,000 deep first": (jsonl(DEEP, GOOD), [("json.depth", 1, None, "")], 1),
    "100,000 deep in an array": (array(DEEP, GOOD), [("json.depth", 2, 0, "")], 1),
    "100,000 brackets": (b"[" * 100_000, [("json.depth", 1, 0, "")], 0),
    "100,000 closed brackets": (b"[" * 100_000 + b"]" * 100_000, [("json.depth", 1, 0, "")], 0),
    "NaN": (jsonl(GOOD, bad(b"NaN")), [("json.number", 2, None, "")], 1),
    "5,000 digits": (jsonl(GOOD, digits(5_000)), [("json.number", 2, None, "")], 1),
    "name twice": (
        jsonl(GOOD, b'{"id": "SENTINEL-4711", "id": 2, ' + GOOD[1:]),
        [("json.duplicate_key", 2, None, "")],
        1,
    ),
    "missing role": (jsonl(GOOD, NO_ROLE), [("role.missing", 2, None, "/messages/0/role")], 1),
    "missing role first": (jsonl(NO_ROLE, GOOD), [("role.missing", 1, None, "/messages/0/role")], 1),
    "wrong type": (jsonl(GOOD, b'{"messages": "SENTINEL-4711"}'), [("field.type", 2, None, "/messages")], 1),
    "list as line": (jsonl(GOOD, b'["SENTINEL-4711"]'), [("field.type", 2, None, "")], 1),
    "id twice": (jsonl(OTHER, OTHER, GOOD), [("id.duplicate", 2, None, "")], 2),
    "id twice in an array": (array(OTHER, GOOD, OTHER), [("id.duplicate", 4, 2, "")], 2),
    "long line": (jsonl(GOOD, LONG, GOOD), [("line.too_long", 2, None, "")], 2),
    "long item": (array(GOOD, LONG, GOOD), [("item.too_large", 3, 1, "")], 2),
    "array cut between items": (array(GOOD, OTHER)[:-1], [("json.truncated", 3, None, "")], 2),
    "array cut inside an item": (array(GOOD, NO_ROLE)[:-20], [("json.truncated", 3, 1, "")], 1),
    "array closed by a brace": (array(GOOD)[:-1] + b"}", [("json.trailing", 3, None, "")], 1),
    "array with a comma too many": (array(GOOD, b""), [("json.syntax", 4, 1, "")], 1),
    "array followed by something": (array(GOOD) + b"\nSENTINEL-4711", [("json.trailing", 3, None, "")], 1),
    "broken item": (array(GOOD, b"{SENTINEL-4711}", GOOD), [("json.syntax", 3, 1, "")], 2),
    "broken item over lines": (array(GOOD, b'{\n"a":\nSENTINEL-4711}', GOOD), [("json.syntax", 5, 1, "")], 2),
    "object over lines": (PRETTY, [], 1),
    "object over lines, cut": (PRETTY[:-5], [("json.syntax", 6, 0, "")], 0),
    "unknown format": (jsonl(b'{"SENTINEL-4711": 1}', b'{"a": 2}'), [("format.unknown", 1, None, "")], 0),
    "unknown format in an array": (array(b'{"SENTINEL-4711": 1}', b"{}"), [("format.unknown", 2, 0, "")], 0),
    "a string": (b'"SENTINEL-4711"', [("format.unknown", 1, None, "")], 0),
    "known after unknown": (jsonl(b'{"SENTINEL-4711": 1}', GOOD), [("field.missing", 1, None, "/messages")], 1),
    "export with a broken entry": (
        array(
            b'{"id": "SENTINEL-4711"}',
            b'{"id": 2, "mapping": {"a": {"message": {"author": {"role": "user"}, "content": {}}}}}',
        ),
        [("field.missing", 2, 0, "/mapping")],
        1,
    ),
}


def read(path, **options):
    results = list(read_file(path, collection="c", **options))
    errors = [each for each in results if isinstance(each, ItemError)]
    return errors, [each for each in results if isinstance(each, IncomingConversation)]


@pytest.fixture
def small_limits():
    return Limits(record_bytes=900, document_bytes=1_000_000)


@pytest.mark.parametrize("name", ROWS)
def test_it_reports_the_bad_and_keeps_the_good(tmp_path, small_limits, name):
    content, expected, good = ROWS[name]
    limits = files.DEFAULT_LIMITS if "100,000" in name or "5,000" in name else small_limits
    path = tmp_path / "chats"
    path.write_bytes(content)
    errors, conversations = read(path, limits=limits)
    assert [(each.code, each.line, each.item, each.pointer) for each in errors] == expected
    assert len(conversations) == good
    for each in errors:
        assert each.file == str(path)
        assert each.reason.endswith(".")
        assert each.mend.endswith(".")
        assert SECRET not in f"{each!r} {each}"
        assert str(path) in str(each)


class TestLongLine:
    """100 MB in one line: skipped without being held."""

    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "long.jsonl"
        with path.open("wb") as handle:
            handle.write(GOOD + b'\n{"messages": "')
            handle.truncate(100_000_000)
            handle.seek(0, os.SEEK_END)
            handle.write(b'"}\n' + GOOD + b"\n")
        return path

    def test_it_reads_on_behind_it_and_stays_small(self, path):
        tracemalloc.start()
        try:
            errors, conversations = read(path)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert [(each.code, each.line) for each in errors] == [("line.too_long", 2)]
        assert len(conversations) == 2
        assert peak < 40_000_000

    def test_it_refuses_a_document_beyond_its_limit(self, path):
        path.write_bytes(array(*[GOOD] * 100))
        errors, conversations = read(path, limits=Limits(document_bytes=4_000))
        assert ([each.code for each in errors], conversations) == (["file.too_large"], [])

    def test_a_line_of_just_the_limit_is_read(self, path):
        path.write_bytes(GOOD + b"\r\n" + GOOD + b" \r\n")
        errors, conversations = read(path, limits=Limits(record_bytes=len(GOOD)))
        assert [(each.code, each.line) for each in errors] == [("line.too_long", 2)]
        assert len(conversations) == 1


class TestNoFile:
    def codes(self, path, **options):
        errors, conversations = read(path, **options)
        assert conversations == []
        assert {(each.line, each.item) for each in errors} == {(None, None)}
        return [each.code for each in errors]

    def test_it_names_what_is_there_instead(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        assert self.codes(tmp_path) == ["file.directory"]
        assert self.codes(tmp_path / "absent") == ["file.missing"]
        assert self.codes(tmp_path / "pipe") == ["file.special"]
        assert self.codes("/dev/null") == ["file.special"]
        assert self.codes("a\x00b") == ["file.missing"]
        assert self.codes("x" * 5_000) == ["file.unreadable"]

    def test_a_file_in_place_of_a_directory_is_a_missing_file(self, tmp_path):
        (tmp_path / "chats").write_bytes(GOOD)
        assert self.codes(tmp_path / "chats" / "a.jsonl") == ["file.missing"]

    @pytest.mark.parametrize("fault", [PermissionError, OSError])
    def test_it_reports_a_file_that_cannot_be_opened(self, tmp_path, monkeypatch, fault):
        def refuse(*_args):
            raise fault("SENTINEL-4711")

        monkeypatch.setattr(files.os, "open", refuse)
        assert self.codes(tmp_path / "chats") == ["file.unreadable"]

    def test_it_reports_a_format_that_is_not_known(self, tmp_path):
        (tmp_path / "chats").write_bytes(GOOD)
        assert self.codes(tmp_path / "chats", format="yaml") == ["format.unknown"]


def test_it_reports_a_file_that_changes_under_it(tmp_path):
    path = tmp_path / "chats"
    path.write_bytes(jsonl(GOOD, GOOD))
    results = read_file(path, collection="c")
    next(results)
    with path.open("ab") as handle:
        handle.write(GOOD)
    assert [each.code for each in results if isinstance(each, ItemError)] == ["file.changed"]


def test_it_escapes_a_name_that_would_write_on_the_terminal(tmp_path):
    path = tmp_path / "a\n\x1b[2J\udcff"
    path.write_bytes(b"")
    [error], _ = read(path)
    assert error.file.endswith("a\\n\\x1b[2J\\udcff")
    assert str(error).isprintable()


def test_it_takes_the_word_of_the_operator_for_the_format(tmp_path):
    path = tmp_path / "chats"
    path.write_bytes(jsonl(GOOD))
    errors, _ = read(path, format="kdconv")
    assert [(each.code, each.pointer) for each in errors] == [("field.missing", "/messages/0/message")]


def test_it_gives_up_on_a_file_that_is_not_json_after_100_lines(tmp_path):
    path = tmp_path / "chats"
    path.write_bytes(b"a,b\n" * 1_000)
    errors, _ = read(path)
    assert [each.code for each in errors] == ["json.syntax"] * 100 + ["format.unknown"]


def test_it_names_the_file_and_counts_its_bytes(tmp_path):
    for content in (jsonl(GOOD, b"", OTHER), array(GOOD, OTHER)):
        path, sizes = tmp_path / "chats", []
        path.write_bytes(content)
        _, conversations = read(path, on_bytes=sizes.append)
        assert {each.source for each in conversations} == {hashlib.sha256(content).hexdigest()}
        assert {each.collection for each in conversations} == {"c"}
        assert len(sizes) == 2
        assert len(content) - 4 <= sum(sizes) <= len(content)
