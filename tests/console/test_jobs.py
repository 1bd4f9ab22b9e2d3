"""The pages of long work: the list, the progress that stops itself, and the acts."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.identity.scoping import tenant_scope
from governance.jobs.models import Job
from governance.pipeline import managing
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.working import work_for_all
from governance.privacy.rescanning import ask_rescan
from tests.conftest import as_principal, make_tenant, now
from tests.console.browsing import text_of
from tests.console.officers import officer_client


@pytest.fixture
def officer(tenant, stored):
    return officer_client(tenant)


def asked(officer):
    answer = officer.post("/jobs/rescan")
    assert answer.status_code == 303
    return answer["Location"]


def state_of(tenant, officer, address):
    principal = as_principal(tenant, officer.person)
    return managing.job_of(principal=principal, job_id=address.rpartition("/")[2], now=now()).state


def test_an_empty_list_says_how_to_begin(officer):
    assert "No long work yet" in text_of(officer.get("/jobs"))


def test_a_job_is_paused_resumed_and_cancelled(tenant, officer):
    job = asked(officer)
    for act, state, said in (
        ("pause", "paused", "The job is paused."),
        ("resume", "waiting", "Workers go on with the job."),
        ("cancel", "cancelled", "The job is cancelled."),
    ):
        page = officer.post(f"{job}/{act}", follow=True)
        assert page.redirect_chain == [(job, 303)]
        assert said in text_of(page)
        assert state_of(tenant, officer, job) == state
    late = officer.post(f"{job}/pause")
    assert late.status_code == 409
    assert "cannot be paused" in text_of(late)


def test_the_progress_asks_again_only_while_a_worker_may_have_it(officer):
    job = asked(officer)
    part = officer.get(f"{job}/progress?was=waiting")
    assert 'hx-trigger="every 1s"' in part.content.decode()
    assert "HX-Refresh" not in part
    officer.post(f"{job}/pause")
    part = officer.get(f"{job}/progress?was=waiting")
    assert part["HX-Refresh"] == "true", "the buttons are others now"
    assert "hx-trigger" not in part.content.decode()
    officer.post(f"{job}/resume")
    work_for_all(HANDLERS)
    part = officer.get(f"{job}/progress?was=running")
    assert "hx-trigger" not in part.content.decode()
    assert "100.0 %" in text_of(part)


def test_open_jobs_stand_first_and_notices_apart(tenant, officer):
    over = asked(officer)
    officer.post(f"{over}/cancel")
    first = asked(officer)
    later = asked(officer)
    officer.post(f"{later}/cancel")
    order = [str(line.shown.id) for line in officer.get("/jobs").context["jobs"]]
    assert order[0] == first.rpartition("/")[2]
    assert len(order) == 3
    assert not any(line.shown.topic == "notice" for line in officer.get("/jobs").context["jobs"])


def test_another_tenants_job_is_not_found(officer):
    other = make_tenant()
    stranger = officer_client(other)
    job = ask_rescan(principal=as_principal(other, stranger.person), now=now())
    for address in (f"/jobs/{job}", f"/jobs/{job}/progress", f"/jobs/{job}/cancel"):
        assert officer.get(address).status_code == 404
    assert officer.post(f"/jobs/{job}/cancel").status_code == 404
    assert state_of(other, stranger, f"/jobs/{job}") == "waiting"


def test_the_list_asks_no_more_of_the_database_where_there_are_more_jobs(officer):
    def queries():
        with CaptureQueriesContext(connection) as seen:
            officer.get("/jobs")
        return len(seen)

    officer.post(f"{asked(officer)}/cancel")
    officer.get("/jobs")
    before = queries()
    for _ in range(5):
        asked(officer)
    officer.get("/jobs")
    assert queries() == before


def test_cards_count_what_is_not_over_and_say_where_there_are_more(tenant, officer, monkeypatch):
    for state, number in (("done", 7), ("cancelled", 1), ("waiting", 2), ("running", 1), ("paused", 1), ("quarantined", 3)):
        with tenant_scope(tenant.id):
            Job.objects.bulk_create(Job(tenant_id=tenant.id, topic="rescan", state=state) for _ in range(number))
    shown = text_of(officer.get("/"))
    for said in ("3 jobs were set aside", "1 job is paused", "3 jobs are at work"):
        assert said in shown
    monkeypatch.setattr("governance.pipeline.managing.MOST", 6)
    assert "more than" in text_of(officer.get("/"))
    assert managing.unfinished(tenant=tenant.id).keys() <= {"waiting", "running", "paused", "quarantined"}


@pytest.mark.parametrize(
    ("read", "index"),
    [
        (lambda officer: officer.get("/"), "job_unfinished"),
        (lambda officer: officer.get("/jobs"), "job_by_time"),
        (lambda officer: officer.get("/jobs"), "job_unfinished"),
    ],
    ids=["the cards", "the newest", "those that are not over"],
)
def test_no_statement_of_a_page_reads_all_jobs(tenant, officer, read, index):
    with CaptureQueriesContext(connection) as seen:
        assert read(officer).status_code == 200
    asked = [one["sql"] for one in seen if 'FROM "governance_job"' in one["sql"]]
    assert asked
    assert all("LIMIT" in one for one in asked), "control: a count without a bound reads all"
    plans = []
    with tenant_scope(tenant.id), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for one in asked:
            cursor.execute(f"EXPLAIN {one}")
            plans.append(" ".join(row[0] for row in cursor.fetchall()))
    assert any(index in plan for plan in plans), plans
