"""ATTACKS.md, rows J03, J04, J08 and J14: real workers, whose rings get lost or doubled and who are ended in the middle."""

import signal
import time

import pytest

from governance.pipeline.running import run_classification
from tests.concurrency.celery_processes import all_done, broker, chats, ring, schedule, states, worker
from tests.concurrency.pools import Pool
from tests.concurrency.rows import let_leases_end
from tests.processes import environment, wait_for
from tests.security.test_c_ciphertext import sql

MISBEHAVING = "tests.concurrency.misbehaving"
ATTEMPTS = "SELECT max(attempt) FROM governance_message"


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
    poisoned(tenant, harm)
    with worker(extra=["-I", MISBEHAVING], TEST_BATCH_SECONDS="2"), schedule(tmp_path):
        ring(tenant)
        wait_for(lambda: states().get(3) == 1, seconds=100)
        wait_for(lambda: states() == {1: 30, 3: 1}, seconds=5)
    assert sql("SELECT attempt FROM governance_message WHERE state = 3") == [(3,)]
    assert sql("SELECT count(*) FROM governance_auditentry WHERE event = 'message.quarantined'") == [(1,)]


def poisoned(tenant, harm):
    """Thirty chats that are fine and one that does harm, in the middle."""
    chats(tenant, *["fine"] * 15, harm, *["fine"] * 15)


def harm_done(condition, seconds=60):
    """Wait for it, and let no worker wait for the end of a lease meanwhile."""

    def look():
        let_leases_end()
        return condition()

    wait_for(look, seconds=seconds)


def test_j08_control_without_a_last_attempt_it_kills_for_ever(tenant):
    poisoned(tenant, "kill-me")
    with Pool(environment(TEST_WITHOUT="cap"), 1, MISBEHAVING) as pool:
        harm_done(lambda: sql(ATTEMPTS)[0][0] >= 6)
        harm_done(lambda: len(pool.alive) >= 6)  # Each attempt takes a worker with it.
    assert states().get(3) is None, "and it is set aside by nobody"


def test_j08_control_where_it_is_not_tried_alone_it_takes_the_others_with_it(tenant):
    poisoned(tenant, "kill-me")
    with Pool(environment(TEST_WITHOUT="alone"), 1, MISBEHAVING):
        harm_done(lambda: states().get(3))
    assert states()[3] > 1, "what was claimed with it was set aside as well"


def test_j08_control_without_the_watchdog_a_loop_keeps_its_worker_for_ever(tenant):
    poisoned(tenant, "never-end")
    with Pool(environment(TEST_BATCH_SECONDS="600"), 1, MISBEHAVING) as pool:
        wait_for(lambda: sql(ATTEMPTS) == [(1,)])
        chats(tenant, "fine", prefix="later")
        time.sleep(5)
        assert len(pool.alive) == 1, "nobody ended it, and nobody took its place"
    assert states() == {0: 32}, "what came later waits behind it"


def test_j08_control_without_the_limit_it_takes_the_memory_that_it_wants(tenant):
    chats(tenant, "eat-memory")
    eats = {"TEST_EATS": "40", "THREADVAULT_WORKER_MEMORY_MB": "16000"}
    with worker(concurrency=1, extra=["-I", MISBEHAVING], **eats):
        ring(tenant)
        wait_for(all_done(1))
    assert sql(ATTEMPTS) == [(1,)], "2 GB, twice what a worker is given, and nothing was in the way"


# A chat's text has one thing to find: it is done with its text, its finding and its state, or not at all.
HALF = (
    "SELECT count(*) FROM governance_message m WHERE (state = 1) <> (redacted IS NOT NULL)"
    " OR (state = 1) <> EXISTS (SELECT FROM governance_finding f WHERE f.message_id = m.id)"
)
STATED = "mail kim@example.com"


def test_j14_a_warm_shutdown_in_the_middle_lets_the_row_be_finished(tenant, tmp_path):
    chats(tenant, STATED, f"{STATED} be-slow", STATED)
    note = tmp_path / "there"
    with worker(pool="prefork", concurrency=1, extra=["-I", MISBEHAVING], TEST_NOTE=str(note)) as running:
        ring(tenant)
        wait_for(note.exists)
        running.terminate()
        assert running.wait(30) == 0
    assert sql(HALF) == [(0,)]
    assert states() == {1: 3}


def end_in_the_middle(tenant, note, **without):
    """Let a worker be ended softly, and after its three seconds hard, behind the first write of a row."""
    chats(tenant, STATED, f"{STATED} stop-there", STATED)
    with worker(pool="prefork", concurrency=1, extra=["-I", MISBEHAVING], TEST_NOTE=str(note), **without) as running:
        ring(tenant)
        wait_for(note.exists)
        running.send_signal(signal.SIGQUIT)
        running.wait(30)


def test_j14_a_soft_shutdown_in_the_middle_leaves_rows_done_or_untouched(tenant, tmp_path):
    end_in_the_middle(tenant, tmp_path / "there")
    wait_for(lambda: sql("SELECT count(*) FROM pg_locks WHERE mode = 'RowExclusiveLock'") == [(0,)])
    assert sql(HALF) == [(0,)]
    assert states() == {0: 3}
    let_leases_end()
    run_classification(tenant.id)
    assert states() == {1: 3}
    assert sql("SELECT DISTINCT redacted_revision FROM governance_message") == [(1,)]
    assert sql(HALF) == [(0,)]


def test_j14_control_without_the_one_transaction_rows_are_half_done(tenant, tmp_path):
    end_in_the_middle(tenant, tmp_path / "there", TEST_WITHOUT="transaction")
    assert sql(HALF) == [(3,)], "their text is there and what was found in it is not"
