"""The ingest page: sources, rates, and what is not clean, by id; the act that gives it back."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.custody.counting import keep_counts
from governance.identity.models import User
from governance.identity.scoping import tenant_scope
from governance.identity.tokens import mint
from governance.vault.models import Message, State
from tests.conftest import item, make_tenant, now, store
from tests.console.browsing import signed_in, text_of
from tests.console.officers import officer_client


@pytest.fixture
def officer(people):
    return signed_in(people["security_officer"])


def spoil(tenant, state, **conditions):
    with tenant_scope(tenant.id):
        Message.objects.filter(**conditions).update(state=state, attempt=3)


def test_it_shows_sources_with_tokens_by_name_and_rates(tenant, officer, stored):
    producer = User.objects.get(memberships__tenant=tenant, memberships__role="producer")
    minted = mint(tenant=tenant, user=producer, name="the shop", now=now(), life=timedelta(hours=1))
    keep_counts(tenant=tenant.id, now=now())
    page = officer.get("/ingest")
    assert [one.name for one in page.context["sources"]] == ["support-bot"]
    assert page.context["sources"][0].last is not None
    assert (page.context["hour"], page.context["day"]) == (6, 6)
    assert "the shop" in text_of(page)
    assert minted.plain not in page.content.decode()


def test_it_names_what_is_not_clean_by_id_and_reason_and_shows_no_text(tenant, officer, stored):
    spoil(tenant, State.QUARANTINED, ordinal=0)
    spoil(tenant, State.UNSCANNED, ordinal=1)
    page = officer.get("/ingest")
    assert {one.row.state for one in page.context["not_clean"]} == {"quarantined", "unscanned"}
    assert "Three attempts of workers ended without a result." in text_of(page)
    assert all(str(one.row.id) in page.content.decode() for one in page.context["not_clean"])
    assert "kim0" not in page.content.decode()


def test_what_is_not_clean_goes_on_to_older_ones(tenant, officer, stored, monkeypatch):
    monkeypatch.setattr("governance.console.ingest.LISTED", 4)
    spoil(tenant, State.UNSCANNED)
    first = officer.get("/ingest").context
    second = officer.get(f"/ingest?after={first['older']}").context
    shown = [one.row.id for page in (first, second) for one in page["not_clean"]]
    assert (len(shown), shown) == (6, sorted(shown, reverse=True))


def test_the_act_gives_back_what_was_set_aside(tenant, stored):
    spoil(tenant, State.QUARANTINED)
    client = officer_client(tenant)
    assert client.post("/jobs/rescan").status_code == 303
    assert client.get("/ingest").context["waiting"] == "6"


def test_it_shows_nothing_of_another_tenant(tenant, officer, stored):
    other = make_tenant()
    store(other, item("theirs", collection="theirs"))
    spoil(other, State.UNSCANNED)
    page = officer.get("/ingest")
    assert "theirs" not in text_of(page)
    assert page.context["not_clean"] == []


def test_counts_end_at_a_limit_and_say_so(tenant, officer, stored, monkeypatch):
    monkeypatch.setattr("governance.vault.counting.MOST", 3)
    spoil(tenant, State.UNSCANNED)
    assert "more than 3" in text_of(officer.get("/ingest"))


def test_queries_do_not_grow_with_rows(tenant, officer, stored):
    def queries():
        with CaptureQueriesContext(connection) as caught:
            officer.get("/ingest")
        return len(caught)

    queries()
    before = queries()
    store(tenant, *(item(f"n-{at}", "x", collection=f"c-{at}") for at in range(9)))
    spoil(tenant, State.UNSCANNED)
    assert queries() == before
