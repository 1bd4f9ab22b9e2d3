"""The life of a policy: draft, diff, reason, second person, active, retired."""

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import partial

import psycopg
import pytest
from django.db import DatabaseError, connections
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.access import policies, seconding
from governance.access.errors import AccessDenied, PolicyInvalid, PolicyRefused, UnknownPolicy
from governance.access.forms import PolicyForm
from governance.access.models import AccessPolicy
from governance.access.rules import validate
from governance.access.schema import CONTENT_ACTIONS
from governance.approvals.asking import ApprovalRefused, NoSuchApproval
from governance.audit.models import AuditEntry
from governance.identity.identifiers import uuid7
from governance.identity.roles import Role
from governance.identity.scoping import tenant_scope
from governance.vault.explaining import try_draft
from governance.vault.reading import read_conversation
from tests.access.policing import FORBID_MAIL, Officers
from tests.conftest import as_principal, make_person, make_tenant, now
from tests.security.test_c_ciphertext import admin


@pytest.fixture
def officers(tenant):
    return Officers(tenant)


def read(tenant, user, conversation):
    return read_conversation(
        principal=as_principal(tenant, user), conversation_id=conversation, purpose="support", now=now()
    )


def events(tenant):
    with tenant_scope(tenant.id):
        return list(AuditEntry.objects.order_by("sequence").values_list("event", flat=True))


def test_a_draft_decides_nothing_until_a_second_person_agrees(tenant, people, stored, officers):
    row = officers.draft("no-bot", FORBID_MAIL("support-bot"))
    assert read(tenant, people["analyst"], stored[0]).messages
    asked = policies.ask_activation(principal=officers.first, policy_id=row.id, reason="a leak", now=now())
    with pytest.raises(ApprovalRefused):
        policies.activate(principal=officers.first, policy_id=row.id, approval_id=asked, now=now())
    assert read(tenant, people["analyst"], stored[0]).messages
    policies.activate(principal=officers.first, policy_id=row.id, approval_id=officers.agree(asked), now=now())
    with pytest.raises(AccessDenied) as refusal:
        read(tenant, people["analyst"], stored[0])
    assert refusal.value.policies == ("no-bot@1",)
    assert [event for event in events(tenant) if event.startswith(("policy", "approval"))] == [
        "policy.drafted", "approval.asked", "approval.seconded", "policy.activated",
    ]  # fmt: skip


def test_a_new_version_takes_the_place_of_the_one_before(tenant, people, stored, officers):
    officers.put_in_force("no-bot", FORBID_MAIL("support-bot"))
    second = officers.put_in_force("no-bot", FORBID_MAIL("elsewhere"))
    assert second.version == 2
    assert read(tenant, people["analyst"], stored[0]).messages
    rows = policies.policies_of(principal=officers.first, name="no-bot", now=now())
    assert [(row.version, row.state) for row in rows] == [(2, "active"), (1, "retired")]


def test_a_diff_shows_what_changes(tenant, officers):
    officers.put_in_force("no-bot", FORBID_MAIL("a"))
    row = officers.draft("no-bot", FORBID_MAIL("b"))
    lines = policies.diff(principal=officers.first, policy_id=row.id, now=now()).splitlines()
    assert lines[:2] == ["--- no-bot v1", "+++ no-bot v2"]
    assert [line[:1] for line in lines[3:]] == ["-", "+"]


def sight(principal, row):
    """Which looks at a version are open to somebody."""
    looks = {
        "text": lambda: policies.policy(principal=principal, policy_id=row.id, now=now()),
        "diff": lambda: policies.diff(principal=principal, policy_id=row.id, now=now()),
        "all": lambda: policies.policies_of(principal=principal, now=now()),
        "versions": lambda: policies.policies_of(principal=principal, name=row.name, now=now()),
        "dry run": lambda: try_draft(principal=principal, policy_id=row.id, last=10, now=now()),
    }
    found = set()
    for name, look in looks.items():
        with suppress(AccessDenied):
            look()
            found.add(name)
    assert policies.is_open(principal=principal, policy_id=row.id, now=now()) == ("text" in found)
    return found


def test_a_second_person_looks_at_what_waits_for_them_and_at_nothing_else(tenant, people, officers):
    row, other = officers.draft("no-bot", FORBID_MAIL("a")), officers.draft("no-mail", FORBID_MAIL("b"))
    second, analyst = (as_principal(tenant, people[role]) for role in ("privacy_officer", "analyst"))
    assert sight(second, row) == set()
    asked = policies.ask_activation(principal=officers.first, policy_id=row.id, reason="a leak", now=now())
    assert sight(second, row) == {"text", "diff"}
    assert sight(second, other) == set()
    assert sight(analyst, row) == set(), "whoever may not agree sees it no more than before"
    assert sight(replace(second, scopes=frozenset({"list"})), row) == set()
    assert sight(replace(second, scopes=frozenset({"second"})), row) == {"text", "diff"}
    assert sight(officers.second, other) == {"text", "diff", "all", "versions", "dry run"}, "control: who manages policies"
    seconding.withdraw(principal=officers.first, approval_id=asked, now=now())
    assert sight(second, row) == set()


def test_what_a_second_person_agreed_to_stays_open_to_them_alone(tenant, people, officers):
    row = officers.put_in_force("no-bot", FORBID_MAIL("a"))
    asked = policies.ask_retirement(principal=officers.first, policy_id=row.id, reason="mended", now=now())
    second = as_principal(tenant, people["privacy_officer"], second_factor=True)
    third = as_principal(tenant, make_person(tenant, "privacy_officer"))
    assert "text" in sight(third, row)
    seconding.second(principal=second, approval_id=asked, agree=True, now=now())
    assert (sight(second, row), sight(third, row)) == ({"text", "diff"}, set())


def test_a_request_that_expired_opens_nothing(tenant, people, officers):
    row = officers.draft("no-bot", FORBID_MAIL("a"))
    policies.ask_activation(principal=officers.first, policy_id=row.id, reason="a leak", now=now())
    second, later = as_principal(tenant, people["privacy_officer"]), now() + timedelta(days=30)
    assert policies.is_open(principal=second, policy_id=row.id, now=now())
    assert not policies.is_open(principal=second, policy_id=row.id, now=later)


def test_retiring_needs_two_people_as_well(tenant, people, stored, officers):
    row = officers.put_in_force("no-bot", FORBID_MAIL("support-bot"))
    with pytest.raises(NoSuchApproval):
        policies.retire(principal=officers.first, policy_id=row.id, approval_id=uuid7(), now=now())
    officers.take_out(row)
    assert read(tenant, people["analyst"], stored[0]).messages


def test_an_approval_is_for_one_text_and_serves_once(tenant, officers):
    one, other = officers.draft("one", FORBID_MAIL("a")), officers.draft("other", FORBID_MAIL("b"))
    asked = policies.ask_activation(principal=officers.first, policy_id=one.id, reason="r", now=now())
    officers.agree(asked)
    with pytest.raises(ApprovalRefused):
        policies.activate(principal=officers.first, policy_id=other.id, approval_id=asked, now=now())
    with tenant_scope(tenant.id):
        AccessPolicy.objects.filter(id=one.id).update(cedar=FORBID_MAIL("c"))
    with pytest.raises(ApprovalRefused):
        policies.activate(principal=officers.first, policy_id=one.id, approval_id=asked, now=now())
    with tenant_scope(tenant.id):
        AccessPolicy.objects.filter(id=one.id).update(cedar=FORBID_MAIL("a"))
    policies.activate(principal=officers.first, policy_id=one.id, approval_id=asked, now=now())
    with pytest.raises(PolicyRefused):
        policies.activate(principal=officers.first, policy_id=one.id, approval_id=asked, now=now())


def test_an_approval_is_for_the_change_that_was_compared(tenant, officers):
    first, better = officers.draft("one", FORBID_MAIL("a")), officers.draft("one", FORBID_MAIL("b"))
    approvals = [
        policies.ask_activation(principal=officers.first, policy_id=row.id, reason="r", now=now()) for row in (first, better)
    ]
    for asked in approvals:
        officers.agree(asked)
    policies.activate(principal=officers.first, policy_id=better.id, approval_id=approvals[1], now=now())
    with pytest.raises(ApprovalRefused):
        policies.activate(principal=officers.first, policy_id=first.id, approval_id=approvals[0], now=now())
    asked = policies.ask_activation(principal=officers.first, policy_id=first.id, reason="r", now=now())
    policies.activate(principal=officers.first, policy_id=first.id, approval_id=officers.agree(asked), now=now())


def test_nobody_locks_himself_out(tenant, officers):
    row = officers.draft("none", 'forbid (principal, action == Action::"manage_policies", resource);')
    asked = policies.ask_activation(principal=officers.first, policy_id=row.id, reason="r", now=now())
    officers.agree(asked)
    with pytest.raises(PolicyRefused, match="nothing was changed"):
        policies.activate(principal=officers.first, policy_id=row.id, approval_id=asked, now=now())
    with tenant_scope(tenant.id):
        assert AccessPolicy.objects.get(id=row.id).state == "draft"


@pytest.mark.parametrize("role", ["analyst", "privacy_officer", "auditor"])
def test_others_draft_nothing(tenant, people, role):
    with pytest.raises(AccessDenied):
        policies.draft(
            principal=as_principal(tenant, people[role], second_factor=True), name="x", cedar=FORBID_MAIL("a"), reason="r", now=now()
        )  # fmt: skip


def test_a_draft_needs_a_fresh_second_factor(tenant, people):
    with pytest.raises(AccessDenied) as refusal:
        policies.draft(
            principal=as_principal(tenant, people["security_officer"]), name="x", cedar=FORBID_MAIL("a"), reason="r", now=now()
        )  # fmt: skip
    assert refusal.value.code == "second_factor.needed"


def test_the_same_text_is_not_drafted_twice(tenant, officers):
    officers.draft("x", FORBID_MAIL("a"))
    with pytest.raises(PolicyRefused):
        officers.draft("x", FORBID_MAIL("a"))


def test_a_policy_of_another_tenant_is_unknown(tenant, officers):
    stranger = Officers(make_tenant())
    row = stranger.draft("x", FORBID_MAIL("a"))
    with pytest.raises(UnknownPolicy):
        policies.policy(principal=officers.first, policy_id=row.id, now=now())


def test_two_active_versions_are_refused_by_the_database(tenant, officers):
    row = officers.put_in_force("x", FORBID_MAIL("a"))
    officers.draft("x", FORBID_MAIL("b"))
    with admin() as outside, pytest.raises(psycopg.errors.UniqueViolation):
        outside.execute("UPDATE governance_accesspolicy SET state = 'active' WHERE name = 'x'")
    assert row.version == 1


def test_purposes_are_added_and_open_nothing_by_themselves(tenant, officers, people, stored):
    policies.add_purpose(principal=officers.first, code="research", description="Study.", now=now())
    with pytest.raises(AccessDenied) as refusal:
        read_conversation(
            principal=as_principal(tenant, people["analyst"]), conversation_id=stored[0], purpose="research", now=now()
        )
    assert refusal.value.code == "purpose.collection"


FORM = {"name": "office-hours", "roles": frozenset({"analyst"}), "actions": frozenset({"read_redacted"})}
forms = st.builds(
    PolicyForm,
    name=st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True),
    roles=st.frozensets(st.sampled_from(Role.values), min_size=1),
    actions=st.frozensets(st.sampled_from(CONTENT_ACTIONS), min_size=1),
    forbid=st.booleans(),
    purposes=st.frozensets(st.text(st.characters(categories=("L", "N", "P", "S", "Zs")).filter(str.isprintable), max_size=8), max_size=3),
    collections=st.frozensets(st.text(max_size=8).filter(str.isprintable), max_size=3),
    highest=st.sampled_from(["", "public", "restricted"]),
    lowest=st.sampled_from(["", "internal"]),
    held=st.sampled_from([None, True, False]),
    restricted=st.sampled_from([None, True, False]),
    second_factor=st.booleans(),
    not_before=st.sampled_from([None, datetime(2026, 1, 1, tzinfo=UTC)]),
    not_after=st.sampled_from([None, datetime(2027, 1, 1, tzinfo=UTC)]),
    weekdays=st.frozensets(st.integers(1, 7)),
    from_time=st.sampled_from([None, time(9), time(22, 30)]),
    until_time=st.sampled_from([None, time(17), time(6)]),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(forms)
def test_whatever_the_form_writes_may_stand(form):
    validate(form.write())


WRONG = [
    pytest.param({"actions": frozenset()}, "Choose actions", id="no action"),
    pytest.param({"actions": frozenset({"fly"})}, "fly", id="unknown action"),
    pytest.param({"actions": frozenset({"list", "manage_keys"})}, "two policies", id="mixed actions"),
    pytest.param({"roles": frozenset()}, "Choose roles", id="permits everybody"),
    pytest.param({"roles": frozenset({"king"})}, "king", id="unknown role"),
    pytest.param({"actions": frozenset({"manage_keys"}), "collections": frozenset({"a"})}, "content", id="collection of a tenant act"),
    pytest.param({"weekdays": frozenset({0})}, "1 (Monday)", id="weekday"),
    pytest.param({"highest": "secret"}, "public", id="classification"),
    pytest.param({"collections": frozenset({"a\nb"})}, "printable", id="control character"),
    pytest.param({"not_before": now(), "not_after": now() - timedelta(days=1)}, "before it begins", id="ends first"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "says"), WRONG)
def test_the_form_says_what_does_not_go_together(change, says):
    with pytest.raises(PolicyInvalid) as refusal:
        PolicyForm(**{**FORM, **change}).write()
    assert says in str(refusal.value)


def test_a_second_person_sees_exactly_what_is_asked(tenant, officers):
    row = officers.draft("x", FORBID_MAIL("a"))
    asked = policies.ask_activation(principal=officers.first, policy_id=row.id, reason="after the audit", now=now())
    (shown,) = seconding.approvals_for(principal=officers.second, now=now(), waiting=True)
    assert (shown.id, shown.reason, shown.details["name"], shown.details["version"]) == (asked, "after the audit", "x", 1)


def at_once(monkeypatch, *acts):
    """Do acts in threads that meet where each has looked at what is there, if they can; return what each came to."""
    meeting, real, came = threading.Barrier(len(acts)), policies._refuse_lockout, {}

    def met(*arguments):
        with suppress(threading.BrokenBarrierError):
            meeting.wait(1)
        return real(*arguments)

    def body(act):
        try:
            came[act] = act()
        except Exception as error:  # The test looks at it.
            came[act] = error
        finally:
            connections.close_all()

    monkeypatch.setattr(policies, "_refuse_lockout", met)
    threads = [threading.Thread(target=body, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [came[act] for act in acts]


@pytest.fixture
def two_drafts(tenant, officers):
    """Two drafts of one name that two people agreed to, each compared with the version in force."""
    officers.put_in_force("no-bot", FORBID_MAIL("a"))
    rows = [officers.draft("no-bot", FORBID_MAIL(name)) for name in ("b", "c")]
    asked = [policies.ask_activation(principal=officers.first, policy_id=row.id, reason="a leak", now=now()) for row in rows]
    acts = []
    for row, approval in zip(rows, asked, strict=True):
        agreed = {"policy_id": row.id, "approval_id": officers.agree(approval)}
        acts.append(partial(policies.activate, principal=officers.first, now=now(), **agreed))
    return acts


def test_of_two_drafts_that_are_put_in_force_at_once_the_second_is_asked_again(tenant, officers, two_drafts, monkeypatch):
    came = at_once(monkeypatch, *two_drafts)
    assert sorted(type(one).__name__ for one in came) == ["AccessPolicy", "ApprovalRefused"]
    rows = policies.policies_of(principal=officers.first, name="no-bot", now=now())
    assert [row.state for row in rows].count("active") == 1


def test_control_without_the_lock_two_drafts_at_once_end_in_an_error_of_the_database(two_drafts, monkeypatch):
    monkeypatch.setattr(policies, "_one_at_a_time", lambda _: None)
    came = at_once(monkeypatch, *two_drafts)
    assert any(isinstance(one, DatabaseError) for one in came)
