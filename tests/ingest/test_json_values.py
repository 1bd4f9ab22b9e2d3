"""The strict loader and the walk over values."""

import pytest

from governance.ingest.formats.errors import FormatError
from governance.ingest.formats.json_values import MAX_DEPTH, MAX_NODES, canonical, check_text, loads

SECRET = "SENTINEL-4711"


def nested(depth):
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        pytest.param(b"", "json.syntax", 1, id="nothing"),
        pytest.param(b'{"a": SENTINEL-4711}', "json.syntax", 1, id="bare word"),
        pytest.param(b'{"a":\n "SENTINEL-4711', "json.syntax", 2, id="open string"),
        pytest.param(b'["SENTINEL-4711\\x"]', "json.syntax", 1, id="bad escape"),
        pytest.param(b'["SENTINEL-4711\n"]', "json.syntax", 1, id="raw line end"),
        pytest.param(b"{} SENTINEL-4711", "json.syntax", 1, id="something behind"),
        pytest.param(b'["SENTINEL-4711",\n"\xff"]', "encoding.utf8", 2, id="invalid UTF-8"),
        pytest.param(b'["SENTINEL-4711\xc0\xaf"]', "encoding.utf8", 1, id="overlong UTF-8"),
        pytest.param(b'["SENTINEL-4711\xed\xa0\x80"]', "encoding.utf8", 1, id="surrogate in UTF-8"),
        pytest.param(b'\xef\xbb\xbf["SENTINEL-4711"]', "encoding.bom", 1, id="byte order mark"),
        pytest.param('["SENTINEL-4711"]'.encode("utf-16"), "encoding.utf16", 1, id="UTF-16 with mark"),
        pytest.param('["SENTINEL-4711"]'.encode("utf-16-be"), "encoding.utf16", 1, id="UTF-16 without mark"),
        pytest.param('["SENTINEL-4711"]'.encode("utf-16-le"), "encoding.utf16", 1, id="UTF-16 little-endian"),
        pytest.param('["SENTINEL-4711"]'.encode("utf-32"), "encoding.utf16", 1, id="UTF-32"),
        pytest.param(b'["SENTINEL-4711\x00"]', "text.nul", 1, id="raw zero byte"),
        pytest.param(b"[NaN]", "json.number", 0, id="NaN"),
        pytest.param(b"[-Infinity]", "json.number", 0, id="Infinity"),
        pytest.param(b"[1e999]", "json.number", 0, id="infinite float"),
        pytest.param(b"[" + b"1" * 5_000 + b"]", "json.number", 0, id="5,000 digits"),
        pytest.param(b'{"SENTINEL-4711": 1, "SENTINEL-4711": 2}', "json.duplicate_key", 0, id="name twice"),
        pytest.param(nested(MAX_DEPTH + 1), "json.depth", 0, id="65 deep"),
        pytest.param(nested(100_000), "json.depth", 0, id="100,000 deep"),
        pytest.param(b"[" * 100_000, "json.depth", 0, id="100,000 deep and open"),
        pytest.param(b'{"a":' * 100_000, "json.depth", 0, id="100,000 objects deep"),
        pytest.param(b"[" + b"[]," * 2_000_000 + b"1]", "json.nodes", 0, id="bomb of empty lists"),
    ],
)
def test_it_refuses(data, code, line):
    with pytest.raises(FormatError) as caught:
        loads(data)
    error = caught.value
    assert (error.code, error.line) == (code, line)
    assert error.__cause__ is None
    assert SECRET not in f"{error!r}{error}{error.reason}{error.pointer}"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(nested(MAX_DEPTH), id="64 deep"),
        pytest.param(b'"' + b"[" * 1_000 + b'"', id="brackets in a string"),
        pytest.param(b'["\\\\", "' + b"{" * 1_000 + b'\\"' + b"[" * 1_000 + b'"]', id="brackets behind escapes"),
        pytest.param(b"[" + b"1" * 640 + b"]", id="640 digits"),
        pytest.param(b' \t\r\n{"a": 1.5e3, "b": -0}\n', id="blanks"),
    ],
)
def test_it_reads(data):
    loads(data)


def deep(depth):
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "code", "pointer"),
    [
        pytest.param("\x00", "text.nul", "", id="nul"),
        pytest.param({"content": ["a", {"text": "b\x00"}]}, "text.nul", "/content/1/text", id="nul inside"),
        pytest.param({"metadata": {"Ms Secret": "\ud800"}}, "text.surrogate", "/metadata/<key 1>", id="surrogate"),
        pytest.param({"metadata": {"\udfff": 1}}, "text.surrogate", "/metadata", id="surrogate in a name"),
        pytest.param(deep(MAX_DEPTH + 1), "json.depth", "/0" * MAX_DEPTH, id="65 deep"),
        pytest.param(deep(100_000), "json.depth", "/0" * MAX_DEPTH, id="100,000 deep"),
        pytest.param([0] * MAX_NODES, "json.nodes", "", id="200,001 values"),
        pytest.param([float("nan")], "json.number", "/0", id="NaN"),
        pytest.param([b"x"], "json.type", "/0", id="bytes"),
        pytest.param([{1: 2}], "json.type", "/0", id="number as name"),
        pytest.param([("a",)], "json.type", "/0", id="tuple"),
    ],
)
def test_the_walk_refuses(value, code, pointer):
    with pytest.raises(FormatError) as caught:
        check_text(value)
    assert (caught.value.code, caught.value.pointer) == (code, pointer)


@pytest.mark.parametrize("value", [deep(MAX_DEPTH), [0] * (MAX_NODES - 1), "\U0001f600\uffff", None, {"": [True, 1.5]}])
def test_the_walk_passes(value):
    check_text(value)


def test_the_same_value_has_the_same_bytes():
    assert canonical({"b": [1, "é"], "a": None}) == canonical({"a": None, "b": [1, "é"]}) == b'{"a":null,"b":[1,"\\u00e9"]}'
