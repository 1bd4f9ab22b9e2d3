"""`Idempotency-Key`: what acts is carried out once a key, whatever view it is (docs/api.md, "Sending again")."""

import threading
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, connections
from django.urls import get_resolver

from governance.access.models import Purpose
from governance.api import policies as policy_views
from governance.api import replies
from governance.identity.models import ApiToken, User
from governance.identity.scoping import tenant_scope
from governance.ingest import receipts
from governance.ingest.models import Receipt
from tests.api.clients import client_of, client_with, producer_client, token_of
from tests.conftest import as_principal, item, make_person, make_tenant, now

PURPOSE = {"code": "billing", "description": "Check an invoice."}
ANSWERS_ONLY = {
    "api-search", "api-explain", "api-policy-dry-run", "api-profile-try", "api-detect",
    "api-batch",  # Its receipt is kept in the transaction that stores it.
}  # fmt: skip


@pytest.fixture
def officer(tenant):
    return client_of(tenant, "security_officer")


def post(client, path, body=None, key="k-1", **extra):
    return client.post(f"/api/v1/{path}", body or {}, format="json", HTTP_IDEMPOTENCY_KEY=key, **extra)


def purposes_like(tenant, code):
    with tenant_scope(tenant.id):
        return Purpose.objects.filter(code=code).count()


def test_it_stands_around_every_post_that_acts():
    found = {pattern.name: pattern.callback.view_class for pattern in get_resolver("governance.api.urls").url_patterns}
    posts = {name: view.post for name, view in found.items() if hasattr(view, "post")}
    assert {name for name, handler in posts.items() if not getattr(handler, "once", False)} == ANSWERS_ONLY
    assert len(posts) > 40


def test_the_second_answer_is_the_first_and_nothing_is_done_twice(tenant, officer):
    first, second = post(officer, "purposes", PURPOSE), post(officer, "purposes", PURPOSE)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json() == PURPOSE
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert purposes_like(tenant, "billing") == 1


def test_control_without_a_key_it_is_done_again_and_refused(officer):
    assert officer.post("/api/v1/purposes", PURPOSE, format="json").status_code == 201
    assert officer.post("/api/v1/purposes", PURPOSE, format="json").json()["code"] == "access.purpose"


def test_a_quoted_key_is_the_same_key(officer):
    post(officer, "purposes", PURPOSE, key='"k-2"')
    assert post(officer, "purposes", PURPOSE, key="k-2").headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("key", ["", '""', "a" * 256, "k\t1", "k 1", "schl\u00fcssel"])
def test_what_is_no_key_is_refused(officer, key):
    answer = post(officer, "purposes", PURPOSE, key=key.encode().decode("latin-1"))
    assert (answer.status_code, answer.json()["code"]) == (400, "ingest.key_invalid")


def test_another_request_with_the_key_is_refused(officer):
    post(officer, "purposes", PURPOSE)
    for path, body in (("purposes", {**PURPOSE, "description": "Other."}), ("members", {"role": "producer"})):
        answer = post(officer, path, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "ingest.key_reused")


def test_a_key_is_of_one_account_of_one_tenant(tenant, officer):
    post(officer, "purposes", PURPOSE)
    other = client_of(tenant, "security_officer")
    assert post(other, "purposes", PURPOSE).json()["code"] == "access.purpose", "carried out, and refused by its rule"
    elsewhere = client_of(make_tenant(), "security_officer")
    assert "Idempotency-Replayed" not in post(elsewhere, "purposes", PURPOSE).headers


def test_a_refusal_gives_the_key_back(tenant, officer):
    body = {"code": "Not A Code"}
    assert post(officer, "purposes", body).json()["code"] == "access.purpose"
    assert post(client_of(tenant, "analyst"), "purposes", PURPOSE).status_code == 403
    assert post(officer, "purposes", PURPOSE).status_code == 201, "the key is free again"


def test_a_fault_keeps_the_key_for_nobody_knows(officer, monkeypatch):
    def break_down(**_):
        raise RuntimeError("in the middle")

    monkeypatch.setattr(policy_views.policies, "add_purpose", break_down)
    officer.raise_request_exception = False
    assert post(officer, "purposes", PURPOSE).status_code == 500
    monkeypatch.undo()
    answer = post(officer, "purposes", PURPOSE)
    assert (answer.status_code, answer.json()["code"]) == (409, "ingest.key_busy")


def test_a_key_is_good_for_a_day(tenant, officer):
    post(officer, "purposes", PURPOSE)
    with tenant_scope(tenant.id):
        Receipt.objects.update(created_at=now() - receipts.KEPT_FOR - timedelta(seconds=1))
    assert post(officer, "purposes", PURPOSE).json()["code"] == "access.purpose", "carried out again"
    with tenant_scope(tenant.id):
        assert Receipt.objects.count() == 0, "the old one went, and a refusal keeps none"


def test_a_secret_is_not_shown_again_nor_made_twice(tenant):
    officer = client_of(tenant, "security_officer")
    made = post(officer, "tokens", {"name": "robot"})
    assert made.json()["token"].startswith("tv_")
    again = post(officer, "tokens", {"name": "robot"})
    assert (again.status_code, again.json()["code"]) == (409, "ingest.reply_not_kept")
    assert ApiToken.objects.filter(name="robot").count() == 1
    with tenant_scope(tenant.id):
        (kept,) = Receipt.objects.values_list("results", flat=True)
    assert "tv_" not in str(kept)


def test_a_policy_is_answered_from_where_it_stands(tenant, officer):
    body = {"name": "no-bot", "form": {"actions": ["list"], "forbid": True}, "reason": "Because of Kim."}
    first, second = post(officer, "policies", body), post(officer, "policies", body)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert first.json() == second.json()
    assert first.headers["Location"] == second.headers["Location"] == f"/api/v1/policies/{first.json()['id']}"
    with tenant_scope(tenant.id):
        (kept,) = Receipt.objects.values_list("results", flat=True)
    assert not any(text in str(kept) for text in ("Kim", "no-bot", "forbid (")), "what is kept has no text"


def test_a_replay_shows_nothing_that_the_asker_may_not_see_any_more(tenant, monkeypatch):
    person = make_person(tenant, "security_officer")
    client = client_with(token_of(tenant, person, fresh=True))
    body = {"name": "no-bot", "form": {"actions": ["list"], "forbid": True}, "reason": "r"}
    assert post(client, "policies", body).status_code == 201
    narrow = client_with(token_of(tenant, person, fresh=True, scopes=["append"]))
    answer = post(narrow, "policies", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "ingest.reply_not_kept")


def test_control_without_the_lookup_it_would_be_shown(tenant, monkeypatch):
    person = make_person(tenant, "security_officer")
    body = {"name": "no-bot", "form": {"actions": ["list"], "forbid": True}, "reason": "r"}
    monkeypatch.setattr(replies, "_is_safe", lambda name, value: True)
    made = post(client_with(token_of(tenant, person, fresh=True)), "policies", body)
    answer = post(client_with(token_of(tenant, person, fresh=True, scopes=["append"])), "policies", body)
    assert answer.json()["cedar"] == made.json()["cedar"]


def test_an_approval_is_seconded_once(tenant):
    asker, second = client_of(tenant, "privacy_officer"), client_of(tenant, "privacy_officer")
    subject = "00000000-0000-4000-8000-000000000001"
    asked = post(asker, "approvals", {"act": "erase", "subject": subject, "reason": "r"}).json()["approval"]
    first, again = (post(second, f"approvals/{asked}:second") for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert post(second, f"approvals/{asked}:second", key="k-other").json()["code"] == "approvals.refused"


def both(first, second):
    """Run two calls at once, each with a connection of its own, and return what they return."""
    results, barrier = {}, threading.Barrier(2)

    def run(name, call):
        try:
            barrier.wait(10)
            results[name] = call()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(name, call)) for name, call in enumerate((first, second))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [results[0], results[1]]


def test_of_two_at_once_one_is_carried_out(tenant):
    token = token_of(tenant, make_person(tenant, "security_officer"), fresh=True)
    for round_ in range(5):
        body, key = {"code": f"at-once-{round_}"}, f"k-{round_}"
        answers = both(*[partial(post, client_with(token), "purposes", body, key=key) for _ in range(2)])
        codes = sorted(answer.status_code for answer in answers)
        assert codes in ([201, 201], [201, 409])
        assert sum("Idempotency-Replayed" not in answer.headers for answer in answers if answer.status_code == 201) == 1
        refused = [answer.json()["code"] for answer in answers if answer.status_code == 409]
        assert set(refused) <= {"ingest.key_busy"}


def test_control_two_claims_without_the_constraint_are_both_carried_out(tenant):
    """What keeps two at once apart is the row's uniqueness in the database, not the look at it before."""
    person = as_principal(tenant, make_person(tenant, "security_officer"))
    connections["owner"].cursor().execute("ALTER TABLE governance_receipt DROP CONSTRAINT receipt_one_a_request")
    try:
        claims = both(partial(_claim_slowly, person), partial(_claim_slowly, person))
        assert [claim.status for claim in claims] == [None, None]
        assert len({claim.receipt for claim in claims}) == 2
    finally:
        with tenant_scope(tenant.id):
            Receipt.objects.all().delete()
        connections["owner"].cursor().execute(
            "ALTER TABLE governance_receipt ADD CONSTRAINT receipt_one_a_request UNIQUE (tenant_id, request_index)"
        )


_LOOKED = threading.Barrier(2)


def _claim_slowly(person):
    """Claim, where both have looked before either writes."""

    def wait(execute, sql, params, many, context):
        if sql.startswith("INSERT"):
            _LOOKED.wait(10)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wait):
        return receipts.claim(principal=person, key="k", request=b"r", now=now())


def test_a_batch_with_a_quoted_key_is_answered_once(tenant):
    producer = producer_client(tenant)
    assert User.objects.filter(memberships__tenant=tenant, memberships__role="producer").exists()
    body = {"items": [item("c-1", "hello")]}
    first = post(producer, "conversations:batch", body, key='"b-1"')
    again = post(producer, "conversations:batch", body, key="b-1")
    assert first.json() == again.json()
    other = post(producer, "conversations:batch", {"items": [item("c-2", "hello")]}, key="b-1")
    assert (other.status_code, other.json()["code"]) == (422, "ingest.key_reused")
