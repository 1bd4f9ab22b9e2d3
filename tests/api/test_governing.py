"""Policies, approvals, break-glass and explanations over the API, as two officers and an auditor use it."""

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from governance.access.models import AccessPolicy
from governance.identity.scoping import tenant_scope
from governance.identity.tokens import mint
from tests.conftest import make_person, make_tenant, now

TEXT = 'forbid (principal, action, resource is Conversation) when { resource.collection == "support-bot" };'


@pytest.fixture
def client_of(tenant, people):
    def make(user, *, fresh=True, of=tenant, purpose="support"):
        token = mint(
            tenant=of, user=people.get(user, user) if isinstance(user, str) else user, name="t", now=now(),
            life=timedelta(hours=1), second_factor_at=now() if fresh else None,
        )  # fmt: skip
        client = APIClient()
        client.credentials(
            HTTP_AUTHORIZATION=f"Bearer {token.plain}", HTTP_THREADVAULT_PURPOSE=purpose, HTTP_IF_MATCH="*"
        )  # fmt: skip
        return client

    return make


@pytest.fixture
def other_officer(tenant):
    return make_person(tenant, "security_officer")


def post(client, path, body=None, status=None):
    answer = client.post(f"/api/v1/{path}", body or {}, format="json")
    assert status is None or answer.status_code == status, answer.content
    return answer.json() if answer.content else {}


def test_a_policy_from_draft_to_force_and_out_again(client_of, other_officer, stored):
    officer, second, analyst = client_of("security_officer"), client_of(other_officer), client_of("analyst")
    draft = post(officer, "policies", {"name": "no-bot", "cedar": TEXT, "reason": "a leak"}, 201)
    assert (draft["state"], draft["version"]) == ("draft", 1)
    assert "+forbid" in officer.get(f"/api/v1/policies/{draft['id']}/diff").json()["diff"]
    assert analyst.get(f"/api/v1/conversations/{stored[0]}").status_code == 200
    run = post(officer, f"policies/{draft['id']}:dry-run", {"last": 50}, 200)
    assert "newly_refused" in {change["kind"] for change in run["changes"]}
    approval = post(officer, f"policies/{draft['id']}:ask", {"reason": "a leak"}, 201)["approval"]
    post(officer, f"approvals/{approval}:second", status=409)
    waiting = second.get("/api/v1/approvals?waiting=true").json()["results"]
    assert [one["id"] for one in waiting] == [approval]
    assert waiting[0]["details"]["name"] == "no-bot"
    post(second, f"approvals/{approval}:second", status=200)
    assert post(officer, f"policies/{draft['id']}:apply", {"approval": approval}, 200)["state"] == "active"
    refused = analyst.get(f"/api/v1/conversations/{stored[0]}")
    assert (refused.status_code, refused.json()["code"]) == (403, "policy.denied")
    assert "no-bot" not in refused.content.decode(), "the answer does not name policies; explaining does"
    explained = post(analyst, f"conversations/{stored[0]}:explain", {"purpose": "support"}, 200)
    assert (explained["allowed"], explained["policies"]) == (False, ["no-bot@1"])
    out = post(officer, f"policies/{draft['id']}:ask", {"reason": "mended"}, 201)["approval"]
    post(second, f"approvals/{out}:second", status=200)
    assert post(officer, f"policies/{draft['id']}:apply", {"approval": out}, 200)["state"] == "retired"
    assert analyst.get(f"/api/v1/conversations/{stored[0]}").status_code == 200


def test_who_is_asked_to_agree_to_a_policy_reads_it(client_of):
    officer, second, analyst = (client_of(role) for role in ("security_officer", "privacy_officer", "analyst"))
    draft = post(officer, "policies", {"name": "no-bot", "cedar": TEXT, "reason": "r"}, 201)
    addresses = (f"/api/v1/policies/{draft['id']}", f"/api/v1/policies/{draft['id']}/diff")

    def answers(client):
        return [client.get(address).status_code for address in addresses]

    assert answers(second) == [403, 403]
    approval = post(officer, f"policies/{draft['id']}:ask", {"reason": "a leak"}, 201)["approval"]
    assert second.get(f"/api/v1/approvals/{approval}").json()["subject_id"] == draft["id"]
    assert second.get(addresses[0]).json()["cedar"] == TEXT
    assert f"+{TEXT}" in second.get(addresses[1]).json()["diff"]
    assert answers(analyst) == [403, 403]
    assert second.get("/api/v1/policies").status_code == 403
    post(second, f"policies/{draft['id']}:dry-run", {"last": 5}, 403)


def test_a_form_is_written_as_cedar(tenant, client_of):
    form = {
        "roles": ["analyst"], "actions": ["read_redacted"], "collections": ["bot"], "highest": "confidential",
        "weekdays": [1, 2, 3, 4, 5], "from_time": "09:00", "until_time": "17:30", "not_after": "2027-01-01T00:00:00Z",
    }  # fmt: skip
    made = post(client_of("security_officer"), "policies", {"name": "office", "form": form, "reason": "hours"}, 201)
    for part in ('["bot"].contains', "classification <= 2", "minute_of_day >= 540", "minute_of_day < 1050", "weekday == 5"):
        assert part in made["cedar"]
    with tenant_scope(tenant.id):
        assert AccessPolicy.objects.get(name="office").state == "draft"


FAULTS = [
    pytest.param({"name": "x", "cedar": "permit (", "reason": "r"}, 422, "access.policy_invalid", id="no Cedar"),
    pytest.param({"name": "x", "reason": "r"}, 400, "invalid", id="neither text"),
    pytest.param(
        {"name": "x", "cedar": TEXT, "form": {"actions": ["list"]}, "reason": "r"}, 400, "invalid", id="both texts"
    ),
    pytest.param({"name": "X Y", "cedar": TEXT, "reason": "r"}, 422, "access.policy_invalid", id="name"),
    pytest.param({"name": "x", "cedar": TEXT, "reason": "r", "state": "active"}, 400, "invalid", id="state smuggled in"),
    pytest.param({"name": "x", "cedar": TEXT, "reason": "r", "approval_id": "1"}, 400, "invalid", id="approval smuggled in"),
]


@pytest.mark.parametrize(("body", "status", "code"), FAULTS)
def test_a_faulty_draft_is_refused_and_nothing_is_kept(tenant, client_of, body, status, code):
    with tenant_scope(tenant.id):
        before = AccessPolicy.objects.count()
    answer = post(client_of("security_officer"), "policies", body, status)
    assert answer["code"] == code
    with tenant_scope(tenant.id):
        assert AccessPolicy.objects.count() == before


@pytest.mark.parametrize("role", ["analyst", "privacy_officer", "auditor"])
def test_others_change_no_policy(client_of, role):
    answer = post(client_of(role), "policies", {"name": "x", "cedar": TEXT, "reason": "r"}, 403)
    assert answer["code"] == "policy.denied"


def test_a_stale_second_factor_is_not_enough(client_of):
    answer = post(client_of("security_officer", fresh=False), "policies", {"name": "x", "cedar": TEXT, "reason": "r"}, 403)
    assert answer["code"] == "second_factor.needed"


def test_break_glass_from_ask_to_review(client_of, other_officer, stored):
    officer, second = client_of("security_officer", purpose="break_glass"), client_of(other_officer)
    asked = {"conversations": [str(stored[0])], "ticket": "INC-7", "minutes": 10, "reason": "the bot leaks"}
    source = f"/api/v1/conversations/{stored[0]}/messages?view=source"
    assert officer.get(source).json()["code"] == "break_glass.needed"
    approval = post(officer, "break-glass", asked, 201)["approval"]
    assert post(officer, "break-glass:open", {"approval": approval}, 409)["code"] == "approvals.refused"
    post(second, f"approvals/{approval}:second", status=200)
    glass = post(officer, "break-glass:open", {"approval": approval}, 201)
    assert officer.get(source).json()["results"][0]["text"] == ["Mail me at kim0@example.com"]
    post(second, f"break-glass/{glass['id']}:end", status=204)
    assert officer.get(source).status_code == 403
    assert [one["id"] for one in second.get("/api/v1/break-glass?to_review=true").json()["results"]] == [glass["id"]]
    post(officer, f"break-glass/{glass['id']}:review", {"justified": True, "note": "mine"}, 409)
    post(second, f"break-glass/{glass['id']}:review", {"justified": False, "note": "no ticket"}, 204)
    assert second.get("/api/v1/break-glass?to_review=true").json()["results"] == []


def test_break_glass_on_what_is_not_there_is_not_found(client_of, stored):
    stranger = make_tenant()
    officer = client_of(make_person(stranger, "security_officer"), of=stranger)
    asked = {"conversations": [str(stored[0])], "ticket": "INC-7", "minutes": 10, "reason": "r"}
    assert post(officer, "break-glass", asked, 404)["code"] == "vault.not_found"


def test_readers_and_refusals_are_explained_to_auditors(client_of, people, stored):
    auditor = client_of("auditor")
    readers = auditor.get(f"/api/v1/conversations/{stored[0]}/readers").json()["results"]
    assert {one["username"] for one in readers} >= {people["analyst"].username, people["privacy_officer"].username}
    assert client_of("analyst").get(f"/api/v1/conversations/{stored[0]}/readers").status_code == 403


def test_purposes_and_collections(client_of, stored):
    officer = client_of("security_officer")
    post(officer, "purposes", {"code": "research", "description": "Study."}, 201)
    assert post(officer, "purposes", {"code": "research"}, 422)["code"] == "access.purpose"
    assert "research" in {one["code"] for one in client_of("analyst").get("/api/v1/purposes").json()["results"]}
    (collection,) = officer.get("/api/v1/collections").json()["results"]
    path = f"/api/v1/collections/{collection['id']}"
    changed = officer.patch(path, {"purposes": ["research"], "lawful_basis": "consent"}, format="json").json()
    assert (changed["purposes"], changed["lawful_basis"]) == (["research"], "consent")
    refused = client_of("analyst").get(f"/api/v1/conversations/{stored[0]}")
    assert refused.json()["code"] == "purpose.collection"
    assert client_of("analyst", purpose="research").get(f"/api/v1/conversations/{stored[0]}").status_code == 200
    for body in ({"purposes": ["golf"]}, {"lawful_basis": "greed"}):
        assert officer.patch(path, body, format="json").status_code == 422
    assert officer.patch(path, {"tenant": "x"}, format="json").status_code == 400
    assert client_of("analyst").patch(path, {"purposes": []}, format="json").status_code == 403


def test_approvals_of_other_acts_are_asked_refused_and_withdrawn(client_of, tenant):
    officer, second = client_of("privacy_officer"), client_of("security_officer")
    body = {"act": "erase", "subject": str(tenant.id), "reason": "asked for"}
    one = post(officer, "approvals", body, 201)["approval"]
    post(second, f"approvals/{one}:refuse", status=200)
    assert officer.get(f"/api/v1/approvals/{one}").json()["state"] == "refused"
    other = post(officer, "approvals", body, 201)["approval"]
    post(second, f"approvals/{other}:withdraw", status=409)
    post(officer, f"approvals/{other}:withdraw", status=204)
    assert post(officer, "approvals", {**body, "act": "activate_policy"}, 400)["code"] == "invalid_choice"
    assert second.get(f"/api/v1/approvals/{tenant.id}").status_code == 404
