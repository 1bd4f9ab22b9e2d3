"""The page of health says what /healthz knows, in words, and what waits."""

import pytest
from django.db import DatabaseError

from governance.console import health
from governance.keys.errors import ProviderAway
from governance.pipeline import heartbeat
from governance.web import probes
from tests.conftest import item, store
from tests.console.browsing import signed_in, text_of


@pytest.fixture
def officer(people):
    return signed_in(people["security_officer"])


def tones(page):
    return {part.name: part.status.tone for part in page.context["parts"]}


def test_all_is_well_with_a_worker_at_work(officer, client):
    heartbeat.beat()
    assert set(tones(officer.get("/health")).values()) == {"good"}
    assert client.get("/healthz").json()["status"] == "ready"


@pytest.mark.parametrize("part", ["Database", "Broker", "Record"])
def test_a_part_that_is_down_is_said_to_be(part, officer, monkeypatch):
    asked = {"Database": "database", "Broker": "broker", "Record": "audit"}[part]
    monkeypatch.setattr(probes, asked, lambda: "down")
    page = officer.get("/health")
    assert tones(page)[part] == "bad"
    assert "Down" in text_of(page)


def test_the_probe_of_the_record_sees_that_it_cannot_grow(monkeypatch, transactional_db):
    class Away:
        def cursor(self):
            raise DatabaseError

    assert probes.audit() == "ok"
    monkeypatch.setattr(probes, "connections", {"audit": Away()})
    assert probes.audit() == "down"


def test_a_provider_that_is_away_is_named_and_workers_that_are_late(officer, monkeypatch):
    monkeypatch.setattr(
        health, "ask_all", lambda: {uri: ProviderAway("The token is not there.") for uri in health.provider_names()}
    )
    monkeypatch.setattr(heartbeat, "age", lambda: 90.0)
    page = officer.get("/health")
    assert tones(page)["Key provider: Key file"] == "bad"
    assert tones(page)["Workers"] == "warn"
    assert "The token is not there." in text_of(page)


def test_it_counts_what_waits_and_how_far_the_record_is(tenant, officer):
    store(tenant, item("waiting"))
    page = officer.get("/health")
    assert page.context["pending"] == 2
    assert "the oldest for less than a minute" in text_of(page)
    assert page.context["trail"].newest > 0
    assert "none yet: the schedule signs one soon" in text_of(page)
    assert "self-attested" in text_of(page)
