"""Keys by API: each change names what its asker saw, grave ones take two people, long ones become jobs."""

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from governance.identity.tokens import mint
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.working import work_for_all
from tests.access.policing import Officers
from tests.conftest import item, make_person, make_tenant, now, store


def client_of(tenant, user):
    minted = mint(tenant=tenant, user=user, name="t", now=now(), life=timedelta(hours=1), second_factor_at=now())
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {minted.plain}")
    return client


@pytest.fixture
def officers(tenant):
    return Officers(tenant)


@pytest.fixture
def client(tenant, officers):
    return client_of(tenant, officers.users[0])


def ring(client, use="content"):
    (found,) = [one for one in client.get("/api/v1/key-rings").json()["results"] if one["use"] == use]
    return f"/api/v1/key-rings/{found['id']}"


def versions(client, use="content"):
    return client.get("/api/v1/key-versions", {"use": use}).json()["results"]


def post(client, address, body=None, seen="*"):
    given = {} if seen is None else {"HTTP_IF_MATCH": seen}
    return client.post(address, body or {}, format="json", **given)


def test_a_change_says_what_its_asker_saw(client):
    address = ring(client)
    seen = client.get(address).headers["ETag"]
    unsaid = post(client, f"{address}:rotate", seen=None)
    assert (unsaid.status_code, unsaid.json()["code"]) == (428, "precondition.required")
    assert post(client, f"{address}:rotate", seen="W/tag").json()["code"] == "precondition.invalid"
    done = post(client, f"{address}:rotate", {"reason": "by plan"}, seen=seen)
    assert (done.status_code, done.json()["active"]) == (200, 2)
    assert done.headers["ETag"] == client.get(address).headers["ETag"] != seen
    late = post(client, f"{address}:rotate", seen=seen)
    assert (late.status_code, late.json()["code"]) == (412, "keys.changed")
    assert client.get(address).json()["active"] == 2, "the late one changed nothing"
    assert post(client, f"{address}:rotate", seen=done.headers["ETag"]).json()["active"] == 3


def test_a_version_is_suspended_and_resumed_as_it_was_seen(client):
    (version,) = versions(client)
    address = f"/api/v1/key-versions/{version['id']}"
    seen = client.get(address).headers["ETag"]
    done = post(client, f"{address}:suspend", {"reason": "odd log lines"}, seen=seen)
    assert done.json()["state"] == "suspended"
    assert [step["after"] for step in done.json()["transitions"]] == ["active", "suspended"]
    assert post(client, f"{address}:resume", {"reason": "r"}, seen=seen).status_code == 412
    assert post(client, f"{address}:resume", {"reason": "r"}, seen=done.headers["ETag"]).json()["state"] == "active"
    assert post(client, f"{address}:resume", {"reason": "r"}).json()["code"] == "keys.transition"


def test_a_ring_moves_by_a_job_that_was_planned(tenant, client):
    store(tenant, *(item(f"c-{at}", "hello", subject=f"u-{at}") for at in range(3)))
    address = ring(client)
    post(client, f"{address}:rotate")
    plan = client.get(f"{address}/plan").json()
    assert (plan["data_keys"], plan["records"], plan["rewrap_seconds"]) == (3, 6, None)
    asked = post(client, f"{address}:rewrap")
    assert (asked.status_code, asked.headers["Location"]) == (202, f"/api/v1/jobs/{asked.json()['id']}")
    assert post(client, f"{address}:rewrap").json()["code"] == "keys.busy"
    work_for_all(HANDLERS)
    assert [(one["version"], one["data_keys"]) for one in versions(client)] == [(1, 0), (2, 3)]
    assert post(client, f"{ring(client, 'tombstone')}:reencrypt").status_code == 404, "nothing is sealed under it"
    assert post(client, f"{ring(client, 'index')}:reencrypt").json()["topic"] == "reindex"


def test_a_version_is_destroyed_by_two_people_and_a_waiting(tenant, client, officers):
    store(tenant, item())
    address = ring(client)
    post(client, f"{address}:rotate")
    version = f"/api/v1/key-versions/{versions(client)[0]['id']}"
    radius = client.get(f"{version}/blast-radius").json()
    assert (radius["data_keys"], radius["destroyable"]) == (1, False)
    used = post(client, f"{version}:ask-destroy", {"reason": "r"})
    assert (used.status_code, used.json()["code"]) == (409, "keys.in_use")
    assert "wraps 1 data keys" in used.json()["detail"]
    post(client, f"{address}:rewrap")
    work_for_all(HANDLERS)
    short = post(client, f"{version}:ask-destroy", {"days": 1, "reason": "r"})
    assert (short.status_code, short.json()["errors"][0]["pointer"]) == (400, "/days")
    approval = post(client, f"{version}:ask-destroy", {"days": 10, "reason": "r"}).json()["approval"]
    assert post(client, f"{version}:destroy", {"approval": approval}).json()["code"] == "approvals.refused"
    officers.agree(approval)
    other = f"/api/v1/key-versions/{versions(client, 'index')[0]['id']}"
    assert "another version" in post(client, f"{other}:destroy", {"approval": approval}).json()["detail"]
    waits = post(client, f"{version}:destroy", {"approval": approval}, seen=client.get(version).headers["ETag"])
    assert waits.json()["state"] == "deactivated"
    assert waits.json()["destroy_at"] > (now() + timedelta(days=9)).isoformat()
    assert post(client, f"{version}:cancel", {"reason": "an audit"}).json()["destroy_at"] is None


def test_the_minimum_is_raised_by_one_and_lowered_by_two(client, officers):
    address = ring(client, "redacted")
    post(client, f"{address}:rotate")
    assert post(client, f"{address}:raise-minimum", {"number": 3}).json()["code"] == "keys.transition"
    assert post(client, f"{address}:raise-minimum", {"number": 2}).json()["minimum"] == 2
    asked = post(client, f"{address}:ask-minimum", {"number": 1, "reason": "r"}).json()["approval"]
    officers.agree(asked)
    elsewhere = post(client, f"{ring(client, 'index')}:lower-minimum", {"approval": asked})
    assert "another ring" in elsewhere.json()["detail"]
    assert post(client, f"{address}:lower-minimum", {"approval": asked}).json()["minimum"] == 1


def test_keys_of_another_tenant_are_not_there(client):
    other = make_tenant()
    theirs = client_of(other, make_person(other, "security_officer"))
    version, address = versions(theirs)[0]["id"], ring(theirs)
    for answer in (
        client.get(address), client.get(f"/api/v1/key-versions/{version}"), post(client, f"{address}:rotate"),
        post(client, f"/api/v1/key-versions/{version}:suspend", {"reason": "r"}),
    ):  # fmt: skip
        assert (answer.status_code, answer.json()["code"]) == (404, "keys.unknown")


def test_an_auditor_looks_and_changes_nothing(tenant, client):
    auditor = client_of(tenant, make_person(tenant, "auditor"))
    address = ring(auditor)
    assert auditor.get(address).status_code == 200
    assert post(auditor, f"{address}:rotate").status_code == 403
    assert client.get(address).json()["active"] == 1
