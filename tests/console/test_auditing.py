"""The audit page: what is on the record, and what verification finds."""

from django.conf import settings

from tests.conftest import _owner
from tests.console.browsing import signed_in, text_of


def test_it_shows_the_newest_first_and_filters(people, stored):
    client = signed_in(people["auditor"])
    client.get("/jobs")
    lines = client.get("/audit").context["lines"]
    assert [line.entry.sequence for line in lines] == sorted((line.entry.sequence for line in lines), reverse=True)
    assert lines[0].who == people["auditor"].username
    refused = client.get("/audit?event=grant.refused").context["lines"]
    assert {line.entry.event for line in refused} == {"grant.refused"}
    assert "No entry names this event" in text_of(client.get("/audit?event=key.rotated"))


def test_it_goes_on_to_older_entries(people, stored, monkeypatch):
    monkeypatch.setattr("governance.console.auditing.ENTRIES", 3)
    client = signed_in(people["auditor"])
    first = client.get("/audit").context
    second = client.get(f"/audit?{first['older']}").context
    assert second["lines"][0].entry.sequence == first["lines"][-1].entry.sequence - 1
    assert client.get("/audit?before=99999999999999999999999").status_code == 200


def test_a_whole_chain_verifies(people, stored):
    page = signed_in(people["auditor"]).post("/audit/verify")
    assert "The chain is whole." in text_of(page)


def test_it_names_the_first_bad_entry(tenant, people, stored):
    with _owner() as connection:
        connection.execute("ALTER TABLE governance_auditentry DISABLE TRIGGER USER")
        connection.execute("SELECT set_config('governance.tenant', %s, false)", [str(tenant.id)])
        changed = connection.execute(
            "UPDATE governance_auditentry SET body = replace(body, 'actor', 'aktor') WHERE sequence = 2 RETURNING sequence"
        ).fetchall()
        connection.execute("ALTER TABLE governance_auditentry ENABLE TRIGGER USER")
    assert changed == [(2,)]
    client = signed_in(people["auditor"])
    page = client.post("/audit/verify")
    assert "The chain is broken at entry 2." in text_of(page)
    assert "Its bytes do not give its hash." in text_of(page)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hans"
    assert "它的字节与其哈希不符" in text_of(client.post("/audit/verify"))


def test_only_auditors_verify(people, stored):
    for role in ("analyst", "privacy_officer", "security_officer"):
        assert signed_in(people[role]).post("/audit/verify").status_code == 403


def test_in_chinese_events_and_actors_are_said_in_words(people, stored):
    client = signed_in(people["auditor"])
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hans"
    answer = client.get("/audit")
    assert 'title="一批会话已封存并存储；含其信封的 Merkle 根。"' in answer.content.decode()
    assert {line.meaning for line in answer.context["lines"] if line.entry.event == "batch.processed"} == {
        "工作进程封存了脱敏形式；含新信封的 Merkle 根。"
    }
