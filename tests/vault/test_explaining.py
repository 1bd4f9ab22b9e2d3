"""Explanations: who may read this, why not, and what a draft would change; held against what really happens."""

from datetime import timedelta

import pytest

from governance.access import breaking_glass
from governance.access.errors import AccessDenied
from governance.access.models import AccessPolicy
from governance.audit.models import AuditEntry
from governance.identity.scoping import tenant_scope
from governance.vault.collections import change_collection, collections
from governance.vault.errors import NotFound
from governance.vault.explaining import explain_refusal, try_draft, who_can_read, why_not_me
from governance.vault.reading import read_conversation
from governance.vault.resources import resources
from tests.access.policing import FORBID_MAIL, Officers
from tests.conftest import as_principal, make_person, make_tenant, now


@pytest.fixture
def officers(tenant):
    return Officers(tenant)


@pytest.fixture
def auditor(tenant, people):
    return as_principal(tenant, people["auditor"])


def read(principal, conversation, view="redacted", purpose="support"):
    return read_conversation(principal=principal, conversation_id=conversation, purpose=purpose, view=view, now=now())


def really(tenant, users, conversation, purposes):
    """Who can in fact open it: tried by opening it."""
    found = set()
    for user in users:
        for view in ("redacted", "source"):
            for purpose in purposes:
                for second_factor in (False, True):
                    try:
                        read(as_principal(tenant, user, second_factor=second_factor), conversation, view, purpose)
                    except AccessDenied:
                        continue
                    found.add((user.username, view, purpose, second_factor))
                    break
    return found


def test_who_can_read_is_who_can_in_fact_read(tenant, people, stored, officers, auditor):
    officers.put_in_force(
        "analysts-by-factor",
        'permit (principal, action == Action::"read_source", resource is Conversation)'
        ' when { principal.roles.contains("analyst") && context.purpose == "quality" && context.second_factor };',
    )
    found = who_can_read(principal=auditor, conversation_id=stored[0], now=now())
    said = {
        (one.username, one.view, one.purpose, one.second_factor)
        for one in found
        if one.username in {u.username for u in people.values()}
    }
    assert said == really(tenant, people.values(), stored[0], ("support", "quality", "subject_request", "security_incident"))
    by_factor = [one for one in found if one.policies == ("analysts-by-factor@1",)]
    assert {one.username for one in by_factor} == {people["analyst"].username}


def test_an_answer_says_until_when_it_holds(tenant, people, stored, officers, auditor):
    ends = (now() + timedelta(days=1)).replace(microsecond=0)
    officers.put_in_force(
        "auditors-for-a-day",
        'permit (principal, action == Action::"read_redacted", resource is Conversation)'
        f' when {{ principal.roles.contains("auditor") && context.epoch_seconds < {int(ends.timestamp())} }};',
    )
    found = who_can_read(principal=auditor, conversation_id=stored[0], now=now())
    assert {one.until for one in found if one.username == people["auditor"].username} == {ends}


def test_break_glass_is_among_the_answers(tenant, stored, officers, auditor):
    with tenant_scope(tenant.id):
        scope = resources(stored[:1])
    asked = breaking_glass.ask(principal=officers.first, resources=scope, ticket="INC-1", minutes=5, reason="r", now=now())
    glass = breaking_glass.open_glass(principal=officers.first, approval_id=officers.agree(asked), now=now())
    found = who_can_read(principal=auditor, conversation_id=stored[0], now=now())
    mine = [one for one in found if one.user_id == officers.users[0].id]
    assert [(one.view, one.purpose, one.until) for one in mine] == [
        ("redacted", "break_glass", glass.ends_at), ("source", "break_glass", glass.ends_at),
    ]  # fmt: skip
    assert not [one for one in who_can_read(principal=auditor, conversation_id=stored[1], now=now()) if one in mine]


@pytest.mark.parametrize("role", ["analyst", "privacy_officer", "security_officer"])
def test_others_do_not_ask_who_can_read(tenant, people, stored, role):
    with pytest.raises(AccessDenied):
        who_can_read(principal=as_principal(tenant, people[role]), conversation_id=stored[0], now=now())


def explain(tenant, user, conversation, action="read_source", purpose="support"):
    principal = as_principal(tenant, user)
    return why_not_me(principal=principal, conversation_id=conversation, action=action, purpose=purpose, now=now())


def test_everybody_learns_what_would_help(tenant, people, stored):
    officer = explain(tenant, people["privacy_officer"], stored[0])
    assert not officer.allowed
    assert ("second_factor", "fresh") in {(one.kind, one.value) for one in officer.remedies}
    auditor = explain(tenant, people["auditor"], stored[0], "read_redacted")
    helps = {(one.kind, one.value) for one in auditor.remedies}
    assert {("role", "analyst"), ("role", "privacy_officer")} <= helps
    assert ("role", "security_officer") not in helps
    assert ("break_glass", "ask with a reason and a ticket") in helps
    analyst = explain(tenant, people["analyst"], stored[0], "read_redacted")
    assert (analyst.allowed, analyst.policies) == (True, ("analysts-read-redacted@1",))


def test_a_forbid_is_named_and_has_no_remedy(tenant, people, stored, officers):
    officers.put_in_force("no-bot", FORBID_MAIL("support-bot"))
    found = explain(tenant, people["analyst"], stored[0], "read_redacted")
    assert (found.allowed, found.policies, found.remedies) == (False, ("no-bot@1",), ())


def test_a_purpose_of_the_collection_is_named(tenant, people, stored, officers):
    (collection,) = collections(principal=officers.first, now=now())
    change_collection(principal=officers.first, collection_id=collection.id, purposes=["quality"], now=now())
    found = explain(tenant, people["analyst"], stored[0], "read_redacted")
    assert "collection" in found.because
    assert [(one.kind, one.value) for one in found.remedies] == [("purpose", "quality")]
    unknown = explain(tenant, people["analyst"], stored[0], "read_redacted", "golf")
    assert (unknown.allowed, unknown.remedies) == (False, ())


def test_a_recorded_refusal_is_explained_to_whoever_was_refused_and_to_auditors(tenant, people, stored, auditor):
    with pytest.raises(AccessDenied):
        read(as_principal(tenant, people["security_officer"]), stored[0])
    with tenant_scope(tenant.id):
        sequence = AuditEntry.objects.filter(event="grant.refused").latest("sequence").sequence
    own = explain_refusal(principal=as_principal(tenant, people["security_officer"]), sequence=sequence, now=now())
    theirs = explain_refusal(principal=auditor, sequence=sequence, now=now())
    assert own == theirs
    assert ("role", "analyst") in {(one.kind, one.value) for one in own.remedies}
    with pytest.raises(AccessDenied):
        explain_refusal(principal=as_principal(tenant, people["analyst"]), sequence=sequence, now=now())
    with pytest.raises(NotFound):
        explain_refusal(principal=auditor, sequence=1, now=now())


def test_a_foreign_conversation_is_not_found(tenant, stored):
    other = make_tenant()
    stranger = as_principal(other, make_person(other, "auditor"))
    with pytest.raises(NotFound):
        who_can_read(principal=stranger, conversation_id=stored[0], now=now())


def test_a_dry_run_says_what_a_draft_would_change(tenant, people, stored, officers):
    analyst, officer = (
        as_principal(tenant, people["analyst"]),
        as_principal(tenant, people["privacy_officer"], second_factor=True),
    )
    read(analyst, stored[0])
    read(officer, stored[0], "source")
    with pytest.raises(AccessDenied):
        read(as_principal(tenant, people["auditor"]), stored[0])
    tighter = officers.draft("no-source", 'forbid (principal, action == Action::"read_source", resource is Conversation);')
    wider = officers.draft(
        "auditors-too",
        'permit (principal, action == Action::"read_redacted", resource is Conversation) when { principal.roles.contains("auditor") };',
    )
    closed = officers.draft(
        "analysts-read-redacted", 'permit (principal, action == Action::"search", resource is Conversation);'
    )
    run = {
        name: try_draft(principal=officers.first, policy_id=row.id, last=100, now=now())
        for name, row in (("tighter", tighter), ("wider", wider), ("closed", closed))
    }
    assert {name: [(one.kind, one.actor, one.before, one.after) for one in found.changes] for name, found in run.items()} == {
        "tighter": [("view_changed", people["privacy_officer"].id, "source", "redacted")],
        "wider": [("newly_allowed", people["auditor"].id, "refused", "allowed")],
        "closed": [("newly_refused", people["analyst"].id, "allowed", "refused")],
    }  # fmt: skip
    assert all(found.requests >= 3 and found.skipped == 0 for found in run.values())
    assert not read(analyst, stored[0]).messages[0].withheld, "a dry run changes nothing"


def test_what_the_dry_run_said_is_what_activation_does(tenant, people, stored, officers):
    analyst = as_principal(tenant, people["analyst"])
    read(analyst, stored[0])
    row = officers.draft("no-bot", FORBID_MAIL("support-bot"))
    said = try_draft(principal=officers.first, policy_id=row.id, last=10, now=now())
    assert ("newly_refused", people["analyst"].id, "read_redacted") in {(c.kind, c.actor, c.action) for c in said.changes}
    assert "classify" in {one.action for one in said.changes}, "it says that workers would be refused too"
    with tenant_scope(tenant.id):
        AccessPolicy.objects.filter(id=row.id).update(state="active")
    with pytest.raises(AccessDenied):
        read(analyst, stored[0])


@pytest.mark.parametrize("role", ["analyst", "privacy_officer"])
def test_others_try_no_draft(tenant, people, officers, role):
    row = officers.draft("x", FORBID_MAIL("a"))
    with pytest.raises(AccessDenied):
        try_draft(principal=as_principal(tenant, people[role]), policy_id=row.id, last=1, now=now())
