"""ATTACKS.md, rows J04, J09 to J11 and J13: what rows in PostgreSQL withstand, in this process and in threads."""

import threading
import time
from contextlib import suppress

import psycopg
import pytest
from django.db import DatabaseError, connection, connections

from governance.audit.errors import RecordRefused
from governance.identity.scoping import tenant_scope
from governance.jobs import bell
from governance.jobs.claiming import pending_tenants
from governance.jobs.leasing import create
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.running import classify_for_all, run_classification
from governance.pipeline.turns import drop_broken_connections, rests
from governance.pipeline.working import work_for_all
from governance.privacy import classifying
from governance.privacy.classifying import classify_batch
from governance.privacy.rescanning import ask_rescan
from tests.concurrency.rows import REVISIONS, chats, in_threads, let_leases_end
from tests.conftest import as_principal, now
from tests.security.test_c_ciphertext import admin, sql


@pytest.fixture(autouse=True)
def rested():
    rests._until.clear()


def test_j04_two_workers_at_one_row_have_one_effect(tenant):
    chats(tenant, 40)
    assert in_threads(*[lambda: run_classification(tenant.id)] * 4) == []
    while pending_tenants():
        let_leases_end()
        run_classification(tenant.id)
    assert sql(REVISIONS) == [(1, 1, 80)]
    assert sql("SELECT count(*) FROM governance_finding WHERE message_id IS NOT NULL") == [(40,)]


def test_j04_control_without_the_second_step_both_would_write(tenant):
    """The mutant: what was claimed is worked on without looking whether it is still ours."""
    chats(tenant, 1)
    with tenant_scope(tenant.id):
        first = classifying.claim_pending(classifying.KINDS[0], limit=8)
    let_leases_end()
    with tenant_scope(tenant.id):
        second = classifying.claim_pending(classifying.KINDS[0], limit=8)
    assert {row.id for row in second.rows} <= {row.id for row in first.rows}, "both hold a claim on one row"
    with tenant_scope(tenant.id):
        assert classifying.lock_pending(classifying.KINDS[0], first.rows[:1]) == [], "the guard: the first has lost it"


def test_j09_work_that_outlives_every_timeout_is_done_once(tenant, monkeypatch):
    """The message is given out again while the first worker is still at it: its row locks say so."""
    chats(tenant, 1)
    plain, begun = classifying.redact, threading.Event()

    def slow(*arguments, **more):
        begun.set()
        time.sleep(1.5)
        return plain(*arguments, **more)

    monkeypatch.setattr(classifying, "redact", slow)

    def late():
        begun.wait(5)
        monkeypatch.setattr(classifying, "redact", plain)
        for _ in range(5):
            let_leases_in_the_way()
            run_classification(tenant.id)

    def let_leases_in_the_way():
        with admin() as outside:
            outside.execute("SET lock_timeout = '100ms'")
            with suppress(psycopg.errors.LockNotAvailable):
                outside.execute("UPDATE governance_message SET lease_until = NULL")

    assert in_threads(lambda: classify_batch(tenant=tenant.id, now=now()), late) == []
    assert sql("SELECT DISTINCT redacted_revision FROM governance_message") == [(1,)]


def test_j09_control_a_lease_alone_would_let_the_second_in(tenant):
    """The mutant: no row locks while working, only the lease, which is over before the work is."""
    chats(tenant, 1)
    with tenant_scope(tenant.id):
        first = classifying.claim_pending(classifying.KINDS[0], limit=8)
    let_leases_end()
    with tenant_scope(tenant.id):
        second = classifying.claim_pending(classifying.KINDS[0], limit=8)
    assert first.rows[0].id == second.rows[0].id


def test_j10_a_crash_between_commit_and_ring_loses_nothing(tenant):
    class Crash(Exception):
        pass

    def crash(topic, waiting):
        raise Crash

    bell.bind(crash)
    try:
        with pytest.raises(Crash):
            chats(tenant, 1)
    finally:
        bell.bind(None)
    assert pending_tenants() == [tenant.id], "the rows themselves are the outbox"
    classify_for_all()
    assert sql(REVISIONS) == [(1, 1, 2)]


def test_j10_control_a_ring_alone_tells_nothing_before_the_commit(tenant):
    rung = []
    bell.bind(lambda topic, waiting: rung.append(waiting))
    try:
        with pytest.raises(ZeroDivisionError), tenant_scope(tenant.id):
            create(tenant=tenant.id, topic="x", spec={})
            raise ZeroDivisionError
        assert rung == [], "what was rolled back rings for nobody"
        with tenant_scope(tenant.id):
            create(tenant=tenant.id, topic="x", spec={})
        assert rung == [tenant.id]
    finally:
        bell.bind(None)


class Cut:
    """Cuts the connection of this thread at its n-th statement, as a failover does."""

    def __init__(self, at):
        self.at, self.seen, self.done = at, 0, False

    def __call__(self, execute, statement, params, many, context):
        self.seen += 1
        if self.seen == self.at:
            self.done = True
            process = context["connection"].connection.info.backend_pid
            with admin() as outside:
                outside.execute("SELECT pg_terminate_backend(%s)", [process])
        return execute(statement, params, many, context)


def test_j11_a_connection_cut_at_any_statement_leaves_no_half_state(tenant):
    number, cut = 0, Cut(1)
    while cut.done or number == 0:
        number += 1
        chats(tenant, 1, prefix=f"c{number}")
        cut = Cut(number)
        for alias in ("default", "audit"):
            connections[alias].execute_wrappers.append(cut)
        with suppress(DatabaseError, RecordRefused):
            classify_batch(tenant=tenant.id, now=now())
        for alias in ("default", "audit"):
            connections[alias].execute_wrappers.remove(cut)
        connections.close_all()
        half = sql("SELECT count(*) FROM governance_message WHERE (state = 1) <> (redacted IS NOT NULL)")
        assert half == [(0,)]
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


def test_j11_control_effect_and_state_in_two_transactions_would_come_apart(tenant):
    """The mutant: the state is written by itself, and the cut comes before the text."""
    chats(tenant, 1)
    with tenant_scope(tenant.id), connection.cursor() as cursor:
        cursor.execute("UPDATE governance_message SET state = 1")
    assert sql("SELECT count(*) FROM governance_message WHERE (state = 1) <> (redacted IS NOT NULL)") == [(2,)]


def test_j11_a_standby_that_only_reads_is_refused_and_nothing_is_half_done(tenant):
    chats(tenant, 1)
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    try:
        with pytest.raises(DatabaseError):
            classify_batch(tenant=tenant.id, now=now())
    finally:
        connection.close()
    assert sql(REVISIONS) == [(0, 0, 2)]
    assert sql("SELECT DISTINCT attempt FROM governance_message") == [(0,)]


def test_j13_two_bulk_jobs_over_the_same_rows_do_not_stand_in_each_others_way(tenant, people):
    chats(tenant, 30)
    run_classification(tenant.id)
    officer = as_principal(tenant, people["security_officer"])
    for _ in range(2):
        ask_rescan(principal=officer, now=now())
    sql("UPDATE governance_job SET cursor = '{\"table\": 1}' WHERE id = (SELECT max(id::text)::uuid FROM governance_job)")
    assert in_threads(*[lambda: work_for_all(HANDLERS)] * 2) == []
    while pending := sql("SELECT id FROM governance_job WHERE state <> 'done'"):
        sql("UPDATE governance_job SET not_before = NULL, lease_until = NULL WHERE id = %s", pending[0][0])
        work_for_all(HANDLERS)
    assert sql("SELECT DISTINCT state FROM governance_message") == [(1,)]


def test_j13_control_rows_locked_in_opposite_order_do(tenant):
    chats(tenant, 2)
    first, second = (row[0] for row in sql("SELECT id FROM governance_message ORDER BY id LIMIT 2"))
    barrier = threading.Barrier(2)

    def lock(*ids):
        with tenant_scope(tenant.id), connection.cursor() as cursor:
            cursor.execute("SELECT id FROM governance_message WHERE id = %s FOR UPDATE", [ids[0]])
            barrier.wait(5)
            cursor.execute("SELECT id FROM governance_message WHERE id = %s FOR UPDATE", [ids[1]])

    errors = in_threads(lambda: lock(first, second), lambda: lock(second, first))
    assert len(errors) == 1
    assert "deadlock" in str(errors[0]) or "lock timeout" in str(errors[0])
