"""ATTACKS.md, rows J03, J04, J08 and J14: real workers, whose rings get lost or doubled and who are ended in the middle."""

import time

import pytest

from tests.concurrency.celery_processes import all_done, broker, chats, ring, schedule, states, worker
from tests.processes import wait_for
from tests.security.test_c_ciphertext import sql


@pytest.fixture(autouse=True)
def empty_queues(transactional_db):
    broker().flushdb()
    yield
    broker().flushdb()


@pytest.mark.slow
def test_j03_what_the_broker_forgets_the_schedule_rings_again(tenant, tmp_path):
    chats(tenant, *["mail kim@example.com"] * 400)
    ring(tenant)
    broker().flushall()
    with worker(), schedule(tmp_path):
        began = time.monotonic()
        wait_for(lambda: states().get(1, 0) > 0, seconds=60)
        broker().flushall()
        chats(tenant, *["mail kim@example.com"] * 50, prefix="later")
        broker().flushall()
        wait_for(all_done(450), seconds=60 - (time.monotonic() - began))


def test_j03_control_without_the_schedule_they_wait_for_ever(tenant):
    chats(tenant, "mail kim@example.com")
    ring(tenant)
    broker().flushall()
    with worker():
        time.sleep(6)
        assert states() == {0: 1}


def test_j04_one_message_three_times_has_one_effect(tenant):
    chats(tenant, *["mail kim@example.com"] * 60)
    for _ in range(3):
        ring(tenant)
    with worker():
        wait_for(all_done(60))
        wait_for(lambda: broker().llen("content") == 0)
    assert sql("SELECT DISTINCT redacted_revision FROM governance_message") == [(1,)]
    assert sql("SELECT count(*) FROM governance_finding WHERE message_id IS NOT NULL") == [(60,)]


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["kill-me", "eat-memory", "never-end"])
def test_j08_a_poisonous_message_is_set_aside_and_the_others_are_done(harm, tenant, tmp_path):
    texts = ["fine"] * 15 + [harm] + ["fine"] * 15
    chats(tenant, *texts)
    with worker(extra=["-I", "tests.concurrency.misbehaving"], TEST_BATCH_SECONDS="2"), schedule(tmp_path):
        ring(tenant)
        wait_for(lambda: states().get(3) == 1, seconds=100)
        wait_for(lambda: states() == {1: 30, 3: 1}, seconds=5)
    assert sql("SELECT attempt FROM governance_message WHERE state = 3") == [(3,)]
    assert sql("SELECT count(*) FROM governance_auditentry WHERE event = 'message.quarantined'") == [(1,)]


def test_j14_a_soft_shutdown_in_the_middle_leaves_rows_done_or_untouched(tenant):
    chats(tenant, *["fine", "be-slow", "fine"])
    with worker(pool="prefork", concurrency=1, extra=["-I", "tests.concurrency.misbehaving"]) as running:
        ring(tenant)
        wait_for(lambda: sql("SELECT 1 FROM governance_message WHERE attempt = 1 LIMIT 1"))
        time.sleep(0.3)
        running.terminate()
        running.wait(30)
    assert sql("SELECT count(*) FROM governance_message WHERE (state = 1) <> (redacted IS NOT NULL)") == [(0,)]
    sql("UPDATE governance_message SET lease_until = NULL")
    with worker():
        ring(tenant)
        wait_for(all_done(3))
    assert sql("SELECT DISTINCT redacted_revision FROM governance_message") == [(1,)]
