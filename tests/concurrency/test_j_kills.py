"""ATTACKS.md, row J01: workers are killed and PostgreSQL is stopped at once; nothing is lost, nothing is done twice."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from governance.jobs.models import Claimable
from tests.concurrency.own_servers import ROOT, ask, own_postgres
from tests.concurrency.pools import Pool
from tests.conftest import item, store
from tests.security.test_c_ciphertext import sql

SOAK = bool(os.environ.get("THREADVAULT_SOAK"))
MESSAGES, WORKERS, KILLS, STOPS = (4_000, 8, 30, 2) if SOAK else (2_000, 4, 8, 1)


@pytest.fixture
def server():
    """A PostgreSQL of this test's own, which it may stop; yields it and the environment that leads to it."""
    with own_postgres("threadvault-j01-") as found:
        yield found


def stop_at_once(server):
    """The postmaster ends without a checkpoint (SIGQUIT: immediate shutdown) and is started again."""
    os.kill(server.child.pid, signal.SIGQUIT)
    server.child.process.wait()
    server.start()


@pytest.mark.slow
def test_j01_killed_workers_and_a_stopped_server_lose_nothing_and_double_nothing(server):
    postgres, environment = server
    command = [sys.executable, "-m", "tests.concurrency.setting_up", str(MESSAGES)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    waiting = "SELECT (SELECT count(*) FROM governance_message WHERE state = 0)"
    waiting += " + (SELECT count(*) FROM governance_conversation WHERE state = 0)"
    assert ask(postgres, waiting) == [(MESSAGES + MESSAGES // 2,)]
    chance, stops = random.Random(7), 0
    began = time.monotonic()
    with Pool(environment, WORKERS) as pool:
        while ask(postgres, waiting) != [(0,)]:
            assert time.monotonic() - began < 60, "all must be done within a minute"
            if pool.kills < KILLS and len(pool.alive) > WORKERS // 2:
                pool.kill_one(chance)
            if stops < STOPS and pool.kills >= KILLS * (stops + 1) // (STOPS + 1):
                stop_at_once(postgres)
                stops += 1
            time.sleep(chance.uniform(0.02, 0.06))
    took = time.monotonic() - began
    assert pool.kills >= KILLS, "all of them while there was work"
    assert stops == STOPS
    rows = ask(postgres, "SELECT state, redacted_revision, count(*) FROM governance_message GROUP BY 1, 2")
    assert rows == [(1, 1, MESSAGES)], "each message is redacted, and was sealed once"
    assert ask(postgres, "SELECT count(*) FROM governance_finding WHERE message_id IS NOT NULL") == [(MESSAGES // 2,)]
    twice = (
        "SELECT count(*) - count(DISTINCT (message_id, leaf, start)) FROM governance_finding WHERE message_id IS NOT NULL"
    )
    assert ask(postgres, twice) == [(0,)]
    counted = "SELECT sum((body::jsonb->>'rows')::int) FROM governance_auditentry WHERE event = 'batch.processed'"
    assert ask(postgres, counted)[0][0] == MESSAGES + MESSAGES // 2, "each record stands in one entry of the record"
    print(f"{MESSAGES} messages, {pool.kills} kills, {stops} stops of PostgreSQL: {took:.1f} s")


def test_j01_control_a_count_inside_the_working_transaction_is_rolled_back_with_it(tenant):
    """The mutant: the attempt is counted where the kill undoes it, so a poisonous row would kill for ever."""
    from governance.identity.scoping import tenant_scope
    from governance.vault.models import Message

    store(tenant, item("c-1", "a text", "b"))
    for _ in range(5):
        with pytest.raises(ZeroDivisionError), tenant_scope(tenant.id):
            Message.objects.update(attempt=Claimable.LAST_ATTEMPT)
            raise ZeroDivisionError
    assert sql("SELECT DISTINCT attempt FROM governance_message") == [(0,)]
