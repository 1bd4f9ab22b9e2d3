"""ATTACKS.md, row J11: the connection is cut at each statement, and the server is one that only reads."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from django.db import DatabaseError, connection, connections

from governance.audit.errors import RecordRefused
from governance.jobs.claiming import pending_tenants
from governance.pipeline.running import run_classification
from governance.pipeline.turns import drop_broken_connections, rests
from governance.privacy import classifying
from governance.privacy.classifying import classify_batch
from governance.runtime.children import Child, wait_until
from governance.runtime.postgres import ADMIN, PORT, Postgres, own
from governance.runtime.state import StateFolder
from tests.concurrency.rows import RECORDED, REVISIONS, chats, let_leases_end
from tests.conftest import now
from tests.processes import environment, wait_for
from tests.security.test_c_ciphertext import admin, sql

# A chat's first message has one thing to find: it is done with its text, its finding and its state, or not at all.
HALF = (
    "SELECT count(*) FROM governance_message m WHERE (state = 1) <> (redacted IS NOT NULL)"
    " OR ordinal = 0 AND (state = 1) <> EXISTS (SELECT FROM governance_finding f WHERE f.message_id = m.id)"
)
FINDINGS = "INSERT INTO governance_finding"


@pytest.fixture(autouse=True)
def rested():
    rests._until.clear()


class Cut:
    """Cuts the connection of this thread at the statement that `when(number, text)` says, as a failover does."""

    def __init__(self, when):
        self.when, self.seen, self.done = when, 0, False

    def __call__(self, execute, statement, params, many, context):
        self.seen += 1
        if not self.done and self.when(self.seen, statement):
            self.done = True
            process = context["connection"].connection.info.backend_pid
            with admin() as outside:
                outside.execute("SELECT pg_terminate_backend(%s)", [process])
        return execute(statement, params, many, context)


@contextmanager
def cutting(when):
    cut = Cut(when)
    for alias in ("default", "audit"):
        connections[alias].execute_wrappers.append(cut)
    yield cut
    for alias in ("default", "audit"):
        connections[alias].execute_wrappers.remove(cut)
    connections.close_all()


def one_batch(tenant):
    with suppress(DatabaseError, RecordRefused):
        classify_batch(tenant=tenant.id, now=now())


def in_two_transactions(monkeypatch, then=lambda: None):
    """The mutant: text and state are committed by themselves, before the findings and the record. `then` comes between."""
    plain = classifying.seal_redacted

    def seal(**arguments):
        sealed = plain(**arguments)
        with connection.cursor() as cursor:
            connection.connection.commit()
            cursor.execute("SELECT set_config('governance.tenant', %s, true)", [str(arguments["tenant"])])
        then()
        return sealed

    monkeypatch.setattr(classifying, "seal_redacted", seal)


def test_j11_a_connection_cut_at_any_statement_leaves_no_half_state(tenant):
    number, done = 0, True
    while done:
        number += 1
        chats(tenant, 1, prefix=f"c{number}")
        with cutting(lambda seen, _, at=number: seen == at) as cut:
            one_batch(tenant)
        done = cut.done
        assert sql(HALF) == [(0,)]
        drop_broken_connections()
        let_leases_end()
        run_classification(tenant.id)
        rests._until.clear()
    assert number > 20, "each statement of a batch was cut once"
    while pending_tenants():
        let_leases_end()
        run_classification(tenant.id)
    assert sql(REVISIONS) == [(1, 1, 2 * number)]
    assert sql("SELECT count(*) FROM governance_finding WHERE message_id IS NOT NULL") == [(number,)]
    assert sql(RECORDED) == [(3 * number,)], "messages and heads, each once on the record"


def test_j11_control_effect_and_state_in_two_transactions_come_apart(tenant, monkeypatch):
    chats(tenant, 1)
    in_two_transactions(monkeypatch)
    with cutting(lambda _, statement: FINDINGS in statement) as cut:
        one_batch(tenant)
    assert cut.done
    assert sql(HALF) == [(1,)]
    let_leases_end()
    run_classification(tenant.id)
    assert sql(HALF) == [(1,)], "and stay so: nobody comes to a row that is done"


def only_read():
    """From here on the server takes no write of the open transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET transaction_read_only = on")


def test_j11_a_server_that_only_reads_from_the_middle_on_leaves_no_half_state(tenant, monkeypatch):
    chats(tenant, 1)
    plain = classifying.seal_redacted

    def seal(**arguments):
        sealed = plain(**arguments)
        only_read()
        return sealed

    with monkeypatch.context() as patch:
        patch.setattr(classifying, "seal_redacted", seal)
        with pytest.raises(DatabaseError, match="read-only"):
            classify_batch(tenant=tenant.id, now=now())
    assert sql(HALF) == [(0,)]
    assert sql(REVISIONS) == [(0, 0, 2)]
    assert sql("SELECT DISTINCT attempt FROM governance_message") == [(0,)]
    let_leases_end()
    run_classification(tenant.id)
    assert sql(REVISIONS) == [(1, 1, 2)]


def test_j11_control_a_server_that_only_reads_between_two_transactions_leaves_half(tenant, monkeypatch):
    chats(tenant, 1)
    in_two_transactions(monkeypatch, then=only_read)
    with pytest.raises(DatabaseError, match="read-only"):
        classify_batch(tenant=tenant.id, now=now())
    assert sql(HALF) == [(1,)]


@pytest.fixture
def standby(transactional_db):
    """A hot standby of the test's server, streaming from it; yields its folder of sockets."""
    folder = Path(tempfile.mkdtemp(prefix="threadvault-j11-"))
    folder.chmod(0o711)
    state = StateFolder(folder / "state")
    state.make()
    server = Postgres(state)
    server.place.mkdir(parents=True, exist_ok=True)
    server.place.chmod(0o711)
    server.sockets.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    own(server.sockets)
    binaries, data = server._runnable(), server.place / "standby"
    own(data)
    place = connections["default"].settings_dict
    copy = [str(binaries / "pg_basebackup"), "-D", str(data), "-h", place["HOST"], "-p", str(place["PORT"] or PORT)]
    server._run([*copy, "-U", ADMIN, "-X", "stream", "-c", "fast", "-R", "--no-sync"])
    command = [str(binaries / "postgres"), "-D", str(data), "-k", str(server.sockets), "-c", "listen_addresses="]
    child = Child(
        "standby", [*command, "-c", "max_connections=200", "-c", "fsync=off"], log=state.logs / "standby.log",
        stop_signal=signal.SIGINT, unprivileged=True, cwd=server.place,
    )  # fmt: skip
    child.start()
    assert wait_until(server.answers, seconds=30, child=child), child.tail()
    yield server.sockets
    child.stop()
    shutil.rmtree(folder, ignore_errors=True)


def at(sockets, statement):
    name = connections["default"].settings_dict["NAME"]
    with psycopg.connect(host=str(sockets), port=PORT, user=ADMIN, dbname=name, autocommit=True) as there:
        cursor = there.execute(statement)
        return cursor.fetchall() if cursor.description else []


def batch_at(sockets, tenant):
    """What a worker of its own process, whose server lies there, says of one batch."""
    place = f"?host={quote(str(sockets), safe='')}&port={PORT}"
    moved = {name: environment()[name].split("?")[0] + place for name in ("DATABASE_URL", "DATABASE_OWNER_URL")}
    command = [sys.executable, "-m", "tests.concurrency.classifying_once", str(tenant.id)]
    done = subprocess.run(command, check=False, env=environment(**moved), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_j11_a_standby_refuses_the_batch_and_after_the_failover_it_is_done_once(tenant, standby):
    """The control is the last third: the same worker, where the same server writes."""
    chats(tenant, 1)
    waiting = [(0, 0, 2)]
    wait_for(lambda: at(standby, REVISIONS) == waiting)
    assert batch_at(standby, tenant) == {"refused": "25006", "outage": True}
    assert at(standby, REVISIONS) == sql(REVISIONS) == waiting
    assert at(standby, "SELECT DISTINCT attempt FROM governance_message") == [(0,)]
    at(standby, "SELECT pg_promote()")
    assert batch_at(standby, tenant) == {"redacted": 2}
    assert at(standby, REVISIONS) == [(1, 1, 2)]
    assert at(standby, HALF) == [(0,)]
