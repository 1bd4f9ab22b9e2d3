"""The embedded servers and the supervisor, with real processes on state folders of their own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from governance.runtime.postgres import ADMIN, Postgres
from governance.runtime.services import ensure
from governance.runtime.state import RuntimeProblem, StateFolder
from governance.runtime.supervising import check_port

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(monkeypatch):
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "BROKER_URL"):
        monkeypatch.delenv(name, raising=False)
    folder = Path(tempfile.mkdtemp(prefix="threadvault-runtime-"))
    folder.chmod(0o711)
    yield folder / "state"
    shutil.rmtree(folder, ignore_errors=True)


def ask(server, statement, user=ADMIN):
    with psycopg.connect(host=str(server.sockets), user=user, dbname="threadvault", autocommit=True) as connection:
        return connection.execute(statement).fetchall()


def test_it_starts_finds_and_stops_the_services(home):
    state = StateFolder(home)
    with ensure(state) as first, ensure(state) as second:
        assert (first.started, second.started) == (True, False)
        assert first.database_url == second.database_url
    assert state.read_services() == {}
    assert oct(state.keys.stat().st_mode)[-3:] == "700"


def test_the_roles_are_small_and_there_is_no_tcp(home):
    state = StateFolder(home)
    state.make()
    server = Postgres(state)
    server.start()
    try:
        roles = ask(
            server, "SELECT rolname, rolsuper, rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname LIKE 'threadvault%'"
        )
        assert ("threadvault_app", False, False, False) in roles
        assert ("threadvault_owner", False, False, True) in roles
        assert ask(server, "SHOW listen_addresses") == [("",)]
        assert ask(server, "SHOW data_checksums") == [("on",)]
        assert oct(server.sockets.stat().st_mode)[-3:] == "700"
    finally:
        server.stop()


def test_a_killed_postmaster_starts_again_with_what_was_committed(home):
    state = StateFolder(home)
    state.make()
    server = Postgres(state)
    server.start()
    try:
        with psycopg.connect(host=str(server.sockets), user=ADMIN, dbname="threadvault", autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        os.kill(server.child.pid, signal.SIGKILL)
        server.child.process.wait()
        server.start()
        assert ask(server, "SELECT one FROM kept") == [(1,)]
    finally:
        server.stop()


def test_a_long_path_moves_its_sockets(home):
    state = StateFolder(home / ("x" * 90))
    assert len(str(state.sockets("pg"))) < 90


def test_a_taken_port_is_one_clear_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeProblem, match=f"Port {port} is taken; choose another"):
            check_port(port)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_supervisor(home, log):
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if name not in {"DJANGO_SETTINGS_MODULE", "THREADVAULT_EMBEDDED"}
        },
        "THREADVAULT_HOME": str(home),
        "PORT": str(free_port()),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "governance.runtime", "run"], cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
    )


def wait_for(path, text, seconds=90):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if text in path.read_text():
            return
        time.sleep(0.2)
    raise AssertionError(path.read_text())


def processes_of(home):
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if str(home).encode() in line and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


@pytest.mark.slow
def test_make_run_serves_survives_kills_refuses_a_second_copy_and_stops(home, tmp_path):
    log = tmp_path / "run.log"
    with log.open("wb") as output:
        supervisor = run_supervisor(home, output)
        wait_for(log, "Stop it with Ctrl-C")
        assert "privacy_officer" in log.read_text()
        assert "curl -sS http://127.0.0.1:" in log.read_text()
        second = tmp_path / "second.log"
        with second.open("wb") as other:
            assert run_supervisor(home, other).wait(timeout=20) != 0
        assert second.read_text().startswith("threadvault: Another copy runs on")
        victims = [pid for pid in processes_of(home) if b"celery" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(min(victims), signal.SIGKILL)
        wait_for(log, "starting it again", 20)
        began = time.monotonic()
        supervisor.send_signal(signal.SIGINT)
        assert supervisor.wait(timeout=20) == 0
        assert time.monotonic() - began < 10
    assert processes_of(home) == []
