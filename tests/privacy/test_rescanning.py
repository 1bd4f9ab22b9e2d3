"""A new scan: rules of now, what people said stays, the redacted view is never away, and the record says it all."""

import pytest

from governance.access.errors import AccessDenied
from governance.identity.scoping import tenant_scope
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.running import run_classification
from governance.pipeline.working import work_for_all
from governance.privacy import classifying, redaction
from governance.privacy.detectors import Unscannable
from governance.privacy.models import Finding
from governance.privacy.profiles import profile
from governance.privacy.rescanning import ask_rescan
from governance.vault.comparing import verify_content
from governance.vault.reading import read_conversation
from tests.conftest import as_principal, item, now, store
from tests.security.test_c_ciphertext import sql


@pytest.fixture
def officer(tenant, people):
    return as_principal(tenant, people["security_officer"])


@pytest.fixture
def chat(tenant):
    (stored,) = store(tenant, item("c-1", "mail kim@example.com or call +1 415 555 2671", "fine"))
    run_classification(tenant.id)
    return stored.id


def rescan(officer):
    job = ask_rescan(principal=officer, now=now())
    work_for_all(HANDLERS)
    ((state, done, total),) = sql("SELECT state, done, total FROM governance_job WHERE id = %s", job)
    assert (state, done) == ("done", total)
    return job


def shown(tenant, people, chat):
    analyst = as_principal(tenant, people["analyst"])
    opened = read_conversation(principal=analyst, conversation_id=chat, purpose="support", now=now())
    return [message.document.item["content"] if message.document else message.withheld for message in opened.messages]


def without_phones(text, *, context="", budget=None):
    return tuple(span for span in redaction.scan_text(text, context=context, budget=budget) if span.type != "PHONE")


def test_what_the_rules_of_now_find_is_masked_and_the_content_verifies(tenant, people, officer, chat, monkeypatch):
    before = shown(tenant, people, chat)
    assert "PHONE" in before[0]
    monkeypatch.setattr(profile, "scan", without_phones)
    rescan(officer)
    assert "555" in shown(tenant, people, chat)[0], "rules that know no phones show it"
    assert sql("SELECT type FROM governance_finding") == [("EMAIL",)]
    monkeypatch.undo()
    rescan(officer)
    assert shown(tenant, people, chat) == before
    assert sorted(sql("SELECT type FROM governance_finding")) == [("EMAIL",), ("PHONE",)]
    with tenant_scope(tenant.id):
        report = verify_content(tenant=tenant.id)
    assert report.faults == []
    assert sql("SELECT DISTINCT redacted_revision FROM governance_message") == [(3,)]
    assert sql("SELECT count(*) FROM governance_indexentry") == [(2,)], "entries of the scan before are gone"


def test_what_cannot_be_scanned_now_is_withheld_and_the_record_says_so(tenant, people, officer, chat, monkeypatch):
    def unscannable(*_, **__):
        raise Unscannable("over_budget")

    monkeypatch.setattr(classifying, "redact", unscannable)
    rescan(officer)
    assert shown(tenant, people, chat) == ["could not be scanned"] * 2
    with tenant_scope(tenant.id):
        assert verify_content(tenant=tenant.id).faults == []
    sql("UPDATE governance_message SET redacted_revision = 7 WHERE ordinal = 0")
    with tenant_scope(tenant.id):
        assert len(verify_content(tenant=tenant.id).faults) == 1, "the control: a revision that nobody recorded"


def test_what_people_said_stays(tenant, people, officer, chat):
    with tenant_scope(tenant.id):
        Finding.objects.filter(type="PHONE").update(state=Finding.State.REJECTED)
        Finding.objects.filter(type="EMAIL").update(state=Finding.State.CONFIRMED)
        mail = Finding.objects.get(type="EMAIL")
        mine = {"conversation_id": chat, "message_id": mail.message_id, "tenant_id": tenant.id, "leaf": mail.leaf}
        Finding.objects.create(
            **mine, start=0, end=4, type="PASSWORD", tier="validated", rule="person", ruleset=1, source="person"
        )
    rescan(officer)
    text = shown(tenant, people, chat)[0]
    assert text.startswith("[PASSWORD·")
    assert "[EMAIL·" in text
    assert "+1 415 555 2671" in text
    rescan(officer)
    said = sql("SELECT type, source, state FROM governance_finding ORDER BY type")
    assert said == [("EMAIL", "detector", "confirmed"), ("PASSWORD", "person", "open"), ("PHONE", "detector", "rejected")]
    assert shown(tenant, people, chat)[0] == text


def test_a_rescan_goes_on_where_it_was_after_each_step(tenant, officer, people, monkeypatch):
    monkeypatch.setenv("THREADVAULT_WORKER_ROWS", "2")
    store(tenant, *(item(f"c-{number}", "mail kim@example.com", "fine") for number in range(3)))
    run_classification(tenant.id)
    ask_rescan(principal=officer, now=now())
    for _ in range(20):
        work_for_all(HANDLERS, seconds=0.0001)
    ((state, done),) = sql("SELECT state, done FROM governance_job")
    assert (state, done) == ("done", 9)
    assert sql("SELECT DISTINCT redacted_revision FROM governance_message") == [(2,)]
    events = [event for (event,) in sql("SELECT event FROM governance_auditentry WHERE event LIKE 'batch.rescanned'")]
    assert len(events) == 5


def test_nobody_without_the_right_asks_for_one(tenant, people):
    with pytest.raises(AccessDenied):
        ask_rescan(principal=as_principal(tenant, people["analyst"]), now=now())
    assert sql("SELECT count(*) FROM governance_job") == [(0,)]


def test_what_was_set_aside_is_tried_again(tenant, officer, people, chat):
    sql("UPDATE governance_message SET state = 3, attempt = 3, redacted = NULL, redacted_data_key_id = NULL")
    for _ in range(2):
        run_classification(tenant.id)
    assert shown(tenant, people, chat) == ["set aside after three attempts"] * 2, "the workers leave it alone"
    ask_rescan(principal=officer, now=now())
    run_classification(tenant.id)
    assert "[EMAIL" in shown(tenant, people, chat)[0]
    ((body,),) = sql("SELECT body FROM governance_auditentry WHERE event = 'job.asked'")
    assert '"given_back":2' in body.replace(" ", "")
