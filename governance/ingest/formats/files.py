"""A file of chats becomes conversations, one at a time; what is refused is reported and the reading goes on.

The file is read twice, for its SHA-256 (the source of its conversations) and for its records. A JSONL file is read
line by line; a JSON array is held in memory as bytes, up to a limit.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from itertools import islice
from typing import Any

from governance.ingest.formats import records
from governance.ingest.formats.assembly import Origin
from governance.ingest.formats.errors import FormatError, ItemError
from governance.ingest.formats.incoming import IncomingConversation
from governance.ingest.formats.json_values import looks_wide
from governance.ingest.formats.recognising import Format, by_name, recognise_first, unknown

# The format is told from the first record that is of any; an export may start with broken entries.
RECOGNISE_WITHIN = 100

_BOM = b"\xef\xbb\xbf"
_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")
_OPEN_FAULTS: tuple[tuple[type[OSError], str, str], ...] = (
    (FileNotFoundError, "file.missing", "There is no such file."),
    (NotADirectoryError, "file.missing", "There is no such file."),
    (PermissionError, "file.unreadable", "The file may not be read by this account."),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """In bytes: the longest line or item of an array, and the largest file that is one JSON value."""

    record_bytes: int = 8 * 1024 * 1024
    document_bytes: int = 256 * 1024 * 1024


DEFAULT_LIMITS = Limits()


def read_file(
    path: str | os.PathLike[str],
    *,
    collection: str,
    format: str = "auto",  # noqa: A002  # The word of the command line.
    limits: Limits = DEFAULT_LIMITS,
    on_bytes: Callable[[int], object] | None = None,
) -> Iterator[IncomingConversation | ItemError]:
    """Yield each conversation of the file in order, and an ItemError for each record that is refused.

    `format` is "auto" or one of `recognising.NAMES`. `on_bytes` is called with the bytes that each record took, for a
    progress bar. Nothing is raised for a bad file: the file as a whole is an ItemError then, too.
    """
    name = shown_path(path)
    try:
        with _opened(path) as handle:
            yield from _Reading(handle, name, collection, format, limits, on_bytes).results()
    except FormatError as error:
        yield _item_error(name, error, None)
    except OSError:
        yield _item_error(name, FormatError("file.unreadable", reason="The file cannot be read."), None)


def shown_path(path: str | os.PathLike[str]) -> str:
    """The path as it may be printed: what is not printable (a line end, an escape, a stray byte) is escaped."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in os.fsdecode(path))


@dataclass(slots=True)
class _Reading:
    """One file that is being read."""

    handle: BufferedReader
    name: str
    collection: str
    format: str
    limits: Limits
    on_bytes: Callable[[int], object] | None
    start: int = 0
    content: bytes | None = None  # of a file that is one JSON value

    def results(self) -> Iterator[IncomingConversation | ItemError]:
        before = os.fstat(self.handle.fileno())
        source = hashlib.file_digest(self.handle, "sha256").hexdigest()
        self._prepare()
        chosen = self._format()
        empty = True
        for result in self._conversations(chosen, source) if chosen else self._refusals():
            empty = False
            yield result
        if empty:
            raise FormatError("file.empty", reason="The file holds no conversation.")
        after = os.fstat(self.handle.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise FormatError("file.changed", reason="The file changed while it was read.")

    def _prepare(self) -> None:
        """Refuse what is no text, find the first byte of text, and read a file whole that is one JSON value."""
        self.handle.seek(0)
        head = self.handle.read(8)
        if head.startswith(_ARCHIVES):
            raise FormatError("file.archive", reason="The file is an archive.")
        if looks_wide(head):
            raise FormatError("encoding.utf16", reason="The file is UTF-16 or UTF-32.")
        self.start = len(_BOM) if head.startswith(_BOM) else 0
        self.handle.seek(self.start)
        if records.is_document(self.handle, longest=self.limits.record_bytes):
            self.content = self._whole()

    def _whole(self) -> bytes:
        self.handle.seek(self.start)
        content = self.handle.read(self.limits.document_bytes + 1)
        if len(content) > self.limits.document_bytes:
            reason = f"The file is one JSON value of more than {self.limits.document_bytes} bytes."
            raise FormatError("file.too_large", reason=reason)
        return content

    def _records(self) -> Iterator[records.Record]:
        """The records from the first on, however often it is called."""
        if self.content is not None:
            return records.document(self.content, longest=self.limits.record_bytes)
        self.handle.seek(self.start)
        return records.lines(self.handle, longest=self.limits.record_bytes)

    def _format(self) -> Format | None:
        if self.format != "auto":
            return by_name(self.format)
        return recognise_first(self._readable(islice(self._records(), RECOGNISE_WITHIN)))

    def _readable(self, some: Iterator[records.Record]) -> Iterator[Any]:
        for record in some:
            try:
                yield record.value()
            except FormatError:
                continue  # Reported when its turn comes.

    def _conversations(self, chosen: Format, source: str) -> Iterator[IncomingConversation | ItemError]:
        seen: set[bytes] = set()
        for record in self._records():
            position = record.line if record.item is None else record.item
            try:
                conversation = chosen.parse(record.value(), Origin(self.collection, source, position))
                _refuse_repeated(conversation, seen)
            except FormatError as error:
                yield _item_error(self.name, error, record)
            else:
                yield conversation
            if self.on_bytes is not None:
                self.on_bytes(record.size)

    def _refusals(self) -> Iterator[ItemError]:
        """Why no record is of a known format: each that cannot be read, up to the first that can."""
        for index, record in enumerate(self._records()):
            if index == RECOGNISE_WITHIN:
                raise unknown(f"None of the first {RECOGNISE_WITHIN} records can be read")
            try:
                record.value()
            except FormatError as error:
                yield _item_error(self.name, error, record)
            else:
                yield _item_error(self.name, unknown("The data is of no known format"), record)
                return


def _refuse_repeated(conversation: IncomingConversation, seen: set[bytes]) -> None:
    digest = hashlib.sha256(conversation.external_id.encode()).digest()[:16]
    if digest in seen:
        raise FormatError("id.duplicate", reason="An earlier conversation of the file has the same id.")
    seen.add(digest)


def _item_error(name: str, error: FormatError, record: records.Record | None) -> ItemError:
    return ItemError(
        file=name,
        code=error.code,
        reason=error.reason,
        pointer=error.pointer,
        line=None if record is None else record.line + max(error.line, 1) - 1,
        item=None if record is None else record.item,
    )


def _opened(path: str | os.PathLike[str]) -> BufferedReader:
    """The regular file at `path`, open; a pipe is refused without waiting for its other end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        for kind, code, reason in _OPEN_FAULTS:
            if isinstance(error, kind):
                raise FormatError(code, reason=reason) from None
        raise
    except ValueError:
        raise FormatError("file.missing", reason="No file can have that path.") from None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise FormatError("file.directory", reason="The path is a directory.")
    raise FormatError("file.special", reason="The path is a pipe or a device.")
