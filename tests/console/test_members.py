"""Members and tokens in the console: who holds what, what is shown once, and what is kept nowhere."""

import json

import pytest
from django.contrib.sessions.models import Session
from rest_framework.test import APIClient

from governance.audit.models import AuditEntry
from governance.identity.models import ApiToken, Membership, User
from governance.identity.scoping import tenant_scope
from tests.console.browsing import signed_in, text_of
from tests.console.officers import officer_client


@pytest.fixture
def officer(tenant):
    return officer_client(tenant)


def roles_of(user):
    return set(Membership.objects.filter(user=user, ended_at=None).values_list("role", flat=True))


def newest(tenant, event):
    with tenant_scope(tenant.id):
        return json.loads(AuditEntry.objects.filter(event=event).latest("sequence").body)


def test_the_list_shows_members_with_their_roles(people, officer):
    page = text_of(officer.get("/members"))
    assert (
        f"{people['auditor'].username} person check_circle enabled Auditor Take … Auditor · {people['auditor'].username}"
        in page
    )
    assert f"{officer.person.username} you" in page


def test_an_invited_person_gets_a_link_once_and_comes_in_by_it(tenant, officer, client):
    answer = officer.post("/members/invite", {"role": "analyst", "username": "kim", "email": "kim@example.com"})
    link = answer.context["link"]
    assert link in answer.content.decode()
    assert answer["Cache-Control"] == "no-store, private"
    assert client.get(link.split("testserver")[1], follow=True).status_code == 200
    kim = User.objects.get(username="kim")
    assert roles_of(kim) == {"analyst"}
    entry = newest(tenant, "member.added")
    assert (entry["member"], entry["actor"]) == (str(kim.id), str(officer.person.id))
    assert link not in text_of(officer.get("/members"))


def test_a_service_account_is_named_by_the_vault(tenant, officer):
    answer = officer.post("/members/invite", {"role": "producer"})
    assert answer.status_code == 200
    assert answer.context["link"] == ""
    assert answer.context["made"].kind == "service"
    refused = officer.post("/members/invite", {"role": "producer", "username": "mine"})
    assert refused.status_code == 409
    assert "The name of a service account is made" in text_of(refused)


def test_roles_are_given_and_taken(tenant, people, officer):
    analyst = people["analyst"]
    assert officer.post(f"/members/{analyst.id}/give", {"role": "auditor"}).status_code == 303
    assert roles_of(analyst) == {"analyst", "auditor"}
    assert officer.get(f"/members/{analyst.id}/take/auditor").status_code == 200
    assert officer.post(f"/members/{analyst.id}/take/auditor").status_code == 303
    assert roles_of(analyst) == {"analyst"}
    assert newest(tenant, "member.removed")["role"] == "auditor"
    assert officer.get(f"/members/{analyst.id}/take/auditor").status_code == 404


def test_nobody_gives_himself_a_role_and_a_tenant_keeps_an_officer(tenant, officer):
    own = officer.person
    assert officer.post(f"/members/{own.id}/give", {"role": "auditor"}).status_code == 409
    assert officer.post(f"/members/{own.id}/take/security_officer").status_code == 409
    assert roles_of(own) == {"security_officer"}


def made(client, **given):
    return client.post("/tokens/make", {"name": "nightly import", "days": "30", **given})


def test_a_token_is_shown_once_and_works(tenant, people, officer):
    answer = made(officer, scopes=["manage_keys"], purposes=["support"])
    plain = answer.context["plain"]
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store, private")
    assert plain in answer.content.decode()
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {plain}", HTTP_THREADVAULT_PURPOSE="support")
    assert api.get("/api/v1/key-rings").status_code == 200
    assert api.get("/api/v1/members").status_code == 403
    page = text_of(officer.get("/tokens"))
    assert "nightly import" in page
    assert "manage_keys · support" in page


def test_a_token_is_in_no_cookie_no_session_no_message_and_no_later_page(officer):
    answer = made(officer)
    secret = answer.context["plain"].split("_", 2)[2]
    assert secret in answer.content.decode(), "control: it is found where it is shown"
    assert all(secret not in cookie.value for cookie in officer.cookies.values())
    assert all(secret not in str(row.get_decoded()) for row in Session.objects.all())
    assert "Location" not in answer
    for address in ("/tokens", "/tokens/make", "/", f"/tokens/{answer.context['token'].id}/revoke"):
        assert secret not in officer.get(address).content.decode(), address


def test_an_officer_makes_tokens_for_service_accounts_and_others_for_themselves(tenant, people, officer):
    producer = User.objects.get(memberships__tenant=tenant, memberships__role="producer")
    assert f'value="{producer.id}"' in officer.get("/tokens/make").content.decode()
    assert made(officer, user=str(producer.id)).context["token"].user_id == producer.id
    analyst = officer_client(tenant, "analyst")
    assert analyst.get("/tokens/make").context["members"] == []
    assert made(analyst, user=str(producer.id)).status_code == 403
    assert made(analyst).context["token"].user_id == analyst.person.id


@pytest.mark.parametrize(
    ("given", "status", "text"),
    [
        ({"days": "0"}, 400, "Days that it lives"),
        ({"name": ""}, 400, "Name"),
        ({"scopes": ["fly"]}, 422, "There is no scope"),
        ({"purposes": ["fun"]}, 422, "does not know the purpose"),
    ],
)
def test_a_token_that_cannot_be_is_refused(given, status, text, officer):
    answer = made(officer, **given)
    assert answer.status_code == status
    assert text in text_of(answer)
    assert not ApiToken.objects.exists()


def test_tokens_are_revoked_by_their_holder_and_by_who_manages_them(tenant, people, officer):
    analyst = officer_client(tenant, "analyst")
    first, second = (made(analyst).context["token"] for _ in range(2))
    assert analyst.post(f"/tokens/{first.id}/revoke").status_code == 303
    assert signed_in(people["auditor"]).get(f"/tokens/{second.id}/revoke").status_code == 403
    assert second.prefix in text_of(officer.get("/tokens?everybody=1"))
    assert officer.post(f"/tokens/{second.id}/revoke").status_code == 303
    assert set(ApiToken.objects.exclude(revoked_at=None).values_list("id", flat=True)) == {first.id, second.id}
    assert "Revoked" in text_of(analyst.get("/tokens"))
    assert analyst.get("/tokens?everybody=1").status_code == 403
