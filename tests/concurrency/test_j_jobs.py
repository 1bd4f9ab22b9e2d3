"""ATTACKS.md, row J01 at a small size: workers are killed, PostgreSQL holds the truth, nothing is lost or done twice."""

import os
import random
import signal
import subprocess
import sys
import time
from urllib.parse import quote

import pytest
from django.db import connections

from governance.jobs.models import Claimable
from governance.vault.models import Message
from tests.conftest import item, store
from tests.security.test_c_ciphertext import sql

SOAK = bool(os.environ.get("THREADVAULT_SOAK"))
MESSAGES, WORKERS, KILLS = (4_000, 8, 30) if SOAK else (400, 3, 6)
WORKER = """
import django; django.setup()
from uuid import UUID
import sys
from governance.pipeline.running import run_classification
run_classification(UUID(sys.argv[1]), seconds=120)
"""


def start(tenant):
    database = connections["default"].settings_dict
    owner = connections["owner"].settings_dict
    place = f"host={quote(database['HOST'], safe='')}&port={database['PORT'] or 5432}"
    environment = {
        **os.environ,
        "DATABASE_URL": f"postgresql://{database['USER']}@/{database['NAME']}?{place}",
        "DATABASE_OWNER_URL": f"postgresql://{owner['USER']}@/{database['NAME']}?{place}",
    }
    return subprocess.Popen([sys.executable, "-c", WORKER, str(tenant.id)], env=environment, stderr=subprocess.DEVNULL)


def pending():
    return sql("SELECT count(*) FROM governance_message WHERE state = 0")[0][0]


@pytest.mark.slow
def test_j01_killed_workers_lose_nothing_and_double_nothing(tenant):
    texts = ["mail kim@example.com now", "done"]
    store(tenant, *(item(f"c-{number}", *texts, subject=f"u-{number}") for number in range(MESSAGES // 2)))
    chance, kills = random.Random(7), 0
    workers = [start(tenant) for _ in range(WORKERS)]
    deadline = time.monotonic() + 120
    try:
        while pending() and time.monotonic() < deadline:
            time.sleep(chance.uniform(0.3, 0.9))
            if kills < KILLS:
                victim = chance.randrange(WORKERS)
                workers[victim].send_signal(signal.SIGKILL)
                workers[victim].wait()
                workers[victim] = start(tenant)
                kills += 1
            workers = [worker if worker.poll() is None else start(tenant) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    assert kills >= min(KILLS, 2)
    rows = sql("SELECT state, redacted_revision, count(*) FROM governance_message GROUP BY 1, 2")
    assert rows == [(1, 1, MESSAGES)], "each message is redacted, and was sealed once"
    assert sql("SELECT count(*) FROM governance_finding WHERE message_id IS NOT NULL") == [(MESSAGES // 2,)]


def test_j01_control_a_count_inside_the_working_transaction_is_rolled_back_with_it(tenant):
    """The mutant: the attempt is counted where the kill undoes it, so a poisonous row would kill for ever."""
    from governance.identity.scoping import tenant_scope

    store(tenant, item("c-1", "a text", "b"))
    for _ in range(5):
        with pytest.raises(ZeroDivisionError), tenant_scope(tenant.id):
            Message.objects.update(attempt=Claimable.LAST_ATTEMPT)
            raise ZeroDivisionError
    assert sql("SELECT DISTINCT attempt FROM governance_message") == [(0,)]


def test_a_row_tried_three_times_is_set_aside_and_the_others_go_on(tenant):
    from governance.pipeline.running import run_classification

    store(tenant, item("c-1", "a text", "b"))
    sql("UPDATE governance_message SET attempt = 3 WHERE ordinal = 0")
    progress = run_classification(tenant.id)
    assert progress.quarantined == 1
    assert sql("SELECT ordinal, state FROM governance_message ORDER BY ordinal") == [(0, 3), (1, 1)]


def test_a_changed_row_is_set_aside_after_three_attempts(tenant):
    from governance.pipeline.running import run_classification

    store(tenant, item("c-1", "a text", "b"))
    sql("UPDATE governance_message SET source = set_byte(source, 70, (get_byte(source, 70) + 1) %% 256) WHERE ordinal = 0")
    deadline = time.monotonic() + 30
    while pending() and time.monotonic() < deadline:
        run_classification(tenant.id, seconds=3)
        time.sleep(0.3)
    assert sql("SELECT ordinal, state FROM governance_message ORDER BY ordinal") == [(0, 3), (1, 1)]
