"""Servers and disks of one test's own, which it may stop and fill."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from governance.runtime.children import unprivileged_account
from governance.runtime.postgres import ADMIN, APP, OWNER, Postgres
from governance.runtime.state import StateFolder

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def own_postgres(prefix):
    """A migrated PostgreSQL in a folder of its own; yields it and the environment that leads to it."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o711)
    state = StateFolder(folder / "state")
    state.make()
    postgres = Postgres(state)
    postgres.start()
    environment = {
        **os.environ,
        "DATABASE_URL": postgres.url(APP),
        "DATABASE_OWNER_URL": postgres.url(OWNER),
        "THREADVAULT_HOME": str(state.home),
    }
    migrate = [sys.executable, "manage.py", "migrate", "--database", "owner", "-v", "0"]
    subprocess.run(migrate, cwd=ROOT, env=environment, check=True, capture_output=True)
    yield postgres, environment
    postgres.stop()
    shutil.rmtree(folder, ignore_errors=True)


def ask(server, statement, *values):
    with psycopg.connect(host=str(server.sockets), user=ADMIN, dbname="threadvault", autocommit=True) as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def small_disk(place, size):
    """A file system of `size` bytes at `place`, which keeps what lay there; skips where nobody may mount one."""
    kept = place.with_name(f"{place.name}.kept")
    shutil.copytree(place, kept, copy_function=shutil.copy2)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        shutil.rmtree(kept)
        pytest.skip("only root of a machine, or of a container that may mount, has a disk to fill")
    try:
        shutil.copytree(kept, place, dirs_exist_ok=True)
        account = unprivileged_account()
        for path in [place, *place.rglob("*")] if account else []:
            os.chown(path, account.pw_uid, account.pw_gid)
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
        shutil.rmtree(kept)


def fill(disk, *, leave=0):
    """Fill the disk but for `leave` bytes; return the file that does it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\x00" * 4096):
            pass
    if leave:
        os.truncate(ballast, ballast.stat().st_size - leave)
    return ballast
