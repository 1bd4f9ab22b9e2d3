"""Break-glass: reason, ticket, second person, duration, end-now, review; a forbid still forbids."""

import json
from datetime import timedelta

import psycopg
import pytest

from governance.access import breaking_glass, seconding
from governance.access.errors import AccessDenied, EmergencyRefused, OpeningRefused
from governance.access.granting import grant
from governance.access.models import BreakGlass
from governance.approvals.asking import ApprovalRefused
from governance.audit.models import AuditEntry
from governance.identity.members import add_member
from governance.identity.models import User
from governance.identity.principals import NotAMember, principal_for
from governance.identity.scoping import tenant_scope
from governance.vault.errors import NotFound
from governance.vault.listing import list_conversations
from governance.vault.models import Message
from governance.vault.reading import open_rows, read_conversation
from governance.vault.resources import resources
from tests.access.policing import FORBID_MAIL, Officers
from tests.conftest import OPERATOR, as_principal, make_person, make_tenant, now
from tests.security.test_c_ciphertext import admin


@pytest.fixture
def officers(tenant):
    return Officers(tenant)


def scope(tenant, ids):
    with tenant_scope(tenant.id):
        return resources(ids)


def ask(tenant, principal, ids, **changes):
    given = {"ticket": "INC-7", "minutes": 30, "reason": "the bot leaks", "now": now(), **changes}
    return breaking_glass.ask(principal=principal, resources=scope(tenant, ids), **given)


def open_for(officers, ids, **changes):
    """Open break-glass for the first officer, agreed to by the second."""
    approval = officers.agree(ask(officers.tenant, officers.first, ids, **changes))
    return breaking_glass.open_glass(principal=officers.first, approval_id=approval, now=now())


def read(principal, conversation, view="source", purpose="break_glass"):
    opened = read_conversation(
        principal=principal, conversation_id=conversation, purpose=purpose, view=view, reason="INC-7", now=now()
    )
    return [message.document.item["content"] for message in opened.messages]


def test_it_opens_what_was_asked_and_nothing_else(tenant, stored, officers):
    for attempt in ("redacted", "source"):
        with pytest.raises(AccessDenied) as refusal:
            read(officers.first, stored[0], attempt)
        assert refusal.value.code == "break_glass.needed"
    open_for(officers, stored[:1])
    assert read(officers.first, stored[0])[0].startswith("Mail me at kim0@")
    for principal, conversation in ((officers.first, stored[1]), (officers.second, stored[0])):
        with pytest.raises(AccessDenied):
            read(principal, conversation)
    with pytest.raises(AccessDenied):
        read(officers.first, stored[0], purpose="support")


def test_the_list_shows_the_same(tenant, stored, officers):
    listed = list_conversations(principal=officers.first, purpose="break_glass", now=now())
    assert listed == []
    open_for(officers, stored[:2])
    listed = list_conversations(principal=officers.first, purpose="break_glass", now=now())
    assert {one.id for one in listed} == set(stored[:2])
    stale = as_principal(tenant, officers.users[0])
    assert list_conversations(principal=stale, purpose="break_glass", now=now()) == []


def test_every_use_is_on_the_record_with_its_break_glass(tenant, stored, officers):
    glass = open_for(officers, stored[:1])
    read(officers.first, stored[0])
    with tenant_scope(tenant.id):
        opened = json.loads(AuditEntry.objects.filter(event="grant.opened").latest("sequence").body)
        begun = json.loads(AuditEntry.objects.get(event="break_glass.opened").body)
    assert opened["break_glass"] == str(glass.id)
    assert (begun["holder"], begun["conversations"]) == (str(officers.users[0].id), [str(stored[0])])
    assert "leaks" not in json.dumps([opened, begun])


def test_a_fresh_second_factor_is_needed_each_time(tenant, stored, officers):
    open_for(officers, stored[:1])
    with pytest.raises(AccessDenied) as refusal:
        read(as_principal(tenant, officers.users[0]), stored[0])
    assert refusal.value.code == "second_factor.needed"


def test_a_forbid_still_forbids(tenant, stored, officers):
    open_for(officers, stored[:1])
    officers.put_in_force("no-bot", FORBID_MAIL("support-bot"))
    with pytest.raises(AccessDenied) as refusal:
        read(officers.first, stored[0])
    assert refusal.value.code == "policy.forbidden"
    assert list_conversations(principal=officers.first, purpose="break_glass", now=now()) == []


def test_it_ends_by_time(tenant, stored, officers):
    glass = open_for(officers, stored[:1], minutes=1)
    later = glass.ends_at + timedelta(seconds=1)
    with pytest.raises(AccessDenied):
        read_conversation(
            principal=principal_for(user=officers.users[0], tenant=tenant, second_factor_at=later),
            conversation_id=stored[0], purpose="break_glass", view="source", now=later,
        )  # fmt: skip


def test_a_grant_does_not_outlive_it(tenant, stored, officers):
    glass = open_for(officers, stored[:1], minutes=1)
    nearly = glass.ends_at - timedelta(seconds=1)
    principal = principal_for(user=officers.users[0], tenant=tenant, second_factor_at=nearly)
    asked = {"action": "read_source", "purpose": "break_glass", "resources": scope(tenant, stored[:1])}
    with grant(principal=principal, **asked, now=nearly) as held:
        import time

        assert held.deadline - time.monotonic() <= 1


@pytest.mark.parametrize("who", ["holder", "second person"])
def test_it_is_ended_at_once_and_open_grants_with_it(tenant, stored, officers, who):
    glass = open_for(officers, stored[:1])
    with tenant_scope(tenant.id):
        row = Message.objects.filter(conversation_id=stored[0]).first()
    asked = {"action": "read_source", "purpose": "break_glass", "resources": scope(tenant, stored[:1])}
    with grant(principal=officers.first, **asked, now=now()) as held:
        breaking_glass.end_glass(
            principal=officers.first if who == "holder" else officers.second, glass_id=glass.id, now=now()
        )
        held._epoch_checked = 0
        with pytest.raises(OpeningRefused) as refusal, tenant_scope(tenant.id):
            open_rows([row], view="source")
        assert refusal.value.code == "grant.epoch"
    with pytest.raises(AccessDenied):
        read(officers.first, stored[0])
    with pytest.raises(EmergencyRefused, match="already"):
        breaking_glass.end_glass(principal=officers.first, glass_id=glass.id, now=now())


def test_somebody_else_reviews_it_afterwards(tenant, people, stored, officers):
    glass = open_for(officers, stored[:1])
    review = {"glass_id": glass.id, "justified": True, "note": "the ticket says so", "now": now() + timedelta(seconds=1)}
    with pytest.raises(EmergencyRefused, match="open still"):
        breaking_glass.review_glass(principal=officers.second, **review)
    breaking_glass.end_glass(principal=officers.first, glass_id=glass.id, now=now())
    assert [one.id for one in breaking_glass.glasses(principal=officers.second, now=now(), to_review=True)] == [glass.id]
    with pytest.raises(EmergencyRefused, match="else"):
        breaking_glass.review_glass(principal=officers.first, **review)
    with pytest.raises(AccessDenied):
        breaking_glass.review_glass(principal=as_principal(tenant, people["analyst"]), **review)
    breaking_glass.review_glass(principal=officers.second, **review)
    assert breaking_glass.glasses(principal=officers.second, now=now(), to_review=True) == []
    assert breaking_glass.glasses(principal=as_principal(tenant, people["analyst"]), now=now()) == []
    with pytest.raises(EmergencyRefused, match="reviewed already"):
        breaking_glass.review_glass(principal=officers.second, **review)


def test_not_even_around_python_does_the_holder_review(tenant, stored, officers):
    open_for(officers, stored[:1])
    with admin() as outside, pytest.raises(psycopg.errors.CheckViolation):
        outside.execute("UPDATE governance_breakglass SET reviewed_by_id = user_id")


WRONG = [
    pytest.param({"ticket": " "}, "ticket", id="no ticket"),
    pytest.param({"ticket": "x" * 65}, "64", id="ticket too long"),
    pytest.param({"minutes": 0}, "1 to 480", id="no time"),
    pytest.param({"minutes": 481}, "1 to 480", id="too long"),
]


@pytest.mark.parametrize(("change", "says"), WRONG)
def test_what_cannot_be_asked(tenant, stored, officers, change, says):
    with pytest.raises(EmergencyRefused) as refusal:
        ask(tenant, officers.first, stored[:1], **change)
    assert says in str(refusal.value)


def test_without_a_reason_it_is_not_asked(tenant, stored, officers):
    with pytest.raises(ApprovalRefused, match="why"):
        ask(tenant, officers.first, stored[:1], reason="")


@pytest.mark.parametrize("role", ["analyst", "auditor"])
def test_others_do_not_ask(tenant, people, stored, role):
    with pytest.raises(AccessDenied):
        ask(tenant, as_principal(tenant, people[role], second_factor=True), stored[:1])


def test_an_approval_opens_for_its_asker_alone(tenant, people, stored, officers):
    approval = officers.agree(ask(tenant, officers.first, stored[:1]))
    with pytest.raises(ApprovalRefused):
        breaking_glass.open_glass(principal=officers.second, approval_id=approval, now=now())
    breaking_glass.open_glass(principal=officers.first, approval_id=approval, now=now())
    with pytest.raises(ApprovalRefused):
        breaking_glass.open_glass(principal=officers.first, approval_id=approval, now=now())
    assert seconding.approval(principal=officers.first, approval_id=approval, now=now()).state == "used"


def test_z11_a_superuser_opens_nothing_without_it(tenant, stored):
    root = User.objects.create_superuser(username="root", password="correct horse battery")
    with pytest.raises(NotAMember):
        principal_for(user=root, tenant=tenant)
    add_member(tenant=tenant, user=root, role="security_officer", actor=OPERATOR)
    principal = as_principal(tenant, root, second_factor=True)
    for purpose in ("support", "break_glass"):
        with pytest.raises(AccessDenied):
            read(principal, stored[0], purpose=purpose)


def test_z11_control_with_it_the_superuser_reads_and_is_on_the_record(tenant, stored, officers):
    officers.users[0].is_superuser = True
    officers.users[0].save()
    open_for(officers, stored[:1])
    assert read(officers.first, stored[0])
    with tenant_scope(tenant.id):
        assert BreakGlass.objects.get().ticket == "INC-7"


def test_a_foreign_conversation_is_not_found(tenant, stored):
    other = make_tenant()
    officer = as_principal(other, make_person(other, "security_officer"), second_factor=True)
    assert scope(other, stored[:1]) == {}
    with pytest.raises(EmergencyRefused):
        ask(other, officer, stored[:1])
    with pytest.raises(NotFound):
        read(officer, stored[0])
