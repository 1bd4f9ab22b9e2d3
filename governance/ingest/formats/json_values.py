"""Strict JSON: bytes become values, values become bytes to hash, and neither can do harm.

- Depth and number of values are counted on the bytes, before anything is built, so a bomb costs no memory and no
  recursion.
- Refused: NaN, infinities (also as 1e999), integers that Python would not convert, names given twice in an object,
  U+0000, lone surrogates, anything that is not UTF-8.
- Every refusal is a FormatError without text.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from governance.ingest.formats.errors import FormatError
from governance.ingest.formats.pointers import Token, shown

MAX_DEPTH = 64
MAX_NODES = 200_000
# A body of 8 MiB that holds chats has fewer than 500,000 values; more are a bomb of empty lists.
MAX_DOCUMENT_NODES = 1_000_000
# The longest integer that every Python converts, whatever its limit is set to (`sys.int_info`).
MAX_DIGITS = 640

_BOM = b"\xef\xbb\xbf"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_NOT_STRUCTURE = bytes(set(range(256)) - set(b"[]{},"))
_NOT_BRACKETS = b","
_TEXT_REASONS = {"text.nul": "A string holds U+0000.", "text.surrogate": "A string holds half a surrogate pair."}

# The way from the root to a value, innermost last: (way of the parent, key or index, place among the parent's keys).
_Way = tuple[Any, Token, int] | None


def loads(data: bytes) -> Any:
    """The JSON value in `data`, whose size the caller has checked; FormatError with the line where it is refused."""
    _refuse_foreign_encodings(data)
    _refuse_bombs(data)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError("encoding.utf8", reason="The data is not valid UTF-8.", line=line) from None
    try:
        return json.loads(
            text,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_constant,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        reason = f"The data is not valid JSON at column {error.colno}."
        raise FormatError("json.syntax", reason=reason, line=error.lineno) from None


def canonical(value: Any) -> bytes:
    """The same bytes for the same JSON value: sorted names, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def looks_wide(data: bytes) -> bool:
    """Whether the bytes are UTF-16 or UTF-32: by their mark, or as JSON starts with two ASCII characters."""
    return data.startswith(_WIDE_MARKS) or (b"\x00" in data[:4] and any(data[:4]))


def skeleton(data: bytes) -> bytes:
    """The brackets and commas of `data` that stand outside strings, in order."""
    outside = masked(data).split(b'"')[0::2]
    return b"".join(outside).translate(None, _NOT_STRUCTURE)


def masked(data: bytes) -> bytes:
    """`data`, as long as before, with every escaped quote and backslash blotted out: each quote left is a border."""
    if b"\\" not in data:
        return data
    return data.replace(b"\\\\", b"__").replace(b'\\"', b"__")


def _refuse_foreign_encodings(data: bytes) -> None:
    if data.startswith(_BOM):
        raise FormatError("encoding.bom", reason="The data starts with a byte order mark.", line=1)
    if looks_wide(data):
        raise FormatError("encoding.utf16", reason="The data is UTF-16 or UTF-32.", line=1)
    zero = data.find(b"\x00")
    if zero >= 0:
        line = data.count(b"\n", 0, zero) + 1
        raise FormatError("text.nul", reason="The data holds a zero byte.", line=line)


def _refuse_bombs(data: bytes) -> None:
    if data.count(b"[") + data.count(b"{") + data.count(b",") < MAX_DEPTH:
        return
    structure = skeleton(data)
    if len(structure) > MAX_DOCUMENT_NODES:
        raise FormatError("json.nodes", reason=f"The data holds more than {MAX_DOCUMENT_NODES} values.")
    depth = 0
    for byte in structure.translate(None, _NOT_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        if depth > MAX_DEPTH:
            raise FormatError("json.depth", reason=f"The data is nested deeper than {MAX_DEPTH} levels.")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise FormatError("json.number", reason=f"An integer has more than {MAX_DIGITS} digits.")
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise FormatError("json.number", reason="A number is too large for a double.")
    return number


def _constant(_name: str) -> NoReturn:
    raise FormatError("json.number", reason="NaN and infinities are not JSON.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise FormatError("json.duplicate_key", reason="An object gives a name twice, so one value would be lost.")
    return members


def check_text(value: Any) -> None:
    """Raise FormatError unless `value` is a JSON value that can be stored.

    At most 64 levels and 200,000 values, no U+0000, no lone surrogate, no NaN; names of members are checked too. Walks
    without recursion.
    """
    stack: list[tuple[Any, int, _Way]] = [(value, 1, None)]
    seen = 0
    while stack:
        node, depth, way = stack.pop()
        seen += 1
        if seen > MAX_NODES:
            raise FormatError("json.nodes", reason=f"The value holds more than {MAX_NODES} values.")
        if isinstance(node, (Mapping, list)):
            _refuse_depth(depth, way)
            stack.extend((child, depth + 1, (way, token, place)) for token, place, child in _children(node, way))
        else:
            _refuse_scalar(node, way)


def _children(node: Mapping[Any, Any] | list[Any], way: _Way) -> list[tuple[Token, int, Any]]:
    if isinstance(node, list):
        return [(index, index, child) for index, child in enumerate(node)]
    for name in node:
        if not isinstance(name, str):
            raise FormatError("json.type", reason="A name in an object is not a string.", pointer=_pointer(way))
        _refuse_string(name, way)
    return [(name, place, child) for place, (name, child) in enumerate(node.items(), start=1)]


def _refuse_depth(depth: int, way: _Way) -> None:
    if depth > MAX_DEPTH:
        reason = f"The value is nested deeper than {MAX_DEPTH} levels."
        raise FormatError("json.depth", reason=reason, pointer=_pointer(way))


def _refuse_scalar(node: Any, way: _Way) -> None:
    if isinstance(node, str):
        _refuse_string(node, way)
    elif isinstance(node, float) and not math.isfinite(node):
        raise FormatError("json.number", reason="NaN and infinities are not JSON.", pointer=_pointer(way))
    elif node is not None and not isinstance(node, (bool, int, float)):
        raise FormatError("json.type", reason="The value is not a JSON value.", pointer=_pointer(way))


def _refuse_string(text: str, way: _Way) -> None:
    code = _fault(text)
    if code:
        raise FormatError(code, reason=_TEXT_REASONS[code], pointer=_pointer(way))


def _fault(text: str) -> str:
    if "\x00" in text:
        return "text.nul"
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return "text.surrogate"
    return ""


def _pointer(way: _Way) -> str:
    tokens: list[tuple[Token, int]] = []
    while way is not None:
        way, token, place = way
        tokens.append((token, place))
    return shown(reversed(tokens))
