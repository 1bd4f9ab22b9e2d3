"""Restores a backup into an empty database: everything in one transaction, or nothing.

In this order, and each step leaves things as they were where it fails:

1. the whole file is read and authenticated (`checking`), and its schema compared with this program's;
2. an unmigrated database is migrated; one that holds anything is refused;
3. the key files of the backup are put in their places, and every key version is unwrapped by its provider;
4. one transaction of the owner: tables locked and empty, row security not forced and our triggers off, rows filled in and
   counted, sequences set, foreign keys checked, chains and keys proven (`proving`), guards on again as they were, and
   `backup.restored` as the last statement.

Between steps 3 and 4 is the place of the erasure ledger: a backup that is older than an erasure brings the person back.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
from django.core.management import call_command
from django.db import connections, transaction
from django.db.migrations.loader import MigrationLoader
from psycopg.sql import SQL, Identifier

from governance.audit.canonical import SYSTEM
from governance.audit.recording import record_on
from governance.conf.settings import vault_settings
from governance.crypto.hpke import RecipientKey
from governance.crypto.wrapping import WrappingKey
from governance.custody.recovery import catalogue
from governance.custody.recovery.archive import open_archive
from governance.custody.recovery.backing_up import program_version
from governance.custody.recovery.catalogue import MADE_BY_MIGRATE, Raw, Table
from governance.custody.recovery.checking import Checked, Part, Seen, check_backup, opened
from governance.custody.recovery.errors import NotEmpty, NotProven, RecoveryError, SchemaDiffers
from governance.custody.recovery.key_files import Placed, place_files, places
from governance.custody.recovery.manifest import Manifest
from governance.custody.recovery.proving import Proof, prove, unwrap_versions
from governance.keys.warming import cool

OWNER: Final = "owner"
# In one statement: the place of one key then may be that of another now.
_MOVED: Final = (
    "UPDATE governance_keyversion v SET provider_uri = m.place FROM unnest(%s::text[], %s::text[]) AS m(uri, place)"
    " WHERE v.provider_uri = m.uri"
)


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored and proven; `files` are the key files that were written.

    `providers` are those beside the root key that versions of keys name now.
    """

    created: str
    installation: str
    tenants: int
    rows: int
    chains: int
    entries: int
    data_keys: int
    envelopes: int
    signed_by: str
    files: tuple[str, ...]
    providers: tuple[str, ...]


def restore_backup(*, path: Path, recovery: RecipientKey, actor: dict[str, str], signed_by: str = "") -> Restored:
    """Restore the file into the empty database of this installation, as its owner.

    Raises WrongRecoveryKey, BackupDamaged, SignedByAnother, SchemaDiffers, NotEmpty, FileInTheWay, NotProven, RecordRefused;
    nothing is restored then.
    """
    checked = check_backup(path=path, recovery=recovery, signed_by=signed_by)
    manifest = checked.manifest
    check_schema(checked)
    _prepare()
    used = {version["provider"] for ring in manifest.rings for version in ring["versions"]}
    at, placed = places(manifest.root_key, used), Placed()
    try:
        place_files(checked.secrets, at=at, placed=placed)
        keys = unwrap_versions(manifest, at=at, came=checked.secrets["root_keys"])
        proof = _fill(path, recovery, checked, at=at, keys=keys, actor=actor)
    except BaseException:
        placed.undo()
        raise
    cool()
    return Restored(
        checked.header.created, checked.header.installation, manifest.tenants, manifest.rows, proof.chains, proof.entries,
        proof.data_keys, proof.envelopes, checked.signed_by, tuple(str(file) for file in placed.written),
        tuple(sorted({at[uri] for uri in used} - {vault_settings().root_key_uri})),
    )  # fmt: skip


def check_schema(checked: Checked) -> None:
    """Return where this program has the tables of the backup. Raises SchemaDiffers with the version that restores it."""
    known = set(MigrationLoader(None).graph.nodes)
    applied = {(app, name) for app, name in checked.manifest.migrations}
    theirs, ours = checked.header.version, program_version()
    if newer := sorted(applied - known):
        raise SchemaDiffers(
            f"The backup was made by version {theirs} with {'.'.join(newer[-1])}, which this version ({ours}) does not know."
            " Restore it with that version or a newer one."
        )
    if missing := sorted(known - applied):
        raise SchemaDiffers(
            f"The backup was made by version {theirs} before {'.'.join(missing[0])}; this is version {ours}. Restore it with"
            " that version into an empty database; this version then migrates it."
        )


def _prepare() -> None:
    """Migrate a database that has no tables yet. Raises NotEmpty where it is in use."""
    with _raw() as raw:
        for name in ("governance_tenant", "governance_user"):
            if catalogue.exists(raw, name):
                _refuse_filled(catalogue.filled(raw, [name]))
    call_command("migrate", database=OWNER, interactive=False, verbosity=0)


def _refuse_filled(name: str) -> None:
    if name:
        raise NotEmpty(f"The database is in use ({name} has rows). Restore into an empty one; nothing was changed.")


@contextmanager
def _raw() -> Iterator[Raw]:
    """Yield the owner's connection as psycopg has it; what PostgreSQL refuses becomes an error of ours, without its text."""
    connections[OWNER].ensure_connection()
    raw: Raw = connections[OWNER].connection
    try:
        yield raw
    except psycopg.Error as error:
        raise RecoveryError(f"PostgreSQL refused ({type(error).__name__}); nothing was restored.") from None


def _fill(
    path: Path,
    recovery: RecipientKey,
    checked: Checked,
    *,
    at: Mapping[str, str],
    keys: Mapping[UUID, WrappingKey],
    actor: dict[str, str],
) -> Proof:
    with _raw() as raw, transaction.atomic(using=OWNER, durable=True):
        tables = _tables(raw, checked.manifest)
        before = catalogue.guards(raw)
        _open_guards(raw, tables)
        _empty(raw, tables)
        _copy(raw, path, recovery, checked.manifest, tables)
        for name, (value, called) in checked.manifest.sequences.items():
            raw.execute("SELECT setval(%s::regclass, %s, %s)", [f"public.{name}", value, called])
        raw.execute(_MOVED, [list(at.keys()), list(at.values())])
        raw.execute("SET CONSTRAINTS ALL IMMEDIATE")
        proof = prove(raw, manifest=checked.manifest, keys=keys, using=OWNER)
        _close_guards(raw, tables)
        if catalogue.guards(raw) != before:
            raise NotProven("Row security or triggers are not as they were; nothing was restored.")
        record_on(
            OWNER, tenant=SYSTEM, event="backup.restored", **actor, digest=checked.digest,
            created=checked.header.created, installation=checked.header.installation, signed_by=checked.signed_by,
            tenants=checked.manifest.tenants, rows=checked.manifest.rows,
        )  # fmt: skip
    return proof


def _tables(raw: Raw, manifest: Manifest) -> dict[str, Table]:
    """Return our tables by name, in the order of filling. Raises SchemaDiffers where the backup has others."""
    found = {table.name: table for table in catalogue.tables(raw)}
    theirs = {name: [tuple(column) for column in content["columns"]] for name, content in manifest.tables.items()}
    ours = {name: list(table.columns) for name, table in found.items()}
    if wrong := sorted(name for name in theirs.keys() | ours.keys() if theirs.get(name) != ours.get(name)):
        raise SchemaDiffers(f"The table {wrong[0]} has other columns in the backup than in this database.")
    return found


def _each(raw: Raw, tables: Mapping[str, Table], statement: Any) -> None:
    for name in tables:
        raw.execute(SQL(statement).format(Identifier(name)))


def _open_guards(raw: Raw, tables: Mapping[str, Table]) -> None:
    """Lock the tables and take row security from their owner and our triggers off, for this transaction."""
    _each(raw, tables, "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE")
    owned = {name: table for name, table in tables.items() if table.of_tenants}
    _each(raw, owned, "ALTER TABLE {} NO FORCE ROW LEVEL SECURITY")
    _each(raw, tables, "ALTER TABLE {} DISABLE TRIGGER USER")


def _close_guards(raw: Raw, tables: Mapping[str, Table]) -> None:
    _each(raw, tables, "ALTER TABLE {} ENABLE TRIGGER USER")
    owned = {name: table for name, table in tables.items() if table.of_tenants}
    _each(raw, owned, "ALTER TABLE {} FORCE ROW LEVEL SECURITY")


def _empty(raw: Raw, tables: Mapping[str, Table]) -> None:
    """Refuse tables that hold anything, and empty those that `migrate` fills on its own."""
    _refuse_filled(catalogue.filled(raw, [name for name in tables if name not in MADE_BY_MIGRATE]))
    _each(raw, dict.fromkeys(MADE_BY_MIGRATE, next(iter(tables.values()))), "DELETE FROM {}")
    raw.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _copy(raw: Raw, path: Path, recovery: RecipientKey, manifest: Manifest, tables: Mapping[str, Table]) -> None:
    """Fill the tables from the file, which is authenticated once more while it is read. Raises NotProven, BackupDamaged."""
    with opened(path) as file:
        seen = Seen(open_archive(file, recovery=recovery))
        steps = seen.parts()
        for step in steps:
            if isinstance(step, Part):
                _rows(raw, tables[step.table], steps)
    if seen.manifest != manifest:
        raise NotProven("The file changed while it was read; nothing was restored.")


def _rows(raw: Raw, table: Table, steps: Iterator[Any]) -> None:
    """Fill in the rows up to the end of the part."""
    end = None
    with raw.cursor() as cursor:
        with cursor.copy(table.copy("FROM STDIN")) as copy:
            for step in steps:
                if not isinstance(step, bytes):
                    end = step
                    break
                copy.write(step)
        if end is None or cursor.rowcount != end.rows:
            raise NotProven(f"{table.name} took another number of rows than the backup counts; nothing was restored.")
