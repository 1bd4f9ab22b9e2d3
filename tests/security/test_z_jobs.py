"""ATTACKS.md, rows Z08 and Z10: background work is managed by officers of its tenant; all others are refused at every door."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from rest_framework.test import APIClient

from governance.identity.tokens import mint
from tests.conftest import as_principal, make_person, make_tenant, now
from tests.security.test_c_ciphertext import admin, sql

DOORS = [
    ("GET", "", None), ("POST", "", {"topic": "rescan"}), ("GET", "/{}", None), ("POST", "/{}:pause", {}),
    ("POST", "/{}:resume", {}), ("POST", "/{}:cancel", {}),
]  # fmt: skip


@pytest.fixture
def job(tenant, stored):
    from governance.privacy.rescanning import ask_rescan

    officer = make_person(tenant, "security_officer")
    return ask_rescan(principal=as_principal(tenant, officer, second_factor=True), now=now())


def client_of(tenant, role):
    token = mint(tenant=tenant, user=make_person(tenant, role), name="t", now=now(), life=timedelta(hours=1)).plain
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {token}")


@pytest.mark.parametrize(("method", "path", "body"), DOORS)
@pytest.mark.parametrize("role", ["analyst", "privacy_officer", "auditor"])
def test_z08_a_plain_user_is_refused_and_the_job_stays_as_it_is(role, method, path, body, tenant, job):
    data = "" if body is None else json.dumps(body)
    door = f"/api/v1/jobs{path.format(job)}"
    answer = client_of(tenant, role).generic(method, door, data, content_type="application/json")
    assert answer.status_code == 403
    assert client_of(tenant, "security_officer").get(f"/api/v1/jobs/{job}").json()["state"] == "waiting"


def test_z08_control_an_officer_does_each_of_them(tenant, job):
    officer = client_of(tenant, "security_officer")
    done = [officer.get("/api/v1/jobs"), officer.get(f"/api/v1/jobs/{job}")]
    asked = officer.post("/api/v1/jobs", {"topic": "rescan"}, format="json")
    assert asked.status_code == 202
    done += [officer.post(f"/api/v1/jobs/{job}:{act}", {}, format="json") for act in ("pause", "resume", "cancel")]
    assert [answer.status_code for answer in done] == [200] * 5


def test_z08_the_command_refuses_them_as_well(tenant, job):
    analyst = make_person(tenant, "analyst")
    with pytest.raises(CommandError, match="policy.denied"):
        call_command("jobs", "cancel", str(job), member=analyst.username)


def bare(answer, job):
    """Status and body of an answer, without what names the id or the request."""
    return answer.status_code, answer.content.decode().replace(str(job), "ID")


@pytest.mark.parametrize(("method", "path", "body"), DOORS[2:])
def test_z10_a_job_of_another_tenant_is_answered_as_one_that_is_not_there(method, path, body, job):
    foreign, unknown = client_of(make_tenant(), "security_officer"), uuid4()
    data = "" if body is None else json.dumps(body)
    answers = [
        bare(foreign.generic(method, f"/api/v1/jobs{path.format(one)}", data, content_type="application/json"), one)
        for one in (job, unknown)
    ]
    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    assert sql("SELECT state FROM governance_job WHERE id = %s", job) == [("waiting",)]


def test_z10_a_list_of_jobs_knows_nothing_of_another_tenant(tenant, job):
    """The control as well: its own officer sees it."""
    theirs, ours = (client_of(one, "security_officer").get("/api/v1/jobs").json() for one in (make_tenant(), tenant))
    assert str(job) not in json.dumps(theirs)
    assert str(job) in json.dumps(ours)


def test_z10_control_without_row_security_a_foreign_officer_stops_it(tenant, job):
    """The guard taken out: the rows of all tenants are seen, as by a superuser."""
    foreign = client_of(make_tenant(), "security_officer")
    role = connections["default"].settings_dict["USER"]
    with admin() as outside:
        outside.execute(f'ALTER ROLE "{role}" BYPASSRLS')
        try:
            answer = foreign.post(f"/api/v1/jobs/{job}:cancel", {}, format="json")
        finally:
            outside.execute(f'ALTER ROLE "{role}" NOBYPASSRLS')
    assert answer.status_code == 200
    assert sql("SELECT state FROM governance_job WHERE id = %s", job) == [("cancelled",)]
