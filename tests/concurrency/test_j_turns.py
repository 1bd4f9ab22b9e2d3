"""ATTACKS.md, rows J16 and J19: whose turn it is, and who may take it."""

import os
import threading
import time
from uuid import UUID

import pytest
from django.db import connection

from governance.identity.scoping import tenant_scope
from governance.jobs.leasing import advance, create, lock_job
from governance.pipeline import turns
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.running import classify_for_all
from governance.pipeline.turns import in_turns, rests
from governance.pipeline.working import work_for_all
from tests.concurrency.rows import chats
from tests.conftest import make_tenant
from tests.security.test_c_ciphertext import sql

SOAK = bool(os.environ.get("THREADVAULT_SOAK"))


@pytest.fixture(autouse=True)
def rested():
    rests._until.clear()


def test_j16_one_message_of_a_small_tenant_waits_for_no_large_one(tenant):
    small = make_tenant()
    count = 20_000 if SOAK else 1_000
    for start in range(0, count, 500):
        chats(tenant, 500, prefix=f"large-{start}")
    chats(small, 1, prefix="small")
    began = time.monotonic()
    done = []

    def watch():
        while not done:
            if not sql("SELECT 1 FROM governance_message WHERE state = 0 AND tenant_id = %s LIMIT 1", small.id):
                done.append(time.monotonic() - began)
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    classify_for_all(first=tenant.id, seconds=8)
    watcher.join()
    assert done[0] < 5
    left = sql("SELECT count(*) FROM governance_message WHERE state = 0 AND tenant_id = %s", tenant.id)[0][0]
    print(f"the small tenant's message was done after {done[0]:.2f} s; {left} of the large one waited still")


def test_j16_one_job_of_a_small_tenant_waits_for_no_large_one(tenant):
    small = make_tenant()
    with tenant_scope(tenant.id):
        jobs = 100_000 if SOAK else 5_000
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO governance_job (id, tenant_id, topic, state, spec, cursor, done, fence, reason, attempt, seconds)"
                " SELECT gen_random_uuid(), %s::uuid, 'one', 'waiting', '{}', '{}', 0, 0, '', 0, 0"
                " FROM generate_series(1, %s::int)",
                [tenant.id, jobs],
            )
    with tenant_scope(small.id):
        mine = create(tenant=small.id, topic="one", spec={})
    done_at = {}

    def one(leased):
        with tenant_scope(leased.tenant):
            lock_job(leased)
            advance(leased, done=1, cursor={}, finished=True)
        done_at.setdefault(leased.id, time.monotonic())

    began = time.monotonic()
    work_for_all({"one": one}, first=tenant.id, seconds=6)
    assert done_at[mine] - began < 5
    assert len(done_at) > 5, "the large tenant's went on, too"


def test_j16_control_first_come_first_served_would_starve_it(tenant):
    """The mutant: one queue for all by age; the small tenant's job is behind all others."""
    small = make_tenant()
    with tenant_scope(tenant.id):
        for _ in range(20):
            create(tenant=tenant.id, topic="one", spec={})
    with tenant_scope(small.id):
        mine = create(tenant=small.id, topic="one", spec={})
    by_age = [row[0] for row in sql("SELECT id FROM governance_job ORDER BY created_at, id")]
    assert by_age.index(mine) == 20


def test_j19_work_of_a_newer_version_waits_for_a_process_that_knows_it(tenant):
    with tenant_scope(tenant.id):
        newer = create(tenant=tenant.id, topic="topic of a newer version", spec={"format": 2})
    assert work_for_all(HANDLERS, seconds=1) == 0
    assert sql("SELECT state, attempt FROM governance_job WHERE id = %s", newer) == [("waiting", 0)]


def test_j19_control_a_process_that_knows_it_does_it(tenant):
    with tenant_scope(tenant.id):
        create(tenant=tenant.id, topic="newer", spec={})

    def handler(leased):
        with tenant_scope(leased.tenant):
            lock_job(leased)
            advance(leased, done=1, cursor={}, finished=True)

    assert work_for_all({"newer": handler}) == 1


def round_of(tenants, *, first=None):
    """Let each turn take a third of the time that there is; return whose turns there were."""
    seen = []

    def turn(tenant, until):
        seen.append(tenant)
        time.sleep(0.02)
        return True

    in_turns(lambda: tenants, turn, first=first, seconds=0.05)
    return seen


def test_j16_no_tenant_is_last_for_ever_where_the_time_ends_before_the_round(monkeypatch):
    monkeypatch.setattr(turns, "_last", None)
    tenants = [UUID(int=number) for number in range(1, 21)]
    seen = set()
    for _ in range(20):
        seen.update(round_of(tenants))
    assert seen == set(tenants)
    assert round_of(tenants, first=tenants[0])[0] == tenants[0], "whom a ring names is first all the same"


def test_j16_control_always_from_the_first_on_the_last_would_starve():
    tenants = [UUID(int=number) for number in range(1, 21)]
    seen = set()
    for _ in range(20):
        turns._last = None
        seen.update(round_of(tenants))
    assert tenants[-1] not in seen
