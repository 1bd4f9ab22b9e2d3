"""The reveal: purpose, reason and a fresh second factor, on the record, once, and kept nowhere."""

import json

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse

from governance.audit.models import AuditEntry
from governance.audit.throttling import write_all
from governance.identity.scoping import tenant_scope
from governance.vault.models import Consultation
from tests.conftest import totp
from tests.console.browsing import refusals, signed_in, text_of

SOURCE = "kim0@example.com"
FORM = {"purpose": "support", "reason": "The customer asks about case 4711"}


@pytest.fixture
def address(stored):
    return reverse("console:reveal", args=[stored[0]])


@pytest.fixture
def officer(people):
    return people["privacy_officer"]


def test_it_shows_the_source_once_and_keeps_nothing(tenant, officer, address):
    client = signed_in(officer)
    page = client.post(address, {**FORM, "code": totp(officer.totp_secret)})
    assert page.status_code == 200
    assert SOURCE in page.content.decode()
    assert 'data-hide-after="60"' in page.content.decode()
    assert page["Cache-Control"] == "no-store, private"
    assert page["Refresh"] == f"65; url={address.removesuffix('/reveal')}"
    assert SOURCE not in client.get(address.removesuffix("/reveal")).content.decode()
    assert all(SOURCE not in str(row.get_decoded()) for row in Session.objects.all())
    with tenant_scope(tenant.id):
        kept = Consultation.objects.get(view="source")
        opened = AuditEntry.objects.filter(event="grant.opened", body__contains='"read_source"').get()
    assert (kept.purpose, kept.reason) == ("support", FORM["reason"])
    assert json.loads(opened.body)["actor"] == str(officer.id)
    assert FORM["reason"] not in opened.body


def test_it_asks_no_second_code_while_the_first_is_fresh(officer, address):
    client = signed_in(officer)
    assert client.post(address, {**FORM, "code": totp(officer.totp_secret)}).status_code == 200
    assert client.post(address, FORM).status_code == 200


def test_a_code_counts_once(officer, address):
    code = totp(officer.totp_secret)
    assert signed_in(officer).post(address, {**FORM, "code": code}).status_code == 200
    again = signed_in(officer).post(address, {**FORM, "code": code})
    assert again.status_code == 403
    assert "wrong or was used already" in text_of(again)


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        ({"reason": "  "}, 400, "Say why the source is needed"),
        ({"reason": "x" * 501}, 400, "at most 500 printable characters"),
        ({"reason": "a\0b"}, 400, "printable characters"),
        ({"code": ""}, 403, "Show your second factor"),
        ({"code": "abc"}, 403, "The code is wrong"),
    ],
)
def test_it_asks_again_for_what_is_missing(change, status, text, officer, address):
    page = signed_in(officer).post(address, {**FORM, "code": "000000", **change})
    assert page.status_code == status
    assert text in text_of(page)
    assert SOURCE not in page.content.decode()


def test_it_stops_after_too_many_wrong_codes(tenant, officer, address):
    client = signed_in(officer)
    before = refusals(tenant)
    answers = [client.post(address, {**FORM, "code": "abcdef"}).status_code for _ in range(6)]
    assert answers == [403] * 5 + [429]
    assert refusals(tenant) == before + 2, "the first of each code at once, equal ones counted"
    write_all()
    with tenant_scope(tenant.id):
        assert json.loads(AuditEntry.objects.latest("sequence").body)["count"] == 4
    late = client.post(address, {**FORM, "code": totp(officer.totp_secret)})
    assert late.status_code == 429


@pytest.mark.parametrize(
    ("purpose", "code"),
    [("training", "purpose.collection"), ("curiosity", "purpose.unknown"), ("", "purpose.missing")],
)
def test_a_wrong_purpose_is_refused_and_recorded(purpose, code, tenant, officer, address):
    before = refusals(tenant)
    page = signed_in(officer).post(address, {**FORM, "purpose": purpose, "code": totp(officer.totp_secret)})
    assert page.status_code in {400, 403}
    assert code in text_of(page)
    assert SOURCE not in page.content.decode()
    assert refusals(tenant) == before + 1


@pytest.mark.parametrize("role", ["analyst", "security_officer", "auditor"])
def test_other_roles_get_a_clear_refusal(role, tenant, people, address):
    before = refusals(tenant)
    page = signed_in(people[role]).post(address, {**FORM, "code": totp(people[role].totp_secret)})
    assert page.status_code == 403
    assert "No policy allows this" in text_of(page)
    assert SOURCE not in page.content.decode()
    assert refusals(tenant) == before + 1


def test_no_record_no_source(officer, address, monkeypatch):
    from governance.audit.errors import RecordRefused

    def refuse(**facts):
        raise RecordRefused("The record could not be written.")

    monkeypatch.setattr("governance.access.granting.record_now", refuse)
    page = signed_in(officer).post(address, {**FORM, "code": totp(officer.totp_secret)})
    assert page.status_code == 503
    assert SOURCE not in page.content.decode()
