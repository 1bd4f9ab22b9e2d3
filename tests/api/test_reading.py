"""The API as a program uses it: pages, views, the step up to a source, problems."""

import json
from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from governance.identity.models import ApiToken
from governance.identity.scoping import tenant_scope
from governance.identity.tokens import mint
from governance.vault.models import Consultation
from tests.conftest import item, now, store, totp
from tests.security.test_c_ciphertext import sql


def client_with(token, purpose="support"):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}", HTTP_THREADVAULT_PURPOSE=purpose)
    return client


@pytest.fixture
def client_of(tenant, people):
    def make(role, **extra):
        life = timedelta(hours=1)
        return client_with(mint(tenant=tenant, user=people[role], name="t", now=now(), life=life, **extra).plain)

    return make


def test_it_lists_newest_first_and_page_by_page(client_of, stored):
    analyst = client_of("analyst")
    first = analyst.get("/api/v1/conversations?page_size=2").json()
    second = analyst.get(f"/api/v1/conversations?page_size=2&cursor={first['next']}").json()
    ids = [line["id"] for line in first["results"] + second["results"]]
    assert sorted(ids, reverse=True) == ids
    assert set(ids) == {str(one) for one in stored}
    assert second["next"] is None


def test_the_source_needs_a_step_up_and_is_kept_as_a_consultation(tenant, client_of, people, stored):
    officer = client_of("privacy_officer")
    path = f"/api/v1/conversations/{stored[0]}/messages?view=source"
    refused = officer.get(path)
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor.needed")
    wrong = officer.post("/api/v1/tokens/step-up", {"code": "000000"}, format="json")
    assert (wrong.status_code, wrong.json()["code"]) == (403, "second_factor.wrong")
    failed = sql("SELECT body FROM governance_auditentry WHERE event = 'signin.failed'")
    assert [json.loads(body)["why"] for (body,) in failed] == ["second_factor.wrong"]
    stepped = officer.post("/api/v1/tokens/step-up", {"code": totp(people["privacy_officer"].totp_secret)}, format="json")
    assert stepped.status_code == 201
    opened = client_with(stepped.json()["token"]).get(path, HTTP_THREADVAULT_REASON="asked by the customer")
    assert opened.json()["results"][0]["text"] == ["Mail me at kim0@example.com"]
    assert opened.headers["Cache-Control"] == "no-store, private"
    with tenant_scope(tenant.id):
        assert Consultation.objects.get(view="source").reason == "asked by the customer"


def test_a_step_up_ends_with_its_minutes(tenant, people, stored):
    minted = mint(
        tenant=tenant, user=people["privacy_officer"], name="old", now=now(), life=timedelta(hours=1),
        second_factor_at=now() - timedelta(hours=1),
    )  # fmt: skip
    answer = client_with(minted.plain).get(f"/api/v1/conversations/{stored[0]}/messages?view=source")
    assert answer.json()["code"] == "second_factor.needed"


@pytest.mark.parametrize(
    ("change", "code"),
    [({"expires_at": now()}, "expired"), ({"revoked_at": now()}, "revoked")],
    ids=["expired", "revoked"],
)
def test_a_dead_token_is_refused(tenant, people, stored, change, code):
    minted = mint(tenant=tenant, user=people["analyst"], name="t", now=now(), life=timedelta(hours=1))
    ApiToken.objects.filter(id=minted.token.id).update(**change)
    answer = client_with(minted.plain).get("/api/v1/conversations")
    assert (answer.status_code, answer.json()["code"]) == (401, "identity.token_invalid")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_may_be_narrowed_to_purposes_and_scopes(client_of, stored):
    narrow = client_of("analyst", purposes=["quality"])
    assert narrow.get("/api/v1/conversations").json()["code"] == "purpose.token"
    append_only = client_of("privacy_officer", scopes=["append"])
    answer = append_only.get(f"/api/v1/conversations/{stored[0]}/messages")
    assert answer.json()["code"] == "token.scope"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("?page_size=0", "cursor.invalid"), ("?page_size=501", "cursor.invalid"), ("?cursor=%ff", "cursor.invalid"),
        ("?cursor=bm90LWFuLWlk", "cursor.invalid"),
    ],
)  # fmt: skip
def test_bad_arguments_are_problems(client_of, stored, path, code):
    answer = client_of("analyst").get(f"/api/v1/conversations{path}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_an_unknown_view_and_a_missing_purpose_are_problems(tenant, client_of, people, stored):
    path = f"/api/v1/conversations/{stored[0]}/messages"
    assert client_of("analyst").get(f"{path}?view=raw").json()["code"] == "view.unknown"
    token = mint(tenant=tenant, user=people["analyst"], name="t", now=now(), life=timedelta(hours=1)).plain
    assert client_with(token, purpose="").get(path).json()["code"] == "purpose.missing"
    assert client_with(token, purpose="x y").get(path).json()["code"] == "purpose.unknown"


def test_appending_keeps_order_and_a_changed_message_is_a_conflict(tenant, client_of, stored):
    longer = item("chat-0", "Mail me at kim0@example.com", "Done.", "One more thing")
    assert store(tenant, longer)[0].status == 201
    assert store(tenant, longer)[0].status == 200
    changed = item("chat-0", "Mail me at kim0@example.com", "Other words")
    result = store(tenant, changed)[0]
    assert (result.status, result.code) == (409, "message.changed")
    answer = client_of("analyst").get(f"/api/v1/conversations/{stored[0]}/messages").json()["results"]
    assert [message["ordinal"] for message in answer] == [0, 1, 2]
    assert answer[2]["withheld"] == "not scanned yet"
    assert answer[2]["item"] is None


def test_health_and_the_schema_answer(tenant):
    assert APIClient().get("/livez").json() == {"status": "alive"}
    assert APIClient().get("/healthz").status_code == 200
    schema = APIClient().get("/api/v1/schema")
    assert schema.status_code == 200
    assert b"/api/v1/conversations:batch" in schema.content
    assert APIClient().get("/api/v1/docs").status_code == 200
