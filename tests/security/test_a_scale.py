"""ATTACKS.md, row A14, and trap 14: many entries verified in time, eight processes without a fork. Each has its control."""

import os
import subprocess
import sys
import time

import psycopg
import pytest

from benchmarks.audit import FILL
from governance.audit.chain import Walk
from governance.identity.identifiers import uuid7
from governance.identity.scoping import tenant_scope
from tests.security.chains import report, signed, without_uniqueness, write
from tests.security.test_c_ciphertext import admin, sql

SOAK = bool(os.environ.get("THREADVAULT_SOAK"))
ENTRIES = 1_000_000 if SOAK else 20_000
SECONDS = 60.0 if SOAK else 6.0
PROCESSES, EACH = 8, 250 if SOAK else 50
APPEND = "SELECT {function}(%s::uuid, %s::text)"
BODY = '{"actor_kind":"operator","event":"command.run"}'

WRITER = """
import sys, psycopg
dsn, statement, tenant, body, count = sys.argv[1:]
with psycopg.connect(dsn, autocommit=True) as connection:
    print("ready", flush=True)
    sys.stdin.readline()
    failed = 0
    for _ in range(int(count)):
        try:
            connection.execute(statement, [tenant, body])
        except psycopg.errors.UniqueViolation:
            failed += 1
    print(failed)
"""


class Chain:
    """A tenant by value: a chain needs no more."""

    def __init__(self):
        self.id = uuid7()


@pytest.fixture
def chain(transactional_db):
    return Chain()


def test_a14_a_long_chain_is_verified_in_time_and_resumes(chain):
    sql((FILL % (ENTRIES, chain.id, chain.id)).replace("%", "%%"))
    began = time.monotonic()
    assert signed(chain) >= ENTRIES // 1_000
    while signed(chain):
        pass
    signing, began = time.monotonic() - began, time.monotonic()
    walk = Walk(chain.id)
    found = report(chain, walk=walk)
    seconds = time.monotonic() - began
    print(f"{ENTRIES} entries: signed in {signing:.1f} s, verified in {seconds:.1f} s")
    assert (found.whole, found.entries) == (True, ENTRIES)
    assert seconds <= SECONDS
    write(chain, 10)
    began = time.monotonic()
    again = report(chain, walk=Walk.resumed(walk.kept()))
    assert (again.whole, again.skipped, again.entries) == (True, ENTRIES, ENTRIES + 10)
    assert time.monotonic() - began < seconds / 2


def test_a14_control_one_changed_entry_at_the_end_is_found_in_the_same_time(chain):
    from tests.security.chains import around

    sql((FILL % (ENTRIES, chain.id, chain.id)).replace("%", "%%"))
    around("UPDATE governance_auditentry SET body = replace(body, 'person', 'nobody') WHERE tenant_id = %s AND sequence = %s",
           chain.id, ENTRIES - 1)  # fmt: skip
    began = time.monotonic()
    assert report(chain).bad_sequence == ENTRIES - 1
    assert time.monotonic() - began <= SECONDS


def append_together(chain, function):
    """Let eight processes append at once; return how many of their appends were refused as forks."""
    with admin() as outside:
        dsn = outside.info.dsn
    statement = APPEND.format(function=function)
    command = [sys.executable, "-c", WRITER, dsn, statement, str(chain.id), BODY, str(EACH)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    writers = [subprocess.Popen(command, **pipes) for _ in range(PROCESSES)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    return sum(int(writer.communicate(timeout=120)[0]) for writer in writers)


def forks(chain):
    """How many entries share their predecessor with another."""
    return sql("SELECT count(*) - count(DISTINCT previous_hash) FROM governance_auditentry WHERE tenant_id = %s", chain.id)[
        0
    ][0]


def mutant(name, taken_out, instead=""):
    """The database's function with one guard taken out."""
    source = sql("SELECT pg_get_functiondef('audit_append'::regproc)")[0][0]
    assert taken_out in source
    changed = source.replace("audit_append(", f"{name}(", 1).replace(taken_out, instead)
    with admin() as outside:
        outside.execute(changed)


@pytest.fixture
def unlocked(transactional_db):
    lock = "PERFORM pg_advisory_xact_lock(1414940977, hashtext(p_tenant::text));"
    mutant("append_unlocked", lock)
    yield "append_unlocked"
    sql("DROP FUNCTION append_unlocked(uuid, text)")


@pytest.fixture
def unasserted(transactional_db):
    mutant("append_unasserted", "<> 'read committed'", "= 'never'")
    yield "append_unasserted"
    sql("DROP FUNCTION append_unasserted(uuid, text)")


def test_eight_processes_append_without_a_fork(chain):
    assert append_together(chain, "audit_append") == 0
    found = report(chain)
    assert (found.whole, found.entries, forks(chain)) == (True, PROCESSES * EACH, 0)


def test_control_without_the_lock_eight_processes_fork_the_chain(chain, unlocked):
    with without_uniqueness():
        append_together(chain, unlocked)
        assert forks(chain) > 0
        assert not report(chain).whole


def test_control_without_the_lock_the_unique_predecessor_still_refuses_forks(chain, unlocked):
    assert append_together(chain, unlocked) > 0
    assert forks(chain) == 0


def append_in_an_old_snapshot(chain, function):
    """Append in a transaction that keeps the snapshot from before another entry was committed."""
    write(chain)
    with admin() as outside:
        outside.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with outside.transaction():
            outside.execute("SELECT count(*) FROM governance_auditentry")
            write(chain)
            outside.execute(APPEND.format(function=function), [str(chain.id), BODY])


def test_under_repeatable_read_the_append_is_refused(chain):
    with pytest.raises(psycopg.errors.InvalidTransactionState, match="READ COMMITTED"):
        append_in_an_old_snapshot(chain, "audit_append")
    assert report(chain).whole


def test_control_without_the_assertion_an_old_snapshot_forks_the_chain(chain, unasserted):
    with without_uniqueness():
        append_in_an_old_snapshot(chain, unasserted)
        assert forks(chain) == 1


def test_control_without_the_assertion_the_unique_predecessor_refuses(chain, unasserted):
    with pytest.raises(psycopg.errors.UniqueViolation):
        append_in_an_old_snapshot(chain, unasserted)
    with tenant_scope(chain.id):
        assert report(chain).whole
