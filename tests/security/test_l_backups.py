"""ATTACKS.md, row L18: a backup leaves nothing in clear on the disk, while it is made, restored, or fails.

The sentinel is the name of a tenant: it lies in the database in clear, so a dump that is not sealed holds it. The text of a
chat and the root key are looked for as well.
"""

import gzip
import stat
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from django.db import connections

from governance.assess.sentinels import Search, new_sentinel
from governance.assess.sinks import search_file
from governance.audit.signers import audit_signer
from governance.custody.recovery import backing_up, checking
from governance.identity.models import Tenant
from governance.identity.scoping import tenant_scope
from governance.runtime.postgres import ADMIN, find_binaries
from tests.conftest import item, store
from tests.custody.recovering import KEY, back_up, bring_back, empty_host, keys_folder, restore

_lists = []  # Of the one test that looks.


def _note(event, arguments):
    """An audit hook of the interpreter: every file that Python opens to write, while a test looks."""
    if event == "open" and _lists:
        path, mode, flags = arguments
        if "__pycache__" in str(path):
            return
        writes = (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & 3)
        if writes and isinstance(path, str | bytes | Path) and not str(path).startswith("/dev/"):
            _lists[0].append(str(path))


sys.addaudithook(_note)


@pytest.fixture
def written():
    """The files that this process opens for writing, while the test runs."""
    _lists.append([])
    yield _lists[0]
    _lists.clear()


@pytest.fixture
def sentinels(tenant, people):
    """Texts that a dump in clear would hold, or that must be in none at all."""
    name, text = new_sentinel(), new_sentinel()
    Tenant.objects.filter(id=tenant.id).update(name=name)
    store(tenant, item("c-1", f"I am {text}."))
    audit_signer()  # Its key is made when it is first needed.
    return [name, text, (keys_folder() / "root.key").read_text().split()[1]]


@pytest.fixture
def host(tmp_path_factory):
    aside = tmp_path_factory.mktemp("old") / "keys"
    yield aside
    if aside.exists():
        bring_back(aside)


def temporary_files():
    """How many temporary files PostgreSQL has made for this database: sorts that do not fit, and the like."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT pg_stat_force_next_flush(), temp_files FROM pg_stat_database WHERE datname = current_database()"
        )
        return cursor.fetchone()[1]


def test_l18_backup_and_restore_write_nothing_in_clear(sentinels, tmp_path, host, written):
    path, spilled = tmp_path / "one.tvb", temporary_files()
    back_up(path)
    made = {Path(name).name.split(".")[1] for name in written if Path(name).parent == tmp_path}
    others = [name for name in written if Path(name).parent != tmp_path]
    assert (made, others) == ({"one"}, []), "one file beside its place, and no other"
    assert search_file(path, Search(sentinels)) == set()
    written.clear()
    empty_host(host)
    restore(path)
    opened = set(written)
    assert opened <= {str(keys_folder() / name) for name in ("root.key", "audit.key", "django.secret", "demo.json")}
    assert all(stat.S_IMODE(Path(name).stat().st_mode) == 0o600 for name in opened)
    assert temporary_files() == spilled
    assert list(tmp_path.iterdir()) == [path]


def test_l18_control_a_dump_in_clear_is_found(sentinels, tmp_path, written):
    settings = connections["owner"].settings_dict
    command = [str(find_binaries() / "pg_dump"), "-h", settings["HOST"], "-U", ADMIN, "-d", settings["NAME"]]
    dumped = subprocess.run(command, capture_output=True, check=True).stdout
    for name, data in (("plain.sql", dumped), ("hex.sql", dumped.hex().encode()), ("packed.sql.gz", gzip.compress(dumped))):
        (tmp_path / name).write_bytes(data)
        found = search_file(tmp_path / name, Search(sentinels))
        assert {number for number, _ in found} == {0}, "the name is seen in each form; text and key are in no dump at all"
    assert {str(tmp_path / "plain.sql"), str(tmp_path / "hex.sql")} <= set(written), "the hook sees who writes"


def test_l18_control_the_root_key_lies_in_a_backup_sealed(sentinels, tmp_path):
    """What the search for it would find if it were not: the secrets of the opened file."""
    back_up(tmp_path / "one.tvb")
    secrets = checking.check_backup(path=tmp_path / "one.tvb", recovery=KEY).secrets
    assert sentinels[2] in str(secrets)
    assert sentinels[2] not in repr(checking.check_backup(path=tmp_path / "one.tvb", recovery=KEY))


@pytest.mark.parametrize("fails", ["_rows", "_end", "record_now"])
def test_l18_a_backup_that_fails_leaves_nothing(tenant, stored, tmp_path, monkeypatch, fails):
    original = getattr(backing_up, fails)

    def broken(*arguments, **options):
        original(*arguments, **options)
        raise RuntimeError("the power went")

    monkeypatch.setattr(backing_up, fails, broken)
    with pytest.raises(RuntimeError):
        back_up(tmp_path / "one.tvb")
    assert list(tmp_path.iterdir()) == []


def test_l18_control_the_part_is_there_while_it_is_written(tenant, stored, tmp_path, monkeypatch):
    original, seen = backing_up._end, []

    def looking(*arguments):
        seen.extend((path.name, stat.S_IMODE(path.stat().st_mode)) for path in tmp_path.iterdir())
        return original(*arguments)

    monkeypatch.setattr(backing_up, "_end", looking)
    back_up(tmp_path / "one.tvb")
    [(name, mode)] = seen
    assert name.startswith(".one.tvb.")
    assert mode == 0o600


def peak(act):
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_stays_flat_however_much_there_is(tenant, tmp_path, host):
    """48 rows of a million bytes against 6: what goes through is eight times as much, what is held is not."""
    peaks = []
    for number, rows in enumerate((6, 42)):
        with tenant_scope(tenant.id), connections["default"].cursor() as cursor:
            cursor.execute(
                "INSERT INTO governance_sealmanifest (id, tenant_id, leaves, created_at) SELECT gen_random_uuid(), %s,"
                " convert_to(repeat('x', 1000000), 'UTF8'), now() FROM generate_series(1, %s)",
                [tenant.id, rows],
            )
        path = tmp_path / f"{number}.tvb"
        peaks.append(peak(lambda path=path: back_up(path)))
    assert (tmp_path / "1.tvb").stat().st_size > 48_000_000 > 8 * 5_000_000
    empty_host(host)
    peaks.append(peak(lambda: restore(tmp_path / "1.tvb")))
    assert max(peaks) < 16_000_000, peaks
