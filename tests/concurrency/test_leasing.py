"""Long work as jobs: lease, fence, progress, three attempts, waiting for what is outside, pause, resume, cancel."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connections

from governance.identity.scoping import tenant_scope
from governance.jobs.leasing import LeaseLost, advance, claim_job, create, extend, lock_job, release
from governance.keys.errors import ProviderFailed
from governance.pipeline import managing
from governance.pipeline.turns import rests
from governance.pipeline.working import work_for_all
from tests.conftest import as_principal, make_tenant, now
from tests.security.test_c_ciphertext import sql


def made(tenant, topic="count", **more):
    with tenant_scope(tenant.id):
        return create(tenant=tenant.id, topic=topic, spec={"to": 5}, total=5, **more)


def claimed(tenant, topics=("count",)):
    with tenant_scope(tenant.id):
        return claim_job(topics)[0]


def row(job):
    (found,) = sql("SELECT state, done, attempt, fence, reason FROM governance_job WHERE id = %s", job)
    return dict(zip(("state", "done", "attempt", "fence", "reason"), found, strict=True))


def count_one(leased):
    """A handler: counts one further, until five."""
    with tenant_scope(leased.tenant):
        lock_job(leased)
        advance(leased, done=1, cursor={"at": leased.done + 1}, finished=leased.done + 1 == leased.spec["to"])


def let_lease_end(job):
    sql("UPDATE governance_job SET lease_until = now() - interval '1 second', not_before = NULL WHERE id = %s", job)


@pytest.fixture(autouse=True)
def rested():
    rests._until.clear()


def test_a_job_is_done_step_by_step_and_once(tenant):
    job = made(tenant)
    assert work_for_all({"count": count_one}) == 5
    assert row(job) == {"state": "done", "done": 5, "attempt": 0, "fence": 1, "reason": ""}
    assert work_for_all({"count": count_one}) == 0


def test_two_workers_lease_two_jobs_and_never_one(tenant):
    first, second = made(tenant), made(tenant)
    leased = [claimed(tenant), claimed(tenant), claimed(tenant)]
    assert {one.id for one in leased[:2]} == {first, second}
    assert leased[2] is None


def test_a_worker_whose_lease_was_taken_over_changes_nothing(tenant):
    job = made(tenant)
    late = claimed(tenant)
    let_lease_end(job)
    heir = claimed(tenant)
    count_one(heir)
    for act in (count_one, lambda leased: _in_scope(leased, extend)):
        with pytest.raises(LeaseLost):
            act(late)
    _in_scope(late, release)
    assert row(job)["done"] == 1
    assert row(job)["state"] == "running", "the late worker gave nothing back that is not its own"


def test_control_without_the_fence_the_late_worker_would_count_twice(tenant):
    """The mutant: the job's state alone says whose it is."""
    job = made(tenant)
    late = claimed(tenant)
    let_lease_end(job)
    heir = claimed(tenant)
    count_one(heir)
    late.fence = heir.fence
    count_one(late)
    assert row(job)["done"] == 2


def _in_scope(leased, call):
    with tenant_scope(leased.tenant):
        call(leased)


def test_progress_and_effect_are_one_transaction(tenant):
    job = made(tenant)
    leased = claimed(tenant)
    with pytest.raises(ZeroDivisionError), tenant_scope(tenant.id):
        lock_job(leased)
        advance(leased, done=3, cursor={"at": 3})
        raise ZeroDivisionError
    assert row(job)["done"] == 0


def test_three_attempts_without_a_step_quarantine_the_job_and_the_next_one_goes_on(tenant, stored):
    job, good = made(tenant, "bad"), made(tenant)

    def bad(leased):
        raise ZeroDivisionError

    for _ in range(3):
        work_for_all({"bad": bad, "count": count_one})
        let_lease_end(job)
    assert row(job)["state"] == "quarantined"
    assert row(job)["reason"] == "ZeroDivisionError, three times without a step forward"
    assert row(good)["state"] == "done"


def test_workers_that_die_without_a_word_count_as_attempts(tenant, stored):
    job = made(tenant)
    for _ in range(3):
        assert claimed(tenant) is not None
        let_lease_end(job)
    assert work_for_all({"count": count_one}) == 1
    assert row(job)["state"] == "quarantined"


def test_control_progress_sets_the_attempts_back(tenant):
    job = made(tenant)
    for _ in range(4):
        count_one(claimed(tenant))
        let_lease_end(job)
    assert row(job) == {"state": "running", "done": 4, "attempt": 0, "fence": 4, "reason": ""}


def test_a_provider_that_is_away_burns_no_attempt(tenant):
    job = made(tenant)

    def away(leased):
        raise ProviderFailed("away")

    for _ in range(5):
        work_for_all({"count": away})
        assert row(job)["attempt"] == 0
        assert row(job)["state"] == "waiting"
        let_lease_end(job)
        rests._until.clear()
    work_for_all({"count": count_one})
    assert row(job)["state"] == "done"


def test_a_tenant_whose_provider_is_away_rests_longer_each_time():
    tenant = uuid4()
    assert [rests.begin(tenant) for _ in range(8)] == [2, 4, 8, 16, 32, 60, 60, 60]
    assert not rests.over(tenant)
    rests.end(tenant)
    assert rests.over(tenant)


def test_a_job_for_later_and_one_of_an_unknown_topic_wait(tenant):
    later = made(tenant, not_before=now() + timedelta(hours=1))
    foreign = made(tenant, "of a newer version")
    assert work_for_all({"count": count_one}) == 0
    assert {row(later)["state"], row(foreign)["state"]} == {"waiting"}


def test_jobs_of_one_tenant_take_turns(tenant):
    jobs = [made(tenant) for _ in range(3)]
    first = [claimed(tenant) for _ in jobs]
    for leased in first:
        count_one(leased)
        _in_scope(leased, release)
    again = claimed(tenant)
    assert again.id == first[0].id, "the one that was worked on longest ago"


def test_pause_waits_for_the_step_that_runs_and_stops_the_next(tenant, people):
    job = made(tenant)
    officer = as_principal(tenant, people["security_officer"])
    begun, go_on = threading.Event(), threading.Event()

    def slow(leased):
        with tenant_scope(leased.tenant):
            lock_job(leased)
            begun.set()
            go_on.wait(5)
            advance(leased, done=1, cursor={}, finished=False)

    def body():
        work_for_all({"count": slow}, seconds=3)
        connections.close_all()

    worker = threading.Thread(target=body)
    worker.start()
    begun.wait(5)
    threading.Timer(0.3, go_on.set).start()
    managing.pause(principal=officer, job_id=job, now=now())
    worker.join()
    assert row(job)["state"] == "paused"
    paused_at = row(job)["done"]
    assert paused_at >= 1, "the step that ran was done"
    assert work_for_all({"count": count_one}) == 0
    managing.resume(principal=officer, job_id=job, now=now())
    work_for_all({"count": count_one})
    assert row(job)["state"] == "done"


def test_what_is_done_or_cancelled_cannot_be_paused_or_resumed(tenant, people):
    officer = as_principal(tenant, people["security_officer"])
    job = made(tenant)
    shown = managing.cancel(principal=officer, job_id=job, now=now())
    assert shown.state == "cancelled"
    for act in (managing.pause, managing.resume, managing.cancel):
        with pytest.raises(managing.NotNow, match="cancelled"):
            act(principal=officer, job_id=job, now=now())
    assert work_for_all({"count": count_one}) == 0


def test_done_total_rate_and_time_left(tenant, people):
    officer = as_principal(tenant, people["security_officer"])
    job = made(tenant)
    leased = claimed(tenant)
    leased._since -= 2.0
    count_one(leased)
    shown = managing.job_of(principal=officer, job_id=job, now=now())
    assert (shown.done, shown.total) == (1, 5)
    assert shown.rate == pytest.approx(0.5, rel=0.1)
    assert shown.seconds_left == pytest.approx(8, rel=0.1)
    assert [one.id for one in managing.jobs_for(principal=officer, now=now(), open_only=True)] == [job]


def test_z10_a_job_of_another_tenant_is_unknown(tenant, people):
    job = made(make_tenant())
    officer = as_principal(tenant, people["security_officer"])
    for act in (managing.job_of, managing.pause, managing.resume, managing.cancel):
        with pytest.raises(managing.UnknownJob):
            act(principal=officer, job_id=job, now=now())
    assert row(job)["state"] == "waiting"


def test_z10_control_its_own_officer_pauses_it(people, tenant):
    job = made(tenant)
    officer = as_principal(tenant, people["security_officer"])
    assert managing.pause(principal=officer, job_id=job, now=now()).state == "paused"
