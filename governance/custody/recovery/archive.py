"""A backup file, byte by byte. Everything behind the header is sealed to the recovery key.

    bytes  field
    4      magic `TVB1`
    2 + n  header, JSON in clear: format, version of the program, created, installation, id of the recovery key
    4 + m  HPKE: the key of the stream, and the key files that the backup holds, sealed to the recovery key
    rest   a sealed stream (`crypto/sealed_stream.py`) of records: kind (1), length (4), payload

The HPKE `info` is the purpose and the header, the context of the stream the SHA-256 of all that stands before it: no part
of one backup opens in another. Records are `T` (a table's rows of one tenant begin), `D` (rows, as PostgreSQL's binary
COPY has them), `E` (they end; how many), `M` (the manifest) and last `S` (its signature). All integers are big-endian.
"""

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from governance.crypto.derivation import fingerprint, join_parts
from governance.crypto.errors import CannotOpen
from governance.crypto.hpke import RecipientKey, key_id, seal_to
from governance.crypto.sealed_stream import Source, StreamSealer, Target, open_stream
from governance.crypto.wrapping import new_secret
from governance.custody.recovery.errors import BackupDamaged, WrongRecoveryKey

MAGIC: Final = b"TVB1"
FORMAT: Final = 1
_PURPOSE: Final = b"threadvault/1/backup"
_MOST: Final = 256 * 1024 * 1024
_SHORT: Final = struct.Struct(">H")
_LONG: Final = struct.Struct(">I")
_RECORD: Final = struct.Struct(">cI")


@dataclass(frozen=True, slots=True)
class Header:
    """What a backup tells without its key. `installation` is the id of the first tenant, `created` is in ISO 8601."""

    version: str
    created: str
    installation: str
    recovery_key: str
    format: int = FORMAT


def json_bytes(value: object) -> bytes:
    """Return JSON with sorted keys and no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class ArchiveWriter:
    """Writes one backup to `target`; nothing is kept but the chunk that is being filled."""

    def __init__(self, target: Target, *, public: bytes, header: Header, secrets: Mapping[str, Any]) -> None:
        stream_key, shown = new_secret(), json_bytes(asdict(header))
        inside = json_bytes({"stream_key": stream_key.hex(), "secrets": secrets})
        sealed = seal_to(public, inside, info=join_parts(_PURPOSE, shown))
        begin = MAGIC + _SHORT.pack(len(shown)) + shown + _LONG.pack(len(sealed)) + sealed
        target.write(begin)
        self.context = fingerprint(begin)
        self._stream = StreamSealer(target, secret=stream_key, context=self.context)

    def record(self, kind: bytes, payload: bytes | bytearray | memoryview = b"") -> None:
        """Add a record."""
        self._stream.write(_RECORD.pack(kind, len(payload)))
        self._stream.write(payload)

    def finish(self) -> None:
        """Seal the end: nothing follows."""
        self._stream.finish()


@dataclass(frozen=True, slots=True, repr=False)
class Archive:
    """An opened backup: header, key files, and the records from here to the end."""

    header: Header
    secrets: Mapping[str, Any]
    context: bytes
    records: Iterator[tuple[bytes, bytes]]


def open_archive(file: Source, *, recovery: RecipientKey) -> Archive:
    """Open a backup. Raises WrongRecoveryKey, BackupDamaged; the records raise BackupDamaged where they do not open."""
    magic, shown, header = _header(file)
    if header.recovery_key != key_id(recovery.public):
        raise WrongRecoveryKey(
            f"The backup is sealed to the recovery key {header.recovery_key}; this one is {key_id(recovery.public)}."
        )
    sealed = _exactly(file, _LONG.unpack(_exactly(file, _LONG.size))[0])
    try:
        inside = json.loads(recovery.open(sealed, info=join_parts(_PURPOSE, shown)))
    except CannotOpen:
        raise BackupDamaged from None
    context = fingerprint(magic + _SHORT.pack(len(shown)) + shown + _LONG.pack(len(sealed)) + sealed)
    stream = open_stream(file, secret=bytes.fromhex(inside["stream_key"]), context=context)
    return Archive(header, inside["secrets"], context, _records(stream))


def header_of(file: Source) -> Header:
    """Return what a backup tells in clear, unverified. Raises BackupDamaged."""
    return _header(file)[2]


def _header(file: Source) -> tuple[bytes, bytes, Header]:
    magic = _exactly(file, len(MAGIC))
    if magic != MAGIC:
        raise BackupDamaged
    shown = _exactly(file, _SHORT.unpack(_exactly(file, _SHORT.size))[0])
    try:
        header = Header(**json.loads(shown))
    except (ValueError, TypeError):
        raise BackupDamaged from None
    if header.format != FORMAT:
        raise BackupDamaged
    return magic, shown, header


def _exactly(file: Source, size: int) -> bytes:
    found = file.read(size) if size <= _MOST else b""
    if len(found) != size or size == 0:
        raise BackupDamaged
    return found


class _Cutter:
    """Cuts bytes into records as they come."""

    def __init__(self) -> None:
        self.waiting = bytearray()
        self.begun: tuple[bytes, int] | None = None

    def take(self, chunk: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the records that are complete with `chunk`."""
        self.waiting += chunk
        while (size := self._size()) is not None and len(self.waiting) >= size:
            kind, payload = self._kind(), bytes(self.waiting[:size])
            del self.waiting[:size]
            self.begun = None
            yield kind, payload

    def _kind(self) -> bytes:
        return self.begun[0] if self.begun else b""

    def _size(self) -> int | None:
        if self.begun is None and len(self.waiting) >= _RECORD.size:
            kind, size = _RECORD.unpack_from(self.waiting)
            if size > _MOST:
                raise BackupDamaged
            self.begun = kind, size
            del self.waiting[: _RECORD.size]
        return self.begun[1] if self.begun else None


def _records(stream: Iterator[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Cut a stream into its records. The last is the signature, and it ends with the stream."""
    cutter, kind = _Cutter(), b""
    try:
        for chunk in stream:
            for kind, payload in cutter.take(chunk):
                yield kind, payload
    except CannotOpen:
        raise BackupDamaged from None
    if cutter.waiting or cutter.begun or kind != b"S":
        raise BackupDamaged
