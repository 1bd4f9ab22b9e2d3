"""What passes by itself burns no attempt: a full disk, a server that only reads, a lock that is held, a clock set back."""

import threading
import time
from contextlib import contextmanager

import pytest
from django.db import connections

from governance.identity.scoping import tenant_scope
from governance.jobs.claiming import LEASE_SECONDS, claim
from governance.jobs.leasing import create
from governance.keys.errors import ProviderFailed
from governance.pipeline import draining
from governance.pipeline.running import run_classification
from governance.pipeline.turns import rests
from governance.pipeline.working import work_for_all
from governance.privacy import classifying
from tests.concurrency.rows import REVISIONS, let_leases_end
from tests.conftest import item, store
from tests.security.test_c_ciphertext import admin, sql

ATTEMPTS = "SELECT DISTINCT attempt, state FROM governance_message"


@pytest.fixture(autouse=True)
def rested():
    rests._until.clear()


def chats(tenant, count=1):
    store(tenant, *(item(f"c-{number}", "mail kim@example.com") for number in range(count)))


def try_again(tenant, times=4):
    """Let workers come to the rows so often that all attempts would be burnt."""
    for _ in range(times):
        rests._until.clear()
        let_leases_end()
        run_classification(tenant.id, seconds=0.2)


@contextmanager
def failing(code, table="governance_sealmanifest"):
    """Let each insert into the table fail with a code of PostgreSQL, as the server would by itself."""
    body = f"BEGIN RAISE EXCEPTION 'as the test asks' USING ERRCODE = '{code}'; END"
    sql(f"CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $body$ {body} $body$")
    sql(f"CREATE TRIGGER fails BEFORE INSERT OR UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION fails()")
    try:
        yield
    finally:
        sql(f"DROP TRIGGER fails ON {table}")
        sql("DROP FUNCTION fails()")


@pytest.mark.parametrize("code", ["53100", "25006", "55P03", "40P01"], ids=["full", "only-reads", "locked", "deadlock"])
def test_an_outage_of_the_database_burns_no_attempt(code, tenant):
    chats(tenant)
    with failing(code):
        try_again(tenant)
    assert sql(ATTEMPTS) == [(0, 0)]
    try_again(tenant, times=1)
    assert sql(ATTEMPTS) == [(1, 1)]


def test_control_an_error_of_the_row_sets_it_aside(tenant):
    chats(tenant)
    with failing("22021"):
        try_again(tenant)
    assert sql(ATTEMPTS) == [(3, 3)]


def test_an_outage_burns_no_attempt_of_a_job(tenant):
    with tenant_scope(tenant.id):
        job = create(tenant=tenant.id, topic="count", spec={})

    def write(leased):
        with tenant_scope(leased.tenant), connections["default"].cursor() as cursor:
            cursor.execute("INSERT INTO governance_sealmanifest SELECT * FROM governance_sealmanifest")

    with failing("53100"):
        for _ in range(4):
            rests._until.clear()
            sql("UPDATE governance_job SET not_before = NULL")
            work_for_all({"count": write})
    assert sql("SELECT state, attempt FROM governance_job WHERE id = %s", job) == [("waiting", 0)]


def test_a_lock_that_is_held_for_long_burns_no_attempt(tenant):
    """Several workers come to rows whose data subject somebody else has locked, for longer than their lease."""
    chats(tenant)
    done = threading.Event()

    def work():
        try:
            while not done.is_set():
                rests._until.clear()
                run_classification(tenant.id, seconds=0.1)
                time.sleep(0.1)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(3)]
    with admin() as outside, outside.transaction():
        outside.execute("SELECT id FROM governance_datasubject FOR UPDATE")
        for worker in workers:
            worker.start()
        time.sleep(3.5 * LEASE_SECONDS)
        done.set()
        for worker in workers:
            worker.join()
    assert sql(ATTEMPTS) == [(0, 0)]


def test_a_drain_ends_where_what_waits_needs_something_that_is_away(tenant, monkeypatch):
    chats(tenant)
    monkeypatch.setattr(draining, "IDLE_SECONDS", 1.0)
    sql("UPDATE governance_keyversion SET state = 'suspended' WHERE state = 'active'")
    assert draining.work() == {"redacted": 0, "unscanned": 0, "quarantined": 0, "left": 2}
    assert sql(ATTEMPTS) == [(0, 0)]


def leased_for(seconds):
    sql("UPDATE governance_message SET lease_until = clock_timestamp() + make_interval(secs => %s)", seconds)


def claimed(tenant):
    with tenant_scope(tenant.id):
        return claim(table="governance_message", group="conversation_id", state=0, quarantine=3, limit=8).rows


def test_a_lease_from_before_the_clock_was_set_back_is_over(tenant):
    chats(tenant)
    leased_for(24 * 3600)
    assert len(claimed(tenant)) == 1


def test_control_a_lease_of_now_is_not(tenant):
    chats(tenant)
    leased_for(60)
    assert claimed(tenant) == ()


def test_a_provider_that_is_away_burns_no_attempt_of_a_message(tenant, monkeypatch):
    chats(tenant)

    def away(**_):
        raise ProviderFailed("away")

    with monkeypatch.context() as patch:
        patch.setattr(classifying, "warm", away)
        for _ in range(5):
            rests._until.clear()
            run_classification(tenant.id, seconds=0.2)
    assert sql(ATTEMPTS) == [(0, 0)]
    rests._until.clear()
    run_classification(tenant.id)
    assert sql(REVISIONS) == [(1, 1, 1)]


def test_a_record_that_cannot_be_written_burns_no_attempt(tenant):
    chats(tenant)
    sql("ALTER TABLE governance_auditentry ADD CONSTRAINT full_disk CHECK (false) NOT VALID")
    try:
        for _ in range(4):
            rests._until.clear()
            let_leases_end()
            run_classification(tenant.id, seconds=0.2)
    finally:
        sql("ALTER TABLE governance_auditentry DROP CONSTRAINT full_disk")
    assert sql(ATTEMPTS) == [(0, 0)]
    rests._until.clear()
    let_leases_end()
    run_classification(tenant.id)
    assert sql(REVISIONS) == [(1, 1, 1)]


def test_a_suspended_key_burns_no_attempt(tenant):
    chats(tenant)
    content = "ring_id IN (SELECT id FROM governance_keyring WHERE use = 'content')"
    sql(f"UPDATE governance_keyversion SET state = 'suspended' WHERE state = 'active' AND {content}")
    for _ in range(4):
        rests._until.clear()
        let_leases_end()
        run_classification(tenant.id, seconds=0.2)
    assert sql(ATTEMPTS) == [(0, 0)]
    sql(f"UPDATE governance_keyversion SET state = 'active' WHERE state = 'suspended' AND {content}")
    rests._until.clear()
    let_leases_end()
    run_classification(tenant.id)
    assert sql(REVISIONS) == [(1, 1, 1)]
