"""Reads a backup file from end to end, without a database: every byte of it is authenticated before anything is done.

What it guarantees: the file was sealed to this recovery key, is whole, and its rows are those that its manifest counts and
hashes. Who sealed it is said by the signature alone, for anybody may seal to a public key: compare `signed_by` with the
public key that you have of the installation's record.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final
from uuid import UUID

from governance.crypto.derivation import fingerprint
from governance.crypto.hpke import RecipientKey
from governance.crypto.signing import BadSignature, verify
from governance.custody.recovery.archive import Archive, Header, header_of, open_archive
from governance.custody.recovery.backing_up import SIGNED
from governance.custody.recovery.catalogue import Table
from governance.custody.recovery.errors import BackupDamaged, RecoveryError, SignedByAnother
from governance.custody.recovery.manifest import Manifest, Tally

_KEY: Final = 32
_BEGIN: Final = b""
# What may stand before a record of each kind; a file begins with the first table and ends with the signature.
_AFTER: Final = {
    b"T": (_BEGIN, b"E"), b"D": (b"T", b"D"), b"E": (b"T", b"D"), b"M": (b"E",), b"S": (b"M",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Checked:
    """What a whole file holds; `secrets` are its key files and show nowhere."""

    header: Header
    manifest: Manifest
    digest: str
    bytes: int
    signed_by: str
    secrets: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one table and tenant begin."""

    table: str
    tenant: UUID | None


@dataclass(frozen=True, slots=True)
class End:
    """They end."""

    table: str
    rows: int


def check_backup(*, path: Path, recovery: RecipientKey, signed_by: str = "") -> Checked:
    """Read the file to its end. Raises WrongRecoveryKey, BackupDamaged, SignedByAnother (another key than `signed_by`)."""
    with opened(path) as file:
        source = _Hashed(file)
        archive = open_archive(source, recovery=recovery)
        seen = Seen(archive)
        for _ in seen.parts():
            pass
    found = seen.signed_by
    if signed_by and found != signed_by.strip().lower():
        raise SignedByAnother(f"The backup is signed by {found or 'nobody'}, not by the key that you named.")
    return Checked(archive.header, seen.manifest, source.digest.hexdigest(), source.size, found, archive.secrets)


def read_header(path: Path) -> Header:
    """Return what a backup tells in clear, which nothing proves. Raises BackupDamaged, RecoveryError."""
    with opened(path) as file:
        return header_of(file)


def opened(path: Path) -> BinaryIO:
    """Return the file, opened for reading. Raises RecoveryError."""
    try:
        return path.open("rb")
    except OSError as error:
        raise RecoveryError(f"The backup {path} cannot be read ({type(error).__name__}).") from None


class _Hashed:
    """A file that hashes and counts what is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int, /) -> bytes:
        found = self._file.read(size)
        self.digest.update(found)
        self.size += len(found)
        return found


class Seen:
    """Walks the records of an archive in the order that they must have, and holds them against the manifest at the end."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._tally = Tally()
        self._known: set[str] = set()
        self._manifest: Manifest | None = None
        self._table = ""
        self._said = b""
        self.signed_by = ""
        self._takes: dict[bytes, Callable[[bytes], Part | bytes | End | None]] = {
            b"T": self._begin, b"D": self._data, b"E": self._end, b"M": self._keep, b"S": self._finish,
        }  # fmt: skip

    @property
    def manifest(self) -> Manifest:
        """The manifest, once `parts` has come to its end."""
        if self._manifest is None:
            raise BackupDamaged
        return self._manifest

    def parts(self) -> Iterator[Part | bytes | End]:
        """Yield each part, its pieces of rows, and its end. Raises BackupDamaged."""
        before = b""
        for kind, payload in self._archive.records:
            if before not in _AFTER.get(kind, ()):
                raise BackupDamaged
            try:
                step = self._takes[kind](payload)
            except (ValueError, TypeError, KeyError):
                raise BackupDamaged from None
            if step is not None:
                yield step
            before = kind
        if before != b"S":
            raise BackupDamaged

    def _begin(self, payload: bytes) -> Part:
        given = json.loads(payload)
        part = Part(given["table"], UUID(given["tenant"]) if given["tenant"] else None)
        if part.table not in self._known:
            self._known.add(part.table)
            self._tally.table(Table(part.table, (), of_tenants=False))
        self._tally.part(part.table, part.tenant)
        self._table = part.table
        return part

    def _data(self, payload: bytes) -> bytes:
        self._tally.data(self._table, payload)
        return payload

    def _end(self, payload: bytes) -> End:
        rows = json.loads(payload)["rows"]
        self._tally.end(self._table, rows)
        return End(self._table, rows)

    def _keep(self, payload: bytes) -> None:
        self._said = payload

    def _finish(self, signature: bytes) -> None:
        raw = self._said
        manifest = Manifest(**json.loads(raw))
        counted = self._tally.contents()
        said = {name: {**content, "columns": []} for name, content in manifest.tables.items()}
        if counted != said:
            raise BackupDamaged
        if signature:
            public, signed = signature[:_KEY], SIGNED + self._archive.context + fingerprint(raw)
            try:
                verify(public, signature[_KEY:], signed)
            except BadSignature:
                raise BackupDamaged from None
            self.signed_by = public.hex()
        self._manifest = manifest
