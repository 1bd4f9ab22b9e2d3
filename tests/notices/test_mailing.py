"""A mail says that something waits, to those who may second it, and nothing of what it is about."""

from datetime import timedelta
from uuid import uuid4

from django.core import mail

from governance.access import breaking_glass
from governance.approvals.asking import ask
from governance.approvals.models import Approval
from governance.identity.models import User
from governance.identity.scoping import tenant_scope
from governance.notices.mailing import tell_of_approvals, tell_of_break_glass
from governance.pipeline.tasks import notices
from governance.vault.resources import resources_for
from tests.access.policing import Officers
from tests.conftest import as_principal, make_tenant, now


def test_it_mails_the_second_person_and_not_the_asker(tenant, people):
    for role, user in people.items():
        User.objects.filter(id=user.id).update(email=f"{role}@example.com")
    began, subject = now(), uuid4()
    asker = as_principal(tenant, people["privacy_officer"])
    ask(
        principal=asker,
        act="erase",
        subject=subject,
        details={},
        reason="kim asked for it",
        now=now(),
    )
    later = now() + timedelta(seconds=1)
    assert tell_of_approvals(tenant=tenant.id, since=began, now=later) == 1
    assert mail.outbox[0].to == ["security_officer@example.com"]
    assert "erase" in mail.outbox[0].body
    assert "kim" not in mail.outbox[0].body
    assert str(subject) not in mail.outbox[0].body
    assert tell_of_approvals(tenant=tenant.id, since=later, now=later + timedelta(minutes=5)) == 0
    assert tell_of_approvals(tenant=make_tenant().id, since=began, now=later) == 0


def test_it_mails_officers_when_a_break_glass_begins_and_when_it_waits_for_review(tenant, people, stored):
    officers, began = Officers(tenant), now()
    for number, user in enumerate([*officers.users, people["privacy_officer"]]):
        User.objects.filter(id=user.id).update(email=f"{number}@example.com")
    wanted = resources_for(principal=officers.first, ids=[stored[0]])
    approval = breaking_glass.ask(
        principal=officers.first, resources=wanted, ticket="INC-7", minutes=5, reason="kim wrote", now=now()
    )
    officers.agree(approval)
    glass = breaking_glass.open_glass(principal=officers.first, approval_id=approval, now=now())
    later = now()
    assert tell_of_break_glass(tenant=tenant.id, since=began, now=later) == 2
    assert sorted(mail.outbox[0].to + mail.outbox[1].to) == ["1@example.com", "2@example.com"]
    assert str(glass.id) in mail.outbox[0].body
    assert not {"INC-7", "kim", str(stored[0])} & set(mail.outbox[0].body.split())
    breaking_glass.end_glass(principal=officers.second, glass_id=glass.id, now=now())
    assert tell_of_break_glass(tenant=tenant.id, since=later, now=now()) == 2
    assert "waits for a review" in mail.outbox[-1].body
    breaking_glass.review_glass(principal=officers.second, glass_id=glass.id, justified=True, note="seen", now=now())
    assert tell_of_break_glass(tenant=tenant.id, since=later, now=now()) == 0


def test_the_task_marks_what_nobody_used_in_time(tenant, people):
    asker = as_principal(tenant, people["privacy_officer"])
    long_ago = now() - timedelta(days=60)
    asked = ask(principal=asker, act="erase", subject=uuid4(), details={}, reason="r", now=long_ago)
    fresh = ask(principal=asker, act="erase", subject=uuid4(), details={}, reason="r", now=now())
    notices()
    with tenant_scope(tenant.id):
        assert Approval.objects.get(id=asked).state == "expired"
        assert Approval.objects.get(id=fresh).state == "asked"
