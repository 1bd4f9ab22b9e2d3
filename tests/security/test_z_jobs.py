"""ATTACKS.md, row Z08: background work is managed by officers; a plain user is refused at every door."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from governance.identity.tokens import mint
from tests.conftest import as_principal, make_person, now

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
    done += [officer.post(f"/api/v1/jobs/{job}:{act}", {}, format="json") for act in ("pause", "resume", "cancel")]
    assert [answer.status_code for answer in done] == [200] * 5


def test_z08_the_command_refuses_them_as_well(tenant, job):
    analyst = make_person(tenant, "analyst")
    with pytest.raises(CommandError, match="policy.denied"):
        call_command("jobs", "cancel", str(job), member=analyst.username)
