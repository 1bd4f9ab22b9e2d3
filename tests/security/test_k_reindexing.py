"""ATTACKS.md, row K17: the blind index gets a new key; no value of the old one is left, and a search works at every moment."""

import pytest

from governance.access.errors import AccessDenied
from governance.audit.models import AuditEntry
from governance.custody import reindexing
from governance.custody.reindexing import ask_reindex
from governance.identity.scoping import tenant_scope
from governance.jobs.leasing import claim_job
from governance.keys.data_keys import hashes_of_values
from governance.keys.errors import KeyWorkGoesOn
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.running import run_classification
from governance.pipeline.working import work_for_all
from governance.privacy import searching
from governance.privacy.searching import NothingToFind, search
from tests.conftest import as_principal, item, make_tenant, now, store
from tests.security.test_c_ciphertext import sql

MANY = 12


@pytest.fixture
def officer(tenant, people):
    return as_principal(tenant, people["security_officer"], second_factor=True)


@pytest.fixture
def analyst(tenant, people):
    return as_principal(tenant, people["analyst"])


@pytest.fixture
def chats(tenant):
    found = store(
        tenant,
        *(item(f"c-{at}", f"My phone is +1 415 555 26{at:02}, mail kim{at}@example.com", subject=f"u-{at}")
          for at in range(MANY)),
    )  # fmt: skip
    run_classification(tenant.id)
    return [one.id for one in found]


def look(principal, text, **more):
    return [one.id for one in search(principal=principal, purpose="support", text=text, now=now(), **more)]


def all_found(analyst, chats):
    return all(look(analyst, f"kim{at}@example.com") == [chats[at]] for at in (0, MANY // 2, MANY - 1))


def entries():
    return {bytes(value) for (value,) in sql("SELECT value_index FROM governance_indexentry")}


def steps(tenant):
    """Do the job step by step, giving way after each."""
    with tenant_scope(tenant.id):
        job, _ = claim_job([reindexing.TOPIC])
    while not job.finished:
        HANDLERS[reindexing.TOPIC](job)
        yield job


def test_k17_a_search_works_at_every_step_and_no_old_value_is_left(tenant, chats, officer, analyst, monkeypatch):
    monkeypatch.setenv("THREADVAULT_WORKER_ROWS", "4")
    before = entries()
    assert len(before) >= 2 * MANY
    assert all_found(analyst, chats)
    ask_reindex(principal=officer, now=now())
    seen = 0
    for _ in steps(tenant):
        assert all_found(analyst, chats)
        seen += 1
    assert seen > 2 * MANY // 4
    assert entries().isdisjoint(before)
    assert len(entries()) == len(before)
    rows = sql("SELECT wrapped IS NULL, replaced FROM governance_datakey WHERE owner_id = %s ORDER BY id", reindexing.VALUES)
    assert rows == [(True, True), (False, False)], "the old key is destroyed"
    (body,) = [row for (row,) in sql("SELECT body FROM governance_auditentry WHERE event = 'key.reindexed'")]
    assert f'"records":{2 * MANY}' in body


def test_k17_control_under_the_new_key_alone_a_search_misses_what_was_not_scanned_yet(
    tenant, chats, officer, analyst, monkeypatch
):
    monkeypatch.setenv("THREADVAULT_WORKER_ROWS", "4")
    ask_reindex(principal=officer, now=now())
    monkeypatch.setattr(searching, "hashes_of_values", lambda: hashes_of_values()[-1:])
    misses = sum(not all_found(analyst, chats) for _ in steps(tenant))
    assert misses


def test_k17_messages_that_come_meanwhile_are_found_and_stay_found(tenant, chats, officer, analyst, monkeypatch):
    monkeypatch.setenv("THREADVAULT_WORKER_ROWS", "4")
    ask_reindex(principal=officer, now=now())
    came = []
    for number, _ in enumerate(steps(tenant)):
        if number % 3 == 0:
            (one,) = store(tenant, item(f"n-{number}", f"mail new{number}@example.com", subject=f"n-{number}"))
            run_classification(tenant.id)
            came.append((number, one.id))
    assert len(came) > 1
    for number, conversation in came:
        assert look(analyst, f"new{number}@example.com") == [conversation]


def test_one_job_at_a_time_and_only_by_who_manages_keys(tenant, chats, officer, analyst):
    ask_reindex(principal=officer, now=now())
    with pytest.raises(KeyWorkGoesOn):
        ask_reindex(principal=officer, now=now())
    with pytest.raises(AccessDenied):
        ask_reindex(principal=analyst, now=now())
    work_for_all(HANDLERS)
    assert all_found(analyst, chats)


def test_a_search_finds_a_value_in_every_spelling_and_all_of_several(tenant, chats, analyst):
    assert look(analyst, "my number is (415) 555-2603") == [chats[3]]
    assert look(analyst, "KIM3@Example.com") == look(analyst, "kim3@example.com") == [chats[3]]
    assert look(analyst, "kim3@example.com or +1 415 555 2603") == [chats[3]]
    assert look(analyst, "kim3@example.com or +1 415 555 2604") == [], "no conversation holds both"
    assert look(analyst, "kim99@example.com") == []


def test_a_search_for_nothing_that_is_known_is_refused_without_its_text(tenant, chats, analyst):
    with pytest.raises(NothingToFind) as refused:
        look(analyst, "the quick brown fox")
    assert "fox" not in str(refused.value)


def test_a_search_shows_what_policies_allow_and_is_on_the_record_without_its_value(tenant, chats, people, analyst):
    elsewhere = make_tenant()
    store(elsewhere, item("c-0", "mail kim0@example.com"))
    run_classification(elsewhere.id)
    assert look(analyst, "kim0@example.com") == [chats[0]], "other tenants have another key"
    with pytest.raises(AccessDenied):
        look(as_principal(tenant, people["security_officer"]), "kim0@example.com")
    with tenant_scope(tenant.id):
        (entry,) = AuditEntry.objects.filter(event="search.made")
        bodies = "".join(AuditEntry.objects.values_list("body", flat=True))
    assert '"types":["EMAIL"]' in entry.body
    assert "kim0" not in bodies
    assert not any(value.hex() in bodies for value in entries())
