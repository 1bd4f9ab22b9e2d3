"""Four eyes: asked, seconded, refused, withdrawn, expired, used once."""

from datetime import timedelta

import psycopg
import pytest

from governance.access import seconding
from governance.access.errors import AccessDenied
from governance.approvals import asking
from governance.approvals.acts import ACTS
from governance.approvals.asking import ApprovalRefused, NoSuchApproval
from governance.approvals.models import Approval
from governance.identity.identifiers import uuid7
from governance.identity.scoping import tenant_scope
from tests.conftest import as_principal, make_person, make_tenant, now
from tests.security.test_c_ciphertext import admin

SUBJECT = uuid7()


@pytest.fixture
def asker(tenant, people):
    return as_principal(tenant, people["privacy_officer"], second_factor=True)


@pytest.fixture
def other(tenant, people):
    return as_principal(tenant, people["security_officer"], second_factor=True)


def ask(principal, **changes):
    given = {"act": "erase", "subject": SUBJECT, "reason": "a request", "now": now(), **changes}
    return seconding.ask(principal=principal, **given)


def use(tenant, approval, **changes):
    given = {"act": "erase", "subject": SUBJECT, "details": {}, "now": now(), **changes}
    with tenant_scope(tenant.id):
        return asking.use(approval_id=approval, **given)


def agree(principal, approval, *, agree=True):
    seconding.second(principal=principal, approval_id=approval, agree=agree, now=now())


def test_it_serves_once_for_exactly_what_was_asked(tenant, asker, other):
    approval = ask(asker, details={"scope": "all"})
    agree(other, approval)
    for changes in ({"details": {}}, {"act": "release_hold"}, {"subject": uuid7()}, {"now": now() + timedelta(days=30)}):
        with pytest.raises(ApprovalRefused):
            use(tenant, approval, **{"details": {"scope": "all"}, **changes})
    decision = use(tenant, approval, details={"scope": "all"})
    assert (decision.asker, decision.seconder) == (asker.user_id, other.user_id)
    with pytest.raises(ApprovalRefused):
        use(tenant, approval, details={"scope": "all"})


def test_the_asker_is_never_the_second_person(tenant, asker):
    approval = ask(asker)
    with pytest.raises(ApprovalRefused, match="another"):
        agree(asker, approval)


def test_not_even_around_python(tenant, asker):
    approval = ask(asker)
    with admin() as outside, pytest.raises(psycopg.errors.CheckViolation):
        outside.execute("UPDATE governance_approval SET seconder_id = asker_id WHERE id = %s", [approval])
    with admin() as outside, pytest.raises(psycopg.errors.CheckViolation):
        outside.execute("UPDATE governance_approval SET state = 'used' WHERE id = %s", [approval])


@pytest.mark.parametrize("role", ["analyst", "auditor"])
def test_others_neither_ask_nor_second(tenant, people, asker, role):
    somebody = as_principal(tenant, people[role], second_factor=True)
    approval = ask(asker)
    with pytest.raises(AccessDenied):
        ask(somebody)
    with pytest.raises(AccessDenied):
        agree(somebody, approval)
    assert seconding.approvals_for(principal=somebody, now=now()) == []
    with pytest.raises(AccessDenied):
        seconding.approval(principal=somebody, approval_id=approval, now=now())


def test_the_same_action_suffices_for_seconding(tenant, asker):
    auditors = [as_principal(tenant, make_person(tenant, "auditor"), second_factor=True) for _ in range(2)]
    approval = ask(auditors[0], act="accept_head", subject=tenant.id)
    agree(auditors[1], approval)
    assert seconding.approval(principal=auditors[0], approval_id=approval, now=now()).state == "seconded"


@pytest.mark.parametrize("stale", ["asker", "other"])
def test_both_show_a_fresh_second_factor(tenant, people, asker, other, stale):
    with pytest.raises(AccessDenied) as refusal:
        if stale == "asker":
            ask(as_principal(tenant, people["privacy_officer"]))
        else:
            agree(as_principal(tenant, people["security_officer"]), ask(asker))
    assert refusal.value.code == "second_factor.needed"


def test_a_refusal_ends_it(tenant, asker, other):
    approval = ask(asker)
    agree(other, approval, agree=False)
    with pytest.raises(ApprovalRefused):
        agree(other, approval)
    with pytest.raises(ApprovalRefused):
        use(tenant, approval)


@pytest.mark.parametrize("agreed", [False, True])
def test_the_asker_withdraws(tenant, asker, other, agreed):
    approval = ask(asker)
    if agreed:
        agree(other, approval)
    with pytest.raises(ApprovalRefused, match="asked"):
        seconding.withdraw(principal=other, approval_id=approval, now=now())
    seconding.withdraw(principal=asker, approval_id=approval, now=now())
    with pytest.raises(ApprovalRefused):
        use(tenant, approval)
    with pytest.raises(ApprovalRefused):
        seconding.withdraw(principal=asker, approval_id=approval, now=now())


def test_it_expires(tenant, asker, other):
    approval = ask(asker)
    with tenant_scope(tenant.id):
        Approval.objects.update(expires_at=now() - timedelta(seconds=1))
    assert seconding.approval(principal=asker, approval_id=approval, now=now()).state == "expired"
    assert seconding.approvals_for(principal=other, now=now(), waiting=True) == []
    with pytest.raises(ApprovalRefused):
        agree(other, approval)
    assert asking.expire_due(tenant=tenant.id, now=now()) == 1
    with tenant_scope(tenant.id):
        assert Approval.objects.get(id=approval).state == "expired"


def test_a_reason_is_needed_and_nothing_waits_twice(tenant, asker):
    with pytest.raises(ApprovalRefused, match="why"):
        ask(asker, reason="  ")
    ask(asker)
    with pytest.raises(ApprovalRefused, match="already"):
        ask(asker)


def test_an_unknown_act_is_refused(asker):
    with pytest.raises(ApprovalRefused, match="no such act"):
        ask(asker, act="fly")


def test_another_tenant_knows_nothing_of_it(tenant, asker):
    approval, stranger = ask(asker), make_tenant()
    officer = as_principal(stranger, make_person(stranger, "security_officer"), second_factor=True)
    for attempt in (agree, lambda who, one: seconding.withdraw(principal=who, approval_id=one, now=now())):
        with pytest.raises(NoSuchApproval):
            attempt(officer, approval)


def test_every_grave_act_names_an_action_of_the_schema():
    from governance.access.schema import TENANT_ACTIONS

    assert {act.action for act in ACTS.values()} <= set(TENANT_ACTIONS)
