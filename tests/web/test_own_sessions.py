"""A person sees the sessions of the account and ends the others."""

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from governance.audit.canonical import SYSTEM
from governance.audit.models import AuditEntry
from governance.identity.scoping import tenant_scope
from tests.conftest import PASSWORD, make_person


def signed_in(user, agent):
    client = Client(headers={"user-agent": agent})
    client.post("/accounts/login/", {"login": user.username, "password": PASSWORD})
    return client


@pytest.fixture
def person(tenant):
    return make_person(tenant, "analyst")


def opens(client):
    return client.get("/conversations").status_code == 200


def ended():
    with tenant_scope(SYSTEM, using="audit"):
        return AuditEntry.objects.using("audit").filter(body__contains="signin.ended").count()


def test_the_page_names_every_session_and_ends_the_others(person):
    laptop, phone = signed_in(person, "Laptop browser"), signed_in(person, "Phone browser")
    assert opens(laptop)
    assert opens(phone)
    shown = laptop.get("/accounts/sessions/").content.decode()
    assert "Laptop browser" in shown
    assert "Phone browser" in shown
    before = ended()
    laptop.post("/accounts/sessions/")
    assert opens(laptop)
    assert not opens(phone)
    assert ended() == before + 1


def test_a_person_neither_sees_nor_ends_the_sessions_of_others(person, tenant):
    stranger = make_person(tenant, "auditor")
    mine, theirs = signed_in(person, "Mine"), signed_in(stranger, "Theirs")
    assert "Theirs" not in mine.get("/accounts/sessions/").content.decode()
    kept = Session.objects.count()
    mine.post("/accounts/sessions/")
    assert Session.objects.count() == kept
    assert opens(theirs)
