"""ATTACKS.md, rows J04, J09, J10 and J13: what rows in PostgreSQL withstand, in this process and in threads."""

import threading
from contextlib import suppress

import psycopg
import pytest
from django.db import connection, transaction

from governance.identity.scoping import tenant_scope
from governance.jobs import bell
from governance.jobs.claiming import pending_tenants
from governance.jobs.leasing import create
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.running import classify_for_all, run_classification
from governance.pipeline.turns import rests
from governance.pipeline.working import work_for_all
from governance.privacy import classifying
from governance.privacy.classifying import classify_batch
from governance.privacy.rescanning import ask_rescan
from tests.concurrency.rows import RECORDED, REVISIONS, chats, in_threads, let_leases_end
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


def without_second_step(kind, rows):
    """The mutant of `lock_pending`: what was claimed is worked on, unlocked and without a look at whose it is by now."""
    return list(kind.model.objects.filter(id__in=[row.id for row in rows]).order_by("id"))


def effects():
    """How often the messages were sealed, the findings of the one that has one, and the rows that the record speaks of."""
    ((revision,),) = sql("SELECT DISTINCT redacted_revision FROM governance_message")
    ((findings,),) = sql("SELECT count(*) FROM governance_finding WHERE message_id IS NOT NULL")
    return revision, findings, sql(RECORDED)[0][0]


def overtake(tenant, monkeypatch):
    """A worker stops between its claim and its locks, until its lease is over and another has done the rows."""
    plain, stops = classifying.service_principal, []

    def stopping(**arguments):
        if not stops:
            stops.append(True)
            let_leases_end()
            run_classification(tenant.id)
        return plain(**arguments)

    monkeypatch.setattr(classifying, "service_principal", stopping)
    assert classify_batch(tenant=tenant.id, now=now()).claimed == 2
    assert stops


def test_j04_a_worker_that_was_overtaken_changes_nothing(tenant, monkeypatch):
    chats(tenant, 1)
    overtake(tenant, monkeypatch)
    assert effects() == (1, 1, 3)


def test_j04_control_without_the_second_step_the_effect_is_doubled(tenant, monkeypatch):
    chats(tenant, 1)
    monkeypatch.setattr(classifying, "lock_pending", without_second_step)
    overtake(tenant, monkeypatch)
    assert effects() == (2, 2, 5), "sealed twice, found twice, and twice on the record"


def outlive(tenant, monkeypatch, *, patience):
    """A scan takes until another worker has come five times and found the leases over, or for `patience` seconds."""
    plain, begun, tried = classifying.redact, threading.Event(), threading.Event()

    def slow(*arguments, **more):
        if not begun.is_set():
            begun.set()
            tried.wait(patience)
        return plain(*arguments, **more)

    def late():
        begun.wait(20)
        for _ in range(5):
            let_leases_in_the_way_end()
            run_classification(tenant.id)
        tried.set()

    def let_leases_in_the_way_end():
        with admin() as outside:
            outside.execute("SET lock_timeout = '100ms'")
            with suppress(psycopg.errors.LockNotAvailable):
                outside.execute("UPDATE governance_message SET lease_until = NULL")

    monkeypatch.setattr(classifying, "redact", slow)
    assert in_threads(lambda: classify_batch(tenant=tenant.id, now=now()), late) == []


def test_j09_work_that_outlives_every_timeout_is_done_once(tenant, monkeypatch):
    """The message is given out again while the first worker is still at it: its row locks say so."""
    chats(tenant, 1)
    outlive(tenant, monkeypatch, patience=1.5)
    assert effects() == (1, 1, 3)


def test_j09_control_a_lease_alone_lets_the_second_in_and_the_effect_is_doubled(tenant, monkeypatch):
    """The mutant: no row locks while working, only the lease, which is over before the work is."""
    chats(tenant, 1)
    monkeypatch.setattr(classifying, "lock_pending", without_second_step)
    outlive(tenant, monkeypatch, patience=20)
    assert effects() == (1, 2, 5), "one wrote over what the other had, and the finding stands twice"


class Crash(Exception):
    """Ends a process between the commit and what was to follow it."""


def crash(*_):
    raise Crash


@pytest.fixture
def crashing():
    """A bell in which the process ends."""
    bell.bind(crash)
    yield
    bell.bind(None)


def test_j10_a_crash_between_commit_and_ring_loses_nothing(tenant, crashing):
    with pytest.raises(Crash):
        chats(tenant, 1)
    assert pending_tenants() == [tenant.id], "the rows themselves are the outbox"
    bell.bind(None)
    classify_for_all()
    assert sql(REVISIONS) == [(1, 1, 2)]
    bell.bind(crash)
    with pytest.raises(Crash), tenant_scope(tenant.id):
        create(tenant=tenant.id, topic="x", spec={})
    assert sql("SELECT state FROM governance_job") == [("waiting",)], "a job as well"


def test_j10_control_work_that_is_told_of_after_the_commit_is_lost(tenant):
    """The mutant: no row in the transaction, only a hook behind it, which the crash comes before."""

    def later():
        with tenant_scope(tenant.id):
            create(tenant=tenant.id, topic="x", spec={})

    with pytest.raises(Crash), tenant_scope(tenant.id):
        transaction.on_commit(crash)
        transaction.on_commit(later)
    assert sql("SELECT count(*) FROM governance_job") == [(0,)]


def test_j10_control_a_ring_comes_with_the_commit_and_never_without_it(tenant):
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
