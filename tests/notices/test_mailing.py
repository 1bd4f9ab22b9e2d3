"""A mail says that something waits, to those who may second it, and nothing of what it is about. It is sent by a job."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core import mail

from governance.access import breaking_glass, seconding
from governance.approvals.asking import ask
from governance.approvals.models import Approval
from governance.identity.models import User
from governance.identity.scoping import tenant_scope
from governance.jobs.leasing import LeaseLost, claim_job
from governance.notices.mailing import tell
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.tasks import expire
from governance.pipeline.working import work_for_all
from governance.vault.resources import resources_for
from tests.access.policing import Officers
from tests.conftest import as_principal, make_tenant, now
from tests.notices.smtp import mail_server
from tests.security.test_c_ciphertext import sql


@pytest.fixture
def mailed(tenant, people):
    for role, user in people.items():
        User.objects.filter(id=user.id).update(email=f"{role}@example.com")
    return people


def asked(tenant, people, subject=None):
    asker = as_principal(tenant, people["privacy_officer"])
    return ask(principal=asker, act="erase", subject=subject or uuid4(), details={}, reason="kim asked for it", now=now())


def jobs():
    return sql("SELECT state, done, total, attempt FROM governance_job WHERE topic = 'notice' ORDER BY created_at")


def test_it_mails_the_second_person_once_and_not_the_asker(tenant, mailed):
    subject = uuid4()
    approval = asked(tenant, mailed, subject)
    assert mail.outbox == [], "a request waits for no mail server"
    work_for_all(HANDLERS)
    (sent,) = mail.outbox
    assert sent.to == ["security_officer@example.com"]
    assert "erase" in sent.body
    assert str(approval) in sent.body
    assert "kim" not in sent.body + sent.subject
    assert str(subject) not in sent.body
    work_for_all(HANDLERS)
    assert len(mail.outbox) == 1
    assert jobs() == [("done", 1, 1, 0)]
    ((body,),) = sql("SELECT body FROM governance_auditentry WHERE event = 'notice.sent'")
    assert '"mails":1' in body
    assert "example.com" not in body


def test_what_is_not_asked_after_all_is_told_to_nobody(tenant, mailed):
    asker = as_principal(tenant, mailed["privacy_officer"])
    with pytest.raises(RuntimeError), tenant_scope(tenant.id):
        ask(principal=asker, act="erase", subject=uuid4(), details={}, reason="r", now=now())
        raise RuntimeError
    assert jobs() == []
    approval = asked(tenant, mailed)
    seconding.withdraw(principal=asker, approval_id=approval, now=now())
    work_for_all(HANDLERS)
    assert mail.outbox == []
    assert jobs() == [("done", 0, 0, 0)]


def test_nobody_of_another_tenant_is_mailed(tenant, mailed):
    Officers(make_tenant())
    User.objects.filter(email="").update(email="stranger@example.com")
    User.objects.filter(memberships__tenant=tenant, email="stranger@example.com").update(email="")
    asked(tenant, mailed)
    work_for_all(HANDLERS)
    assert [one.to for one in mail.outbox] == [["security_officer@example.com"]]


def test_a_mail_server_that_is_away_costs_no_attempt_and_the_mail_comes_later(tenant, mailed, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with mail_server() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
    asked(tenant, mailed)
    work_for_all(HANDLERS)
    assert jobs() == [("waiting", 0, None, 0)]
    assert sql("SELECT reason FROM governance_job") == [("ConnectionRefusedError",)]
    with mail_server() as server:
        settings.EMAIL_PORT = server.server_address[1]
        sql("UPDATE governance_job SET not_before = NULL")
        work_for_all(HANDLERS)
    (sent,) = server.mails
    assert "To: security_officer@example.com" in sent
    assert jobs() == [("done", 1, 1, 0)]


def test_a_worker_that_ends_between_two_mails_doubles_none(tenant, mailed):
    officers = Officers(tenant)
    for number, user in enumerate(officers.users):
        User.objects.filter(id=user.id).update(email=f"{number}@example.com")
    asked(tenant, mailed)
    with tenant_scope(tenant.id):
        leased, _ = claim_job(HANDLERS)
    tell(leased)
    assert len(mail.outbox) == 1
    sql("UPDATE governance_job SET lease_until = now() - interval '1 second'")  # It was killed here.
    work_for_all(HANDLERS)
    addresses = [address for sent in mail.outbox for address in sent.to]
    assert sorted(addresses) == ["0@example.com", "1@example.com", "security_officer@example.com"]
    with pytest.raises(LeaseLost):
        tell(leased)
    assert len(mail.outbox) == 3, "the one that comes back late mails nobody"


def test_officers_hear_when_a_break_glass_begins_and_when_it_waits_for_review(tenant, people, stored):
    officers = Officers(tenant)
    for number, user in enumerate([*officers.users, people["privacy_officer"]]):
        User.objects.filter(id=user.id).update(email=f"{number}@example.com")
    wanted = resources_for(principal=officers.first, ids=[stored[0]])
    approval = breaking_glass.ask(
        principal=officers.first, resources=wanted, ticket="INC-7", minutes=5, reason="kim wrote", now=now()
    )
    officers.agree(approval)
    work_for_all(HANDLERS)
    assert mail.outbox == [], "it was agreed to before anybody was mailed"
    glass = breaking_glass.open_glass(principal=officers.first, approval_id=approval, now=now())
    work_for_all(HANDLERS)
    assert sorted(address for sent in mail.outbox for address in sent.to) == ["1@example.com", "2@example.com"]
    assert str(glass.id) in mail.outbox[0].body
    assert not {"INC-7", "kim", str(stored[0])} & set(mail.outbox[0].body.split())
    assert [state for state, *_ in jobs()] == ["done", "done", "waiting"], "the review is told of when it is over"
    breaking_glass.end_glass(principal=officers.second, glass_id=glass.id, now=now())
    work_for_all(HANDLERS)
    assert len(mail.outbox) == 4
    assert "waits for a review" in mail.outbox[-1].body


def test_a_review_that_is_done_is_asked_of_nobody(tenant, people, stored):
    officers = Officers(tenant)
    User.objects.filter(id=officers.users[1].id).update(email="1@example.com")
    wanted = resources_for(principal=officers.first, ids=[stored[0]])
    approval = breaking_glass.ask(principal=officers.first, resources=wanted, ticket="I", minutes=5, reason="r", now=now())
    officers.agree(approval)
    glass = breaking_glass.open_glass(principal=officers.first, approval_id=approval, now=now())
    breaking_glass.end_glass(principal=officers.second, glass_id=glass.id, now=now())
    breaking_glass.review_glass(principal=officers.second, glass_id=glass.id, justified=True, note="seen", now=now())
    work_for_all(HANDLERS)
    assert mail.outbox == []


def test_the_task_marks_what_nobody_used_in_time(tenant, people):
    asker = as_principal(tenant, people["privacy_officer"])
    long_ago = now() - timedelta(days=60)
    old = ask(principal=asker, act="erase", subject=uuid4(), details={}, reason="r", now=long_ago)
    fresh = ask(principal=asker, act="erase", subject=uuid4(), details={}, reason="r", now=now())
    expire()
    with tenant_scope(tenant.id):
        assert Approval.objects.get(id=old).state == "expired"
        assert Approval.objects.get(id=fresh).state == "asked"
