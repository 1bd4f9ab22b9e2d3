"""Makes a backup: one consistent snapshot of all tenants, sealed to the recovery key while it is read.

The application's role reads, tenant by tenant, in one REPEATABLE READ transaction: it needs no right that it does not have
already, and no role exists that reads every tenant at once. Rows go from PostgreSQL through one buffer into sealed chunks;
nothing is written in clear. The file has mode 0600, is written beside its place, flushed to the disk, recorded, and then
put there in one step; where anything fails, nothing is left of it.
"""

import hashlib
import os
import secrets
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final
from uuid import UUID

import psycopg
from django.db import connections

from governance.access.acting import require
from governance.audit.canonical import SYSTEM
from governance.audit.errors import SignerMissing
from governance.audit.recording import record_now
from governance.audit.signers import audit_signer
from governance.conf.settings import vault_settings
from governance.crypto.derivation import fingerprint
from governance.crypto.hpke import key_id
from governance.crypto.signing import SigningKey
from governance.custody.recovery import catalogue
from governance.custody.recovery.archive import ArchiveWriter, Header, json_bytes
from governance.custody.recovery.catalogue import Raw, Table
from governance.custody.recovery.errors import FileInTheWay, NothingToBackUp, RecoveryError
from governance.custody.recovery.key_files import collect
from governance.custody.recovery.manifest import Manifest, Tally
from governance.identity.principals import Principal
from governance.keys.providers import listed_uris
from governance.runtime.state import PROJECT

_SNAPSHOT: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_TENANTS: Final = "SELECT id FROM governance_tenant ORDER BY created_at, id"
_SCOPE: Final = "SELECT set_config('governance.tenant', %s, true)"
_HEAD: Final = "SELECT sequence, hash FROM governance_auditentry ORDER BY sequence DESC LIMIT 1"
_VERSIONS: Final = (
    "SELECT r.id, r.use, v.id, v.number, v.state, v.provider_uri, v.wrapped FROM governance_keyring r"
    " JOIN governance_keyversion v ON v.ring_id = r.id ORDER BY r.use, v.number"
)
SIGNED: Final = b"TVB1 signature"


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made; `digest` is the SHA-256 of the file, `signed_by` the audit key's public half.

    `created` lies before the moment that it shows.
    """

    file: str
    created: str
    digest: str
    bytes: int
    tenants: int
    rows: int
    recovery_key: str
    root_key: bool
    signed_by: str


class _Hashed:
    """A file that hashes and counts what is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes, /) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self._file.write(data)


def program_version() -> str:
    """Return the version of this program, as it stands in pyproject.toml."""
    found: str = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    return found


def create_backup(
    *, path: Path, public: bytes, root_key: bool, actor: dict[str, str], now: datetime, principal: Principal | None = None
) -> Made:
    """Write a backup of all tenants to a new file, sealed to `public`; `root_key` says whether root key files go along.

    With a principal it takes the right to manage keys and a fresh second factor; without one the operator acts, who could
    read the database as well. Raises AccessDenied (recorded), FileInTheWay, NothingToBackUp, RecoveryError, RecordRefused.
    """
    if principal is not None:
        require(principal=principal, action="manage_keys", now=now, second_factor=True)
        actor = dict(principal.as_actor())
    if path.exists():
        raise FileInTheWay(f"{path} exists; a backup is never written over another file.")
    with _new_file(path) as file, _snapshot() as raw:
        target = _Hashed(file)
        made = _write(raw, target, path=path, public=public, root_key=root_key, now=now)
        file.flush()
        os.fsync(file.fileno())
        facts = {name: value for name, value in asdict(made).items() if name != "file"}
        record_now(tenant=SYSTEM, event="backup.created", **actor, **facts)
    return made


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file beside `path` that takes its place at the end, and goes away where the block fails."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
        os.link(fresh, path)  # Never replaces a file that came there meanwhile.
        _flush_folder(path.parent)
    except FileExistsError:
        raise FileInTheWay(f"{path} exists; a backup is never written over another file.") from None
    except OSError as error:
        raise RecoveryError(f"{path} cannot be written ({error.strerror}); nothing is left of it.") from None
    finally:
        fresh.unlink(missing_ok=True)


def _flush_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _snapshot() -> Iterator[Raw]:
    """Yield a connection of its own, as the application's role, that sees one moment."""
    wrapper = connections["default"].copy()
    wrapper.connect()
    raw: Raw = wrapper.connection
    try:
        raw.execute(_SNAPSHOT)
        yield raw
    except psycopg.Error as error:
        raise RecoveryError(f"PostgreSQL refused ({type(error).__name__}); no backup was made.") from None
    finally:
        wrapper.close()


def _write(raw: Raw, target: _Hashed, *, path: Path, public: bytes, root_key: bool, now: datetime) -> Made:
    tenants = [row[0] for row in raw.execute(_TENANTS).fetchall()]
    if not tenants:
        raise NothingToBackUp("There is no tenant yet; make one: manage.py setup.")
    signer, root = _signer(), vault_settings().root_key_uri  # The audit key is there before key files are collected.
    rings, chains = _rings(raw, tenants), _chains(raw, tenants)
    in_use = {version["provider"] for ring in rings for version in ring["versions"] if version["wrapped"]}
    header = Header(program_version(), now.isoformat(), str(tenants[0]), key_id(public))
    files = collect({root, *in_use}, listed=listed_uris(), root_keys=root_key)
    writer = ArchiveWriter(target, public=public, header=header, secrets=files)
    contents = _tables(raw, writer, tenants)
    manifest = Manifest(
        migrations=[list(one) for one in catalogue.migrations(raw)],
        tables=contents,
        sequences={name: list(standing) for name, standing in catalogue.sequences(raw).items()},
        chains=chains,
        rings=rings,
        root_key=root,
        root_key_included=bool(files["root_keys"]),
        left_out=sorted(catalogue.LEFT_OUT),
    )
    _end(writer, json_bytes(asdict(manifest)), signer)
    return Made(
        str(path), header.created, target.digest.hexdigest(), target.size, manifest.tenants, manifest.rows,
        header.recovery_key, manifest.root_key_included, signer.public.hex() if signer else "",
    )  # fmt: skip


def _signer() -> SigningKey | None:
    try:
        return audit_signer()
    except SignerMissing:
        return None


def _end(writer: ArchiveWriter, manifest: bytes, signer: SigningKey | None) -> None:
    """Write the manifest and its signature, which is empty where this installation signs nothing."""
    writer.record(b"M", manifest)
    signed = signer.public + signer.sign(SIGNED + writer.context + fingerprint(manifest)) if signer else b""
    writer.record(b"S", signed)
    writer.finish()


def _scope(raw: Raw, tenant: UUID) -> None:
    raw.execute(_SCOPE, [str(tenant)])


def _chains(raw: Raw, tenants: list[UUID]) -> list[dict[str, Any]]:
    found = []
    for tenant in (SYSTEM, *tenants):
        _scope(raw, tenant)
        head = raw.execute(_HEAD).fetchone()
        if head:
            found.append({"tenant": str(tenant), "sequence": head[0], "hash": bytes(head[1]).hex()})
    return found


def _rings(raw: Raw, tenants: list[UUID]) -> list[dict[str, Any]]:
    found: dict[UUID, dict[str, Any]] = {}
    for tenant in tenants:
        _scope(raw, tenant)
        for ring, use, number, *more in raw.execute(_VERSIONS).fetchall():
            row = found.setdefault(ring, {"tenant": str(tenant), "ring": str(ring), "use": use, "versions": []})
            count, state, provider, wrapped = more
            row["versions"].append(
                {
                    "id": str(number), "number": count, "state": state, "provider": provider,
                    "wrapped": bytes(wrapped).hex() if wrapped is not None else "",
                }
            )  # fmt: skip
    return list(found.values())


def _tables(raw: Raw, writer: ArchiveWriter, tenants: list[UUID]) -> dict[str, Any]:
    tally = Tally()
    for table in catalogue.tables(raw):
        tally.table(table)
        for tenant in (SYSTEM, *tenants) if table.of_tenants else (None,):
            if tenant is not None:
                _scope(raw, tenant)
            _rows(raw, writer, table, tenant, tally)
    return tally.contents()


def _rows(raw: Raw, writer: ArchiveWriter, table: Table, tenant: UUID | None, tally: Tally) -> None:
    begin = {"table": table.name, "tenant": str(tenant) if tenant else ""}
    writer.record(b"T", json_bytes(begin))
    tally.part(table.name, tenant)
    with raw.cursor() as cursor:
        with cursor.copy(table.copy("TO STDOUT")) as copy:
            for piece in copy:
                writer.record(b"D", piece)
                tally.data(table.name, piece)
        rows = cursor.rowcount
    tally.end(table.name, rows)
    writer.record(b"E", json_bytes({"rows": rows}))
