"""ATTACKS.md, rows J16 and J19: whose turn it is, and who may take it."""

import os
import time
from uuid import UUID

import pytest
from django.db import connection

from governance.identity.scoping import tenant_scope
from governance.jobs.leasing import advance, create, lock_job
from governance.pipeline import running, turns, working
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


def waiting(tenant):
    return sql("SELECT count(*) FROM governance_message WHERE state = 0 AND tenant_id = %s", tenant.id)[0][0]


def two_tenants(large, count):
    """Chats of a large tenant, and then one of a small one; return the small one."""
    small = make_tenant()
    for start in range(0, count, 500):
        chats(large, min(count, 500), prefix=f"large-{start}")
    chats(small, 1, prefix="small")
    return small


def left_when_done(large, small, monkeypatch, *, seconds):
    """Work for the large tenant first; return how much of it waited when the small one's was done, and after how long."""
    plain, began, seen = running.classify_batch, time.monotonic(), []

    def batch(*, tenant, now):
        done = plain(tenant=tenant, now=now)
        if not seen and not waiting(small):
            seen.append((waiting(large), time.monotonic() - began))
        return done

    monkeypatch.setattr(running, "classify_batch", batch)
    classify_for_all(first=large.id, seconds=seconds)
    return seen[0]


def test_j16_one_message_of_a_small_tenant_waits_for_no_large_one(tenant, monkeypatch):
    small = two_tenants(tenant, 20_000 if SOAK else 1_000)
    left, took = left_when_done(tenant, small, monkeypatch, seconds=8)
    assert took < 5
    assert left > 0, "most of the large tenant's waited still"
    print(f"the small tenant's message was done after {took:.2f} s; {left} of the large one waited still")


def test_j16_control_turns_without_an_end_would_starve_it(tenant, monkeypatch):
    """The mutant: a worker stays with a tenant as long as that has work."""
    small = two_tenants(tenant, 200)
    monkeypatch.setattr(turns, "TURN_SECONDS", 3600.0)
    left, _ = left_when_done(tenant, small, monkeypatch, seconds=120)
    assert left == 0, "the small tenant's came last, however much the large one has"


def many_jobs(tenant, count):
    with tenant_scope(tenant.id), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO governance_job (id, tenant_id, topic, state, spec, cursor, done, fence, reason, attempt, seconds)"
            " SELECT gen_random_uuid(), %s::uuid, 'one', 'waiting', '{}', '{}', 0, 0, '', 0, 0"
            " FROM generate_series(1, %s::int)",
            [tenant.id, count],
        )


def finishing(done_at):
    """A handler that does a job in one step and notes when."""

    def one(leased):
        with tenant_scope(leased.tenant):
            lock_job(leased)
            advance(leased, done=1, cursor={}, finished=True)
        done_at.setdefault(leased.id, time.monotonic())

    return {"one": one}


def test_j16_one_job_of_a_small_tenant_waits_for_no_large_one(tenant):
    small = make_tenant()
    many_jobs(tenant, 100_000 if SOAK else 5_000)
    with tenant_scope(small.id):
        mine = create(tenant=small.id, topic="one", spec={})
    done_at, began = {}, time.monotonic()
    work_for_all(finishing(done_at), first=tenant.id, seconds=2)
    assert done_at[mine] - began < 5
    assert len(done_at) > 5, "the large tenant's went on, too"


def by_age(tenants, turn, *, first, seconds):
    """The mutant of `in_turns`: one queue for all, whoever came first is next."""
    until = time.monotonic() + seconds
    oldest = "SELECT tenant_id FROM governance_job WHERE state = 'waiting' ORDER BY created_at, id LIMIT 1"
    while time.monotonic() < until and (found := sql(oldest)):
        turn(found[0][0], until)


def test_j16_control_first_come_first_served_would_starve_it(tenant, monkeypatch):
    small = make_tenant()
    many_jobs(tenant, 60)
    with tenant_scope(small.id):
        mine = create(tenant=small.id, topic="one", spec={})
    monkeypatch.setattr(working, "in_turns", by_age)
    done_at = {}
    work_for_all(finishing(done_at), first=small.id, seconds=120)
    assert max(done_at, key=done_at.get) == mine, "after all the others, however many there are"
    assert len(done_at) == 61


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
