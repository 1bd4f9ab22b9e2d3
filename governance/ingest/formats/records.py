"""A file's bytes cut into records: the lines of a JSONL file, or the items of one JSON array.

An array is cut without being parsed, so that one bad item costs itself only and memory holds one parsed item at a
time. Cutting looks at brackets, commas and quotes; whether an item is JSON is for `json_values.loads` to say.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from typing import Any

from governance.ingest.formats.errors import FormatError
from governance.ingest.formats.json_values import MAX_DEPTH, loads, masked, skeleton

BLANKS = b" \t\r\n"
_CHUNK = 65_536
_TOKENS = re.compile(rb'"[^"]*"?|[\[\]{},]')


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its bytes or why it has none; the line it starts in (from 1), its index in an array (from 0)."""

    data: bytes | FormatError = field(repr=False)
    line: int
    item: int | None = None
    size: int = 0

    def value(self) -> Any:
        """The JSON value; FormatError where the record is refused."""
        if isinstance(self.data, FormatError):
            raise self.data
        return loads(self.data)


def is_document(handle: BufferedReader, *, longest: int) -> bool:
    """Whether the file is one JSON value (an array, or an object over several lines) and not a record a line."""
    first = _next_line(handle, longest)
    if first.startswith(b"["):
        return True
    if len(first) > longest or _balance(first) <= 0:
        return False
    # A first line that was cut short is followed by the next record, the first line of an object by its fields.
    return not _next_line(handle, longest).startswith(b"{")


def lines(handle: BufferedReader, *, longest: int) -> Iterator[Record]:
    """One record a line that is not blank; of a line beyond `longest` bytes no more than that is ever in memory."""
    number = 0
    while raw := handle.readline(longest + 2):
        number += 1
        size = len(raw)
        data = raw.strip(BLANKS)
        if len(raw.rstrip(b"\r\n")) > longest:
            size += _skip_line(handle, raw)
            reason = f"The line is longer than {longest} bytes."
            yield Record(FormatError("line.too_long", reason=reason), number, size=size)
        elif data:
            yield Record(data, number, size=size)


def document(data: bytes, *, longest: int) -> Iterator[Record]:
    """The items of the array in `data`; or `data` itself, where it holds an object."""
    if not data.lstrip(BLANKS).startswith(b"["):
        yield _cut(data, 0, len(data), line=1, item=0, longest=longest)
        return
    line, counted, index, start, kind = 1, 0, 0, data.index(b"[") + 1, b""
    for end, kind, depth in _borders(masked(data)):
        line += data.count(b"\n", counted, start)
        counted = start
        record = _cut(data, start, end, line=line, item=index, longest=longest)
        if not kind:
            yield from _unfinished(record, depth)
        elif index or kind == b"," or record.data:
            yield record
        index, start = index + 1, end + 1
    if kind == b"}" or data[start:].strip(BLANKS):
        reason = "The array is not closed by a bracket, or something follows it."
        yield Record(FormatError("json.trailing", reason=reason), line + data.count(b"\n", counted, start))


def _borders(plain: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Where each item of the outermost array ends, and at what: a comma, the bracket, or b"" at the end of the data.

    The third value is the depth there: 1, or more where the data ends inside an item.
    """
    depth = 0
    for token in _TOKENS.finditer(plain):
        byte = token[0]
        if byte in (b"[", b"{"):
            depth += 1
        elif byte in (b"]", b"}"):
            depth -= 1
            if depth == 0:
                yield token.start(), byte, 1
                return
        elif byte == b"," and depth == 1:
            yield token.start(), byte, depth
    yield len(plain), b"", depth


def _cut(data: bytes, start: int, end: int, *, line: int, item: int, longest: int) -> Record:
    piece = data[start:end]
    lead = len(piece) - len(piece.lstrip(BLANKS))
    line += piece.count(b"\n", 0, lead)
    piece = piece.strip(BLANKS)
    if len(piece) > longest:
        reason = f"The item is longer than {longest} bytes."
        return Record(FormatError("item.too_large", reason=reason), line, item, end - start)
    return Record(piece, line, item, end - start)


def _unfinished(record: Record, depth: int) -> Iterator[Record]:
    """What is said of the end of an array that is not closed: its last item, where that is whole, and the fault."""
    if depth == 1 and record.data:
        yield record
    error = FormatError("json.truncated", reason="The array is not closed.")
    if depth > MAX_DEPTH:
        error = FormatError("json.depth", reason=f"The data is nested deeper than {MAX_DEPTH} levels.")
    yield Record(error, record.line, None if depth == 1 else record.item)


def _next_line(handle: BufferedReader, longest: int) -> bytes:
    while raw := handle.readline(longest + 2):
        line = raw.strip(BLANKS)
        if line:
            return line
    return b""


def _skip_line(handle: BufferedReader, chunk: bytes) -> int:
    """Read on to the end of the line that `chunk` began; how many bytes that took."""
    skipped = 0
    while chunk and not chunk.endswith(b"\n"):
        chunk = handle.readline(_CHUNK)
        skipped += len(chunk)
    return skipped


def _balance(line: bytes) -> int:
    structure = skeleton(line)
    opened = structure.count(b"[") + structure.count(b"{")
    return opened - structure.count(b"]") - structure.count(b"}")
