"""The audit page: what is on the record, and what verification finds."""

import re

import pytest
from django.conf import settings
from django.utils import translation

from governance.console import faults
from tests.conftest import _owner, make_person, make_tenant
from tests.console.browsing import signed_in, text_of
from tests.security.chains import around, report, signed
from tests.security.test_a_checkpoints import cut, forget_checkpoints, size
from tests.security.walking_chains import Walker, grown, in_small_steps


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


@pytest.fixture
def long_chain(tenant, stored, monkeypatch):
    in_small_steps(monkeypatch)
    grown(tenant)
    return tenant


def test_a_long_chain_leads_to_its_progress_and_then_to_its_verdict(long_chain, people):
    client = signed_in(people["auditor"])
    answer = client.post("/audit/verify")
    assert (answer.status_code, answer["Location"].partition("=")[0]) == (303, "/audit?verification")
    walker = Walker(long_chain, people["auditor"])
    part = f"/audit/verifications/{walker.job}"
    assert f'hx-get="{part}?was=waiting"' in client.get("/audit").content.decode()
    walker.go(2)
    moved = client.get(f"{part}?was=waiting")
    assert f"10 of {walker.row.total}" in text_of(moved)
    assert "HX-Redirect" not in moved.headers
    walker.finish()
    over = client.get(f"{part}?was=waiting")
    assert (over["HX-Redirect"], "hx-get" in over.content.decode()) == (answer["Location"], False)
    page = text_of(client.get(over["HX-Redirect"]))
    assert "The chain is whole." in page
    assert f"asked for by {people['auditor'].username}" in page
    assert "The chain is whole." not in text_of(client.get("/audit")), "an old verdict says nothing about now"


def test_z10_the_verification_of_another_tenant_is_not_found(long_chain, people):
    walker = Walker(long_chain, people["auditor"])
    stranger = signed_in(make_person(make_tenant(), "auditor"))
    assert stranger.get(f"/audit?verification={walker.job}").status_code == 404
    assert stranger.get(f"/audit/verifications/{walker.job}").status_code == 404


def test_a04_a_forged_verdict_is_not_shown(long_chain, people):
    walker = Walker(long_chain, people["auditor"])
    walker.finish()
    cursor = walker.row.cursor
    walker.rewrite_row(cursor={**cursor, "state": {**cursor["state"], "walks": 2}})
    page = signed_in(people["auditor"]).get(f"/audit?verification={walker.job}")
    assert (page.status_code, "audit.verdict_unsigned" in text_of(page)) == (409, True)
    walker.rewrite_row(cursor=cursor)
    assert signed_in(people["auditor"]).get(f"/audit?verification={walker.job}").status_code == 200, "the control"


def break_it(tenant, how):
    """Break the chain in one of its ways, and return what a verification says of it."""
    if how == "missing":
        cut(tenant, 3, to=4)
    elif how == "changed":
        around("UPDATE governance_auditentry SET body = replace(body, 'actor', 'aktor') WHERE sequence = 5")
    elif how == "apart":
        around("UPDATE governance_auditentry SET previous_hash = sha256(previous_hash) WHERE sequence = 5")
    elif how == "cut":
        cut(tenant, size(tenant) - 3)
    elif how == "unsigned":
        around("UPDATE governance_checkpoint SET signature = sha512(signature)")
    else:
        around("UPDATE governance_checkpoint SET public_key = sha256(public_key)")
    return report(tenant).fault


@pytest.mark.parametrize("how", ["missing", "changed", "apart", "cut", "unsigned", "another key"])
def test_what_is_wrong_is_said_in_the_readers_language(how, long_chain):
    said = break_it(long_chain, how)
    assert said
    assert faults.said(said) == said
    with translation.override("zh-hans"):
        assert not re.search("[a-z]", faults.said(said))


def test_an_end_cut_under_a_walk_is_said_in_the_readers_language(long_chain, people):
    walker = Walker(long_chain, people["auditor"])
    walker.go()
    cut(long_chain, size(long_chain) - 3)
    forget_checkpoints(long_chain)
    said = walker.finish().fault
    with translation.override("zh-hans"):
        assert not re.search("[a-z]", faults.said(said))
        assert faults.said("something new") == "something new", "the control"


def test_the_whole_record_is_sent_as_a_file(long_chain, people):
    signed(long_chain)
    answer = signed_in(people["auditor"]).post("/audit/export")
    assert answer["Content-Disposition"] == f'attachment; filename="audit-{long_chain.slug}.jsonl"'
    lines = b"".join(answer.streaming_content).splitlines()
    assert lines[-1] == b'{"end":%d}' % size(long_chain)
    assert sum(line.startswith(b'{"checkpoint"') for line in lines) == 4
    for role in ("analyst", "privacy_officer", "security_officer"):
        assert signed_in(people[role]).post("/audit/export").status_code == 403
