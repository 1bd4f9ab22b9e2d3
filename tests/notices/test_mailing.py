"""A mail says that something waits, to those who may second it, and nothing of what it is about."""

from datetime import timedelta
from uuid import uuid4

from django.core import mail

from governance.approvals.asking import ask
from governance.identity.models import User
from governance.notices.mailing import tell_of_approvals
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
