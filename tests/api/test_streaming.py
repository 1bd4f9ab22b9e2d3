"""A conversation as lines: the same decisions and texts as its pages, recorded before the first byte and after the last."""

import json
from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from governance.access import granting
from governance.audit.models import AuditEntry
from governance.identity.scoping import tenant_scope
from governance.identity.tokens import mint
from governance.pipeline.running import run_classification
from governance.vault import streaming
from governance.vault.models import Consultation
from tests.access.policing import FORBID_MAIL, Officers
from tests.conftest import item, now, store


@pytest.fixture
def client_of(tenant, people):
    def make(role, *, fresh=True):
        token = mint(
            tenant=tenant, user=people[role], name="t", now=now(), life=timedelta(hours=1),
            second_factor_at=now() if fresh else None,
        )  # fmt: skip
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token.plain}", HTTP_THREADVAULT_PURPOSE="support")
        return client

    return make


@pytest.fixture
def long(tenant):
    """A conversation of 250 messages, which are three pages of a stream."""
    (made,) = store(tenant, item("long", *(f"Message {at} to kim{at}@example.com" for at in range(250))))
    run_classification(tenant.id)
    return made.id


def read(client, chat, **query):
    return client.get(f"/api/v1/conversations/{chat}/messages", query, HTTP_ACCEPT="application/x-ndjson")


def lines_of(answer):
    return [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]


def events(tenant):
    with tenant_scope(tenant.id):
        return list(AuditEntry.objects.order_by("sequence").values_list("event", "body"))


def test_lines_are_the_pages(tenant, client_of, long):
    client = client_of("privacy_officer")
    for view in ("redacted", "source"):
        *found, end = lines_of(read(client, long, view=view))
        paged, cursor = [], ""
        while cursor is not None:
            page = client.get(f"/api/v1/conversations/{long}/messages", {"view": view, "page_size": 100, "cursor": cursor})
            paged, cursor = paged + page.json()["results"], page.json()["next"]
        assert found == paged
        assert end == {"end": True, "messages": 250, "next": None}


def test_a_stream_goes_on_after_a_cursor(client_of, long):
    client = client_of("analyst")
    page = client.get(f"/api/v1/conversations/{long}/messages", {"page_size": 240}).json()
    *found, end = lines_of(read(client, long, cursor=page["next"]))
    assert [one["ordinal"] for one in found] == list(range(240, 250))
    assert end["messages"] == 10


def test_the_record_begins_before_the_first_byte_and_ends_with_the_count(tenant, client_of, long):
    answer = read(client_of("analyst"), long)
    before = [event for event, _ in events(tenant)]
    assert before[-2:] == ["grant.opened", "grant.closed"], "the decision; nothing was opened under it"
    steps = iter(answer.streaming_content)
    next(steps)
    event, body = events(tenant)[-1]
    assert (event, json.loads(body)["views"]) == ("grant.opened", ["redacted"])
    list(steps)
    answer.close()
    event, body = events(tenant)[-1]
    assert (event, json.loads(body)["opened"]) == ("grant.closed", 250)
    with tenant_scope(tenant.id):
        assert Consultation.objects.filter(messages=250, view="redacted").count() == 1


def test_a_reader_who_goes_away_leaves_a_closed_grant_and_the_true_count(tenant, client_of, long):
    answer = read(client_of("analyst"), long)
    steps = iter(answer.streaming_content)
    for _ in range(130):
        next(steps)
    assert granting.current() is not None, "the test client runs the body in this context"
    answer.close()
    assert granting.current() is None
    event, body = events(tenant)[-1]
    assert (event, json.loads(body)["opened"]) == ("grant.closed", 200), "two pages were opened"
    with tenant_scope(tenant.id):
        assert Consultation.objects.filter(messages=130).exists()


def test_a_stream_that_is_never_read_opens_nothing(tenant, client_of, long):
    read(client_of("analyst"), long).close()
    assert [event for event, _ in events(tenant)][-2:] == ["grant.opened", "grant.closed"]


def test_a_change_of_policies_ends_a_stream_at_its_next_page(tenant, client_of, long, monkeypatch):
    monkeypatch.setattr(granting, "EPOCH_SECONDS", 0.0)
    answer = read(client_of("analyst"), long)
    steps = iter(answer.streaming_content)
    next(steps)
    Officers(tenant).put_in_force("rule", FORBID_MAIL("support-bot"))
    *_, last = [json.loads(line) for line in steps]
    answer.close()
    assert (last["end"], last["messages"]) == (True, 100)
    assert last["next"]
    refused = read(client_of("analyst"), long, cursor=last["next"])
    assert (refused.status_code, refused.json()["code"]) == (403, "policy.denied")


def test_refusals_are_one_document_as_everywhere(client_of, long, tenant):
    refused = read(client_of("auditor"), long)
    assert (refused.status_code, refused["Content-Type"]) == (403, "application/problem+json")
    assert read(client_of("privacy_officer", fresh=False), long, view="source").json()["code"] == "second_factor.needed"
    assert read(client_of("analyst"), tenant.id).status_code == 404


def test_control_an_answer_that_was_cut_off_has_no_end(client_of, long, monkeypatch):
    def cut(*_):
        raise ConnectionError

    client = client_of("analyst")
    answer = read(client, long)
    steps, seen = iter(answer.streaming_content), []
    seen.append(json.loads(next(steps)))
    monkeypatch.setattr(streaming, "_page", cut)
    with pytest.raises(ConnectionError):
        seen.extend(json.loads(line) for line in steps)
    answer.close()
    assert not any("end" in line for line in seen)
    assert granting.current() is None
