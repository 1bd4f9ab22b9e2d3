"""People correct detectors: one masks more, two mask less, and every later scan keeps what they said."""

import json
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from governance.access import seconding
from governance.access.errors import AccessDenied
from governance.approvals.asking import ApprovalRefused
from governance.identity.scoping import tenant_scope
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.running import run_classification
from governance.pipeline.working import work_for_all
from governance.privacy import judging
from governance.privacy.errors import WrongPlace
from governance.privacy.judging import UnknownFinding
from governance.privacy.rescanning import ask_rescan
from governance.vault.comparing import verify_content
from governance.vault.reading import read_conversation
from tests.conftest import as_principal, item, make_person, make_tenant, now, store, totp
from tests.security.test_c_ciphertext import sql

TEXT = "Anna says mail kim@example.com or call +1 415 555 2671"


@pytest.fixture
def chat(tenant):
    (stored,) = store(tenant, item("c-1", TEXT, "fine", title="for Anna"))
    run_classification(tenant.id)
    return stored.id


@pytest.fixture
def record(chat):
    return sql("SELECT id FROM governance_message WHERE ordinal = 0")[0][0]


@pytest.fixture
def officer(tenant, people):
    return as_principal(tenant, people["privacy_officer"], second_factor=True)


@pytest.fixture
def other(tenant):
    return as_principal(tenant, make_person(tenant, "privacy_officer"), second_factor=True)


def shown(tenant, chat):
    analyst = as_principal(tenant, make_person(tenant, "analyst"))
    opened = read_conversation(principal=analyst, conversation_id=chat, purpose="support", now=now())
    return opened.messages[0].document.item["content"]


def leaf_of_content(officer, record):
    return judging.findings_of(principal=officer, record=record, now=now())[0].leaf


def rescan(tenant):
    ask_rescan(principal=as_principal(tenant, make_person(tenant, "security_officer")), now=now())
    work_for_all(HANDLERS)


def whole(tenant):
    with tenant_scope(tenant.id):
        return verify_content(tenant=tenant.id).faults == []


def test_one_person_masks_a_place_and_it_stays_masked(tenant, officer, chat, record):
    assert shown(tenant, chat).startswith("Anna says")
    leaf = leaf_of_content(officer, record)
    made = judging.mask(principal=officer, record=record, leaf=leaf, start=0, end=4, kind="PERSON", now=now())
    assert (made.said_by, made.state) == ("person", "confirmed")
    assert shown(tenant, chat).startswith("[PERSON·")
    assert whole(tenant)
    rescan(tenant)
    assert shown(tenant, chat).startswith("[PERSON·")
    assert "[EMAIL·" in shown(tenant, chat)
    types = [one.type for one in judging.findings_of(principal=officer, record=record, now=now())]
    assert types == ["PERSON", "EMAIL", "PHONE"]


def test_a_head_is_a_record_too(tenant, officer, chat):
    made = judging.mask(principal=officer, record=chat, leaf=0, start=4, end=8, kind="PERSON", now=now())
    assert made.record == chat
    assert whole(tenant)


@pytest.mark.parametrize(("leaf", "start", "end"), [(99, 0, 1), (0, 0, 10_000), (0, 3, 3), (0, 4, 2)])
def test_a_place_that_is_not_there_is_refused_and_nothing_is_kept(tenant, officer, record, leaf, start, end):
    before = sql("SELECT count(*) FROM governance_finding")
    with pytest.raises(WrongPlace):
        judging.mask(principal=officer, record=record, leaf=leaf, start=start, end=end, kind="PERSON", now=now())
    assert sql("SELECT count(*) FROM governance_finding") == before


def phone(officer, record):
    return next(one for one in judging.findings_of(principal=officer, record=record, now=now()) if one.type == "PHONE")


def agreed(officer, other, finding):
    approval = judging.ask_unmask(principal=officer, finding_id=finding.id, reason="an order number", now=now())
    seconding.second(principal=other, approval_id=approval, agree=True, now=now())
    return approval


def test_two_people_show_again_what_was_masked_and_a_scan_keeps_it(tenant, officer, other, chat, record):
    approval = agreed(officer, other, phone(officer, record))
    assert "[PHONE·" in shown(tenant, chat), "agreed is not done"
    done = judging.unmask(principal=officer, approval_id=approval, now=now())
    assert (done.type, done.state) == ("PHONE", "rejected")
    assert shown(tenant, chat).endswith("call +1 415 555 2671")
    assert "[EMAIL·" in shown(tenant, chat)
    assert whole(tenant)
    rescan(tenant)
    assert shown(tenant, chat).endswith("call +1 415 555 2671")
    assert phone(officer, record).state == "rejected"


def test_one_person_alone_shows_nothing(tenant, officer, chat, record):
    approval = judging.ask_unmask(principal=officer, finding_id=phone(officer, record).id, reason="r", now=now())
    with pytest.raises(ApprovalRefused):
        seconding.second(principal=officer, approval_id=approval, agree=True, now=now())
    with pytest.raises(ApprovalRefused):
        judging.unmask(principal=officer, approval_id=approval, now=now())
    assert "[PHONE·" in shown(tenant, chat)
    assert phone(officer, record).state == "open"


def test_an_approval_shows_one_place_once(tenant, officer, other, chat, record):
    approval = agreed(officer, other, phone(officer, record))
    judging.unmask(principal=officer, approval_id=approval, now=now())
    with pytest.raises(ApprovalRefused):
        judging.unmask(principal=officer, approval_id=approval, now=now())
    erase = seconding.ask(principal=officer, act="erase", subject=record, reason="r", now=now())
    seconding.second(principal=other, approval_id=erase, agree=True, now=now())
    with pytest.raises(ApprovalRefused):
        judging.unmask(principal=officer, approval_id=erase, now=now())
    assert "[EMAIL·" in shown(tenant, chat)


def test_an_approval_outlives_a_scan_that_gives_findings_new_numbers(tenant, officer, other, chat, record):
    approval = agreed(officer, other, phone(officer, record))
    rescan(tenant)
    judging.unmask(principal=officer, approval_id=approval, now=now())
    assert shown(tenant, chat).endswith("call +1 415 555 2671")


def test_precision_counts_what_people_said_of_each_rule(tenant, officer, other, chat, record):
    assert judging.precision(principal=officer, now=now()) == []
    email = next(one for one in judging.findings_of(principal=officer, record=record, now=now()) if one.type == "EMAIL")
    judging.confirm(principal=officer, finding_id=email.id, now=now())
    judging.unmask(principal=officer, approval_id=agreed(officer, other, phone(officer, record)), now=now())
    judging.mask(principal=officer, record=record, leaf=email.leaf, start=0, end=4, kind="PERSON", now=now())
    told = {one.rule: one.precision for one in judging.precision(principal=officer, now=now())}
    assert told == {"email": 1.0, phone(officer, record).rule: 0.0}, "and not the places that people marked"


def test_who_may_not_is_refused_and_a_foreign_record_is_unknown(tenant, people, officer, record):
    analyst = as_principal(tenant, people["analyst"], second_factor=True)
    with pytest.raises(AccessDenied):
        judging.mask(principal=analyst, record=record, leaf=0, start=0, end=1, kind="PERSON", now=now())
    stale = as_principal(tenant, people["privacy_officer"])
    with pytest.raises(AccessDenied):
        judging.mask(principal=stale, record=record, leaf=0, start=0, end=1, kind="PERSON", now=now())
    foreign = make_tenant()
    stranger = as_principal(foreign, make_person(foreign, "privacy_officer"), second_factor=True)
    with pytest.raises(UnknownFinding):
        judging.findings_of(principal=stranger, record=record, now=now())
    with pytest.raises(UnknownFinding):
        judging.confirm(principal=stranger, finding_id=phone(officer, record).id, now=now())


def test_no_entry_of_the_record_holds_text_or_a_place_in_it(tenant, officer, record):
    judging.mask(
        principal=officer, record=record, leaf=leaf_of_content(officer, record), start=0, end=4, kind="PERSON", now=now()
    )
    ((body,),) = sql("SELECT body FROM governance_auditentry WHERE event = 'finding.marked'")
    assert "Anna" not in body
    assert '"type":"PERSON"' in body


def test_the_command_lists_masks_and_asks(tenant, people, chat, record, capsys):
    privacy = people["privacy_officer"]

    def command(*arguments, **options):
        call_command("findings", *arguments, member=privacy.username, as_json=True, **options)
        return json.loads(capsys.readouterr().out)

    found = command("list", str(record))["findings"]
    assert [one["type"] for one in found] == ["EMAIL", "PHONE"]
    made = command("mask", str(record), leaf=found[0]["leaf"], start=0, end=4, kind="PERSON", code=totp(privacy.totp_secret))
    assert made["said_by"] == "person"
    assert shown(tenant, chat).startswith("[PERSON·")
    assert command("confirm", str(command("list", str(record))["findings"][1]["id"]))
    assert command("precision")["rules"][0]["precision"] == 1.0
    with pytest.raises(CommandError, match="takes the number"):
        command("confirm", str(record))
    with pytest.raises(CommandError, match=r"findings\.unknown"):
        command("list", str(uuid4()))
