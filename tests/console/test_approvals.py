"""The inbox of four eyes: what waits for whom, what it says, and the acts on it."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.access import seconding
from governance.audit.models import AuditEntry
from governance.identity.scoping import tenant_scope
from tests.conftest import as_principal, make_tenant, now
from tests.console.browsing import signed_in, text_of
from tests.console.officers import officer_client, rewrapped


def ask(tenant, client, act="erase", **more):
    asker = as_principal(tenant, client.person, second_factor=True)
    return seconding.ask(principal=asker, act=act, subject=uuid4(), reason="because", now=now(), **more)


@pytest.fixture
def asker(tenant):
    return officer_client(tenant, "privacy_officer")


@pytest.fixture
def second(tenant):
    return officer_client(tenant)


def events(tenant):
    with tenant_scope(tenant.id):
        return list(AuditEntry.objects.order_by("sequence").values_list("event", flat=True))


def sections(client):
    page = client.get("/approvals")
    return {name: [line.shown.id for line in page.context[name]] for name in ("to_decide", "agreed", "asked", "over")}


def test_an_empty_inbox_says_why(tenant, people):
    assert "Nothing waits for you" in text_of(signed_in(people["analyst"]).get("/approvals"))


def test_a_reason_hides_nothing_from_the_second_person(tenant, asker, second):
    principal = as_principal(tenant, asker.person, second_factor=True)
    reason = "keep \u202eyrtne\u202c it\u200b"
    one = seconding.ask(principal=principal, act="erase", subject=uuid4(), reason=reason, now=now())
    for address in ("/approvals", f"/approvals/{one}", f"/approvals/{one}/agree"):
        page = second.get(address).content.decode()
        assert "keep ⟨U+202E⟩yrtne⟨U+202C⟩ it⟨U+200B⟩" in page, address
        assert not {"\u202e", "\u202c", "\u200b"} & set(page), address


def test_it_stands_where_each_person_looks_for_it(tenant, asker, second):
    one = ask(tenant, asker)
    assert sections(asker) == {"to_decide": [], "agreed": [], "asked": [one], "over": []}
    assert sections(second) == {"to_decide": [one], "agreed": [], "asked": [], "over": []}
    assert second.post(f"/approvals/{one}/agree").status_code == 303
    assert sections(second)["agreed"] == [one]
    assert asker.post(f"/approvals/{one}/withdraw").status_code == 303
    assert sections(asker)["over"] == [one]
    assert events(tenant)[-3:] == ["approval.asked", "approval.seconded", "approval.withdrawn"]


def test_it_is_refused_once(tenant, asker, second):
    one = ask(tenant, asker)
    assert second.post(f"/approvals/{one}/refuse").status_code == 303
    late = second.post(f"/approvals/{one}/agree")
    assert late.status_code == 409
    assert "decided already" in text_of(late)


def test_nobody_agrees_to_their_own_or_withdraws_anothers(tenant, asker, second):
    one = ask(tenant, asker)
    assert asker.post(f"/approvals/{one}/agree").status_code == 409
    assert second.post(f"/approvals/{one}/withdraw").status_code == 409
    assert sections(asker)["asked"] == [one]


def test_what_is_asked_is_said_in_words(tenant, second):
    officer = officer_client(tenant)
    version = rewrapped(officer, tenant)
    given = {"days": 9, "reason": "wraps nothing", "typed": "tombstone/1"}
    address = officer.post(f"/keys/versions/{version.id}/ask-destroy", given)["Location"]
    text = text_of(second.get(address))
    for said in ("Destroy a key version", "tombstone/1", "Days to wait before the destruction 9", "wraps nothing"):
        assert said in text
    assert f'href="/keys/versions/{version.id}"' in second.get(address).content.decode()


def test_an_act_without_a_page_says_where_to_go(tenant, asker, second):
    one = ask(tenant, asker, act="break_glass", details={"ticket": "<b>INC-1</b>", "minutes": 5})
    second.post(f"/approvals/{one}/agree")
    page = second.get(f"/approvals/{one}")
    assert "manage.py approvals open" in text_of(page)
    assert "<b>INC-1</b>" not in page.content.decode(), "what people wrote is inert"
    assert second.post(f"/approvals/{one}/carry-out").status_code == 409


def test_another_tenants_approval_is_not_found(tenant, second):
    other = make_tenant()
    one = ask(other, officer_client(other, "privacy_officer"))
    assert second.get(f"/approvals/{one}").status_code == 404
    for act in ("agree", "refuse", "withdraw", "carry-out"):
        assert second.post(f"/approvals/{one}/{act}").status_code == 404
    assert sections(second) == {"to_decide": [], "agreed": [], "asked": [], "over": []}


def test_the_inbox_asks_no_more_of_the_database_where_more_waits(tenant, asker, second):
    def queries():
        with CaptureQueriesContext(connection) as seen:
            second.get("/approvals")
        return len(seen)

    ask(tenant, asker)
    queries()
    before = queries()
    for _ in range(5):
        ask(tenant, asker)
    assert queries() == before
