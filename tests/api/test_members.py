"""Members and tokens over the API: who may, how far, and how at once a right is gone."""

from datetime import timedelta

import pytest
from django.test import Client
from rest_framework.test import APIClient

from governance.identity.members import add_member
from governance.identity.models import ApiToken, Membership, User
from governance.identity.tokens import mint
from tests.conftest import OPERATOR, make_person, make_tenant, now


@pytest.fixture
def client_of(tenant, people):
    def make(user, *, fresh=True, of=tenant, **limits):
        token = mint(
            tenant=of, user=people.get(user, user) if isinstance(user, str) else user, name="t", now=now(),
            life=timedelta(hours=1), second_factor_at=now() if fresh else None, **limits,
        )  # fmt: skip
        return bearer(token.plain)

    return make


def bearer(plain):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plain}", HTTP_THREADVAULT_PURPOSE="support")
    return client


def send(client, method, path, body=None, status=None):
    answer = getattr(client, method)(f"/api/v1/{path}", body or {}, format="json")
    assert status is None or answer.status_code == status, answer.content
    return answer.json() if answer.content else {}


def test_an_officer_invites_gives_a_role_and_takes_it(client_of, tenant):
    officer = client_of("security_officer")
    invited = send(officer, "post", "members", {"username": "kim", "email": "kim@example.com", "role": "analyst"}, 201)
    page = Client().get(invited["link"], follow=True)
    assert page.status_code == 200
    assert not User.objects.get(username="kim").has_usable_password()
    send(officer, "post", f"members/{invited['id']}/roles", {"role": "auditor"}, 204)
    (kim,) = [one for one in officer.get("/api/v1/members").json()["results"] if one["username"] == "kim"]
    assert (kim["roles"], kim["kind"], kim["active"]) == (["analyst", "auditor"], "person", True)
    send(officer, "delete", f"members/{kim['id']}/roles/auditor", status=204)
    send(officer, "delete", f"members/{kim['id']}/roles/auditor", status=404)
    assert list(Membership.objects.filter(user_id=kim["id"], ended_at=None).values_list("role", flat=True)) == ["analyst"]


def test_a_service_account_gets_a_token_and_sends(client_of, tenant):
    officer = client_of("security_officer")
    made = send(officer, "post", "members", {"role": "producer"}, 201)
    assert (made["link"], made["username"].startswith("producer.")) == ("", True)
    token = send(officer, "post", "tokens", {"user": made["id"], "name": "app", "scopes": ["append"]}, 201)["token"]
    item = {"external_id": "x", "collection": "bot", "messages": [{"role": "user", "content": "hello"}]}
    assert send(bearer(token), "post", "conversations:batch", {"items": [item]}, 207)["results"][0]["status"] == 201


REFUSED = [
    pytest.param({"username": "a b", "role": "analyst"}, 409, id="name"),
    pytest.param({"username": "x", "role": "king"}, 400, id="role"),
    pytest.param({"username": "x", "role": "producer"}, 409, id="named service"),
    pytest.param({"username": "x", "role": "analyst", "is_staff": True}, 400, id="mass assignment"),
    pytest.param({"username": "x", "role": "analyst", "tenant": "y"}, 400, id="tenant smuggled in"),
]


@pytest.mark.parametrize(("body", "status"), REFUSED)
def test_a_faulty_invitation_makes_nothing(client_of, body, status):
    before = User.objects.count()
    officer = client_of("security_officer")
    send(officer, "post", "members", body, status)
    assert User.objects.count() == before


def test_a_taken_name_says_nothing_of_its_tenant(client_of):
    stranger = make_person(make_tenant(), "analyst")
    answer = send(client_of("security_officer"), "post", "members", {"username": stranger.username, "role": "analyst"}, 409)
    assert answer["code"] == "identity.member_refused"
    assert Membership.objects.filter(user=stranger).count() == 1


def test_nobody_gives_himself_a_role_and_the_last_officer_stays(client_of, people, tenant):
    me = people["security_officer"]
    officer = client_of("security_officer")
    send(officer, "post", f"members/{me.id}/roles", {"role": "privacy_officer"}, 409)
    send(officer, "delete", f"members/{me.id}/roles/security_officer", status=409)
    other = make_person(tenant, "security_officer")
    send(officer, "delete", f"members/{me.id}/roles/security_officer", status=204)
    assert officer.get("/api/v1/members").status_code == 401, "with his last role his tokens are gone"
    User.objects.filter(id=other.id).update(is_active=False)
    assert Membership.objects.filter(tenant=tenant, role="security_officer", ended_at=None).count() == 1


@pytest.mark.parametrize("role", ["analyst", "privacy_officer", "auditor"])
def test_others_manage_no_members(client_of, role):
    send(client_of(role), "post", "members", {"username": "x", "role": "analyst"}, 403)
    assert client_of(role).get("/api/v1/members").status_code == 403


def test_members_of_another_tenant_are_not_there(client_of):
    home = make_tenant()
    stranger = make_person(home, "analyst")
    officer = client_of("security_officer")
    send(officer, "post", f"members/{stranger.id}/roles", {"role": "auditor"}, 404)
    send(officer, "delete", f"members/{stranger.id}/roles/analyst", status=404)
    send(officer, "post", "tokens", {"user": str(stranger.id), "name": "x"}, 404)


def test_a_token_is_never_wider_than_the_one_that_makes_it(client_of):
    narrow = client_of("analyst", scopes=["list"], purposes=["support"])
    for body in ({"scopes": ["list", "read_redacted"]}, {"purposes": ["quality"]}):
        assert send(narrow, "post", "tokens", {"name": "x", **body}, 422)["code"] == "identity.token_refused"
    made = send(narrow, "post", "tokens", {"name": "x"}, 201)
    row = ApiToken.objects.get(id=made["id"])
    assert (row.scopes, row.purposes, row.second_factor_at) == (["list"], ["support"], None)


def test_nobody_makes_a_token_in_the_name_of_another_person(client_of, people, tenant):
    officer = client_of("security_officer")
    answer = send(officer, "post", "tokens", {"user": str(people["analyst"].id), "name": "x"}, 422)
    assert answer["code"] == "identity.token_refused"
    service = User.objects.get(memberships__tenant=tenant, memberships__role="producer")
    send(officer, "post", "tokens", {"user": str(service.id), "name": "x"}, 201)


@pytest.mark.parametrize("body", [{"scopes": ["fly"]}, {"purposes": ["golf"]}], ids=["unknown scope", "unknown purpose"])
def test_a_token_is_limited_to_what_there_is(client_of, body):
    assert send(client_of("analyst"), "post", "tokens", {"name": "x", **body}, 422)["code"] == "identity.token_refused"


def test_making_a_token_takes_a_fresh_second_factor_of_a_person(client_of, tenant):
    stale = send(client_of("analyst", fresh=False), "post", "tokens", {"name": "x"}, 403)
    assert stale["code"] == "second_factor.needed"
    service = User.objects.get(memberships__tenant=tenant, memberships__role="producer")
    assert send(client_of(service), "post", "tokens", {"name": "x"}, 403)["code"] == "token.service"


def test_one_sees_and_ends_ones_own_and_an_officer_everybodys(client_of, people):
    analyst, officer = client_of("analyst"), client_of("security_officer")
    made = send(analyst, "post", "tokens", {"name": "mine"}, 201)
    assert {row["user"] for row in analyst.get("/api/v1/tokens").json()["results"]} == {people["analyst"].username}
    assert analyst.get("/api/v1/tokens?everybody=true").status_code == 403
    assert made["id"] in {row["id"] for row in officer.get("/api/v1/tokens?everybody=true").json()["results"]}
    other = client_of("auditor")
    send(other, "delete", f"tokens/{made['id']}", status=403)
    mine = bearer(made["token"])
    assert mine.get("/api/v1/tokens").status_code == 200
    send(officer, "delete", f"tokens/{made['id']}", status=204)
    assert mine.get("/api/v1/tokens").status_code == 401, "at once"


def test_a_person_in_two_tenants_loses_one_of_them_only(client_of, people, tenant):
    home, analyst = make_tenant(), people["analyst"]
    add_member(tenant=home, user=analyst, role="analyst", actor=OPERATOR)
    here, there = client_of("analyst"), client_of(analyst, of=home)
    send(client_of("security_officer"), "delete", f"members/{analyst.id}/roles/analyst", status=204)
    assert (here.get("/api/v1/tokens").status_code, there.get("/api/v1/tokens").status_code) == (401, 200)
