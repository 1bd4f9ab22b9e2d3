"""ATTACKS.md, rows T13, T14 and T15: rights that end in the middle of work, grants inside grants, and clocks."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from uuid import uuid4

import pytest

from governance.access import granting
from governance.access.errors import OpeningRefused
from governance.access.granting import grant
from governance.access.tickets import Ticket, issue, redeem
from governance.identity.members import add_member, end_membership
from governance.identity.models import User
from tests.access.policing import FORBID_MAIL, Officers
from tests.conftest import OPERATOR, as_principal, make_person, now
from tests.processes import environment, wait_for
from tests.security.test_t_threads import RESOURCE, attempt, in_thread, opened


@pytest.fixture
def analyst(tenant):
    return make_person(tenant, "analyst")


def revoke_policy(tenant, _):
    Officers(tenant).put_in_force("rule", FORBID_MAIL("anything"))


def disable(_, user):
    User.objects.filter(id=user.id).update(is_active=False)


def end_role(tenant, user):
    end_membership(tenant=tenant, user=user, role="analyst", now=now(), actor=OPERATOR)


def add_role(tenant, user):
    add_member(tenant=tenant, user=user, role="auditor", actor=OPERATOR)


CHANGES = [revoke_policy, disable, end_role, add_role]


def seconds_until_refused(held, conversation):
    began = time.monotonic()
    code = wait_for(lambda: (answer := attempt(held, conversation)) != "opened" and answer, seconds=5, step=0.01)
    return code, time.monotonic() - began


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_t13_the_next_opening_is_refused_within_a_second(change, tenant, analyst):
    conversation = uuid4()
    with opened(tenant, analyst, [conversation]) as held:
        assert attempt(held, conversation) == "opened"
        in_thread(lambda: change(tenant, analyst))
        code, seconds = seconds_until_refused(held, conversation)
    assert code == "grant.epoch"
    assert seconds <= 1.0


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_t13_control_without_the_epoch_it_goes_on(change, tenant, analyst, monkeypatch):
    conversation = uuid4()
    monkeypatch.setattr(granting, "EPOCH_SECONDS", 3_600.0)
    with opened(tenant, analyst, [conversation]) as held:
        in_thread(lambda: change(tenant, analyst))
        time.sleep(1.1)
        assert attempt(held, conversation) == "opened"


def test_t13_a_ticket_is_overtaken_as_well(tenant, analyst):
    conversation = uuid4()
    with opened(tenant, analyst, [conversation]) as held:
        ticket = issue(held, conversations=[conversation])
        in_thread(lambda: end_role(tenant, analyst))
        with pytest.raises(OpeningRefused) as refusal, redeem(ticket):
            pass
    assert refusal.value.code == "grant.epoch"


def test_t14_a_grant_in_a_grant_is_refused_and_a_wider_ticket_is_not_issued(tenant, analyst):
    mine, other = uuid4(), uuid4()
    with opened(tenant, analyst, [mine]) as held:
        with pytest.raises(OpeningRefused) as nested, opened(tenant, analyst, [other]):
            pass
        assert nested.value.code == "grant.nested"
        for wider in ({"conversations": [other]}, {"conversations": [mine], "views": ["source"]}):
            with pytest.raises(OpeningRefused) as refusal:
                issue(held, **wider)
            assert refusal.value.code == "ticket.wider"
        assert attempt(held, mine) == "opened", "the outer grant goes on"


def test_t14_narrowing_is_allowed_and_the_outer_grant_comes_back(tenant):
    officer = make_person(tenant, "privacy_officer")
    one, two = uuid4(), uuid4()
    scope = dict.fromkeys((one, two), RESOURCE)
    principal = as_principal(tenant, officer, second_factor=True)
    with grant(principal=principal, action="read_source", purpose="support", resources=scope, now=now()) as outer:
        with redeem(issue(outer, conversations=[one], views=["redacted"])) as inner:
            assert attempt(inner, one) == "opened"
            assert attempt(inner, two) == "grant.scope"
            with pytest.raises(OpeningRefused) as refusal:
                inner.check({one: 1}, view="source")
            assert refusal.value.code == "grant.view"
            assert attempt(outer, two) == "grant.context", "inside, the wider right is out of reach"
        outer.check({two: 1}, view="source")
        assert attempt(inner, one) == "grant.closed"


def test_t14_one_budget_for_all(tenant, analyst, monkeypatch):
    monkeypatch.setenv("THREADVAULT_GRANT_BUDGET", "5")
    conversation = uuid4()
    with opened(tenant, analyst, [conversation]) as held:
        held.check({conversation: 3}, view="redacted")
        for wanted, code in ((3, "grant.budget"), (2, "opened"), (1, "grant.budget")):
            with redeem(issue(held, conversations=[conversation])) as inner:
                try:
                    inner.check({conversation: wanted}, view="redacted")
                    answer = "opened"
                except OpeningRefused as refusal:
                    answer = refusal.code
            assert answer == code
        assert attempt(held, conversation) == "grant.budget"


def test_t14_control_a_ticket_that_nobody_compared_opens_more(tenant, analyst):
    """Without the comparison in `issue`, a ticket made by hand opens what its grant does not."""
    mine, other = uuid4(), uuid4()
    with opened(tenant, analyst, [mine]) as held:
        forged = Ticket(grant=held, conversations=frozenset({other}), views=frozenset({"source"}))
        with redeem(forged) as inner:
            inner.check({other: 1}, view="source")


def test_t15_the_wall_clock_set_back_lengthens_nothing(tenant, analyst, monkeypatch):
    conversation = uuid4()
    principal = as_principal(tenant, analyst)
    with grant(
        principal=principal,
        action="read_redacted",
        purpose="support",
        resources={conversation: RESOURCE},
        now=now(),
        ttl=0.2,
    ) as held:
        ends = time.time() + 0.2
        ticket = issue(held, conversations=[conversation])
        time.sleep(0.3)
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() - 3_600)
        assert time.time() < ends, "the control: a deadline on the wall clock would still stand"
        assert attempt(held, conversation) == "grant.expired"
        with pytest.raises(OpeningRefused) as refusal, redeem(ticket):
            pass
        assert refusal.value.code == "ticket.expired"


def test_t15_the_clock_set_back_for_a_whole_process_lengthens_nothing(tenant, analyst):
    """The decision's own time comes from the caller: an hour back, a grant is as short as ever."""
    conversation = uuid4()
    with grant(
        principal=as_principal(tenant, analyst), action="read_redacted", purpose="support",
        resources={conversation: RESOURCE}, now=now() - timedelta(hours=1), ttl=0.2,
    ) as held:  # fmt: skip
        time.sleep(0.3)
        assert attempt(held, conversation) == "grant.expired"


SLEEPER = """
import sys, django
django.setup()
from uuid import uuid4
from governance.access.granting import grant
from governance.identity.models import Tenant, User
from governance.identity.principals import principal_for
from tests.security.test_t_threads import RESOURCE, attempt
from tests.conftest import now
principal = principal_for(user=User.objects.get(username=sys.argv[2]), tenant=Tenant.objects.get(id=sys.argv[1]))
one = uuid4()
with grant(principal=principal, action="read_redacted", purpose="support", resources={one: RESOURCE}, now=now(), ttl=1.0) as held:
    print(attempt(held, one), flush=True)
    sys.stdin.readline()
    print(attempt(held, one), flush=True)
"""


@pytest.mark.parametrize(("stopped", "answer"), [(2.0, "grant.expired"), (0.1, "opened")])
def test_t15_a_process_that_was_stopped_finds_its_time_over(stopped, answer, tenant, analyst):
    """Two seconds of SIGSTOP end a grant of one second; a short stop, the control, does not."""
    running = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, str(tenant.id), analyst.username],
        env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert running.stdout.readline().strip() == "opened"
    os.kill(running.pid, signal.SIGSTOP)
    time.sleep(stopped)
    os.kill(running.pid, signal.SIGCONT)
    out, _ = running.communicate("go\n", timeout=20)
    assert out.strip() == answer
