"""ATTACKS.md, rows T02, T07 and T11: coroutines, threads of executors, and code that the interpreter calls by itself."""

import asyncio
import atexit
import contextlib
import gc
import os
import random
import signal
import subprocess
import sys
import threading
import weakref
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connections, transaction

from governance.access import granting
from governance.access.errors import OpeningRefused
from governance.access.granting import grant, required
from governance.access.tickets import issue, redeem, under
from tests.conftest import as_principal, make_person, make_tenant, now
from tests.processes import environment
from tests.security.test_t_threads import RESOURCE, attempt, in_thread, opened

SOAK = bool(os.environ.get("THREADVAULT_SOAK"))
COROUTINES, AT_ONCE, TENANTS = (5_000, 500, 50) if SOAK else (300, 100, 10)


@pytest.fixture
def analyst(tenant):
    return make_person(tenant, "analyst")


@pytest.fixture
def loop_may_wait(monkeypatch):
    """Coroutines of these tests ask PostgreSQL in the loop's thread; the attack is about tasks, not about waiting."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")


def code_of(call):
    """The code with which `call` is refused, or "opened"."""
    try:
        call()
    except OpeningRefused as refusal:
        return refusal.code
    return "opened"


def test_t02_coroutines_never_cross(transactional_db, loop_may_wait):
    tenants = [make_tenant() for _ in range(TENANTS)]
    people = [as_principal(tenant, make_person(tenant, "analyst")) for tenant in tenants]
    conversations = [uuid4() for _ in tenants]
    crossed, wrong, children = [], [], []

    async def outlives(held, conversation, number):
        await asyncio.sleep(0.05)
        if attempt(held, conversation) == "opened":
            crossed.append(("child", number))
        connections.close_all()

    async def job(number, gate):
        chance = random.Random(number)
        mine = chance.randrange(TENANTS)
        async with gate:
            if granting.current() is not None:
                crossed.append(("residue", number))
            scope = {conversations[mine]: RESOURCE}
            principal = people[mine]
            with grant(principal=principal, action="read_redacted", purpose="support", resources=scope, now=now()) as held:
                connections.close_all()  # Django gives each task connections of its own: more than a server has.
                children.append(asyncio.create_task(outlives(held, conversations[mine], number)))
                await asyncio.sleep(chance.random() / 100)
                if attempt(held, conversations[mine]) != "opened" or granting.current() is not held:
                    wrong.append(number)
                if held._scope_fault([conversations[(mine + 1) % TENANTS]], "redacted") is None:
                    crossed.append(("scope", number))
                if number % 7 == 0 and await asyncio.to_thread(lambda: held.fault()[0]) != "grant.thread":
                    crossed.append(("thread", number))
            connections.close_all()

    async def everything():
        gate = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(asyncio.create_task(job(number, gate)) for number in range(COROUTINES)))
        await asyncio.gather(*children)

    asyncio.run(everything())
    assert (crossed, wrong) == ([], [])
    assert len(children) == COROUTINES


def test_t02_control_without_the_flag_and_the_task_a_child_goes_on(tenant, analyst, loop_may_wait, monkeypatch):
    conversation = uuid4()

    async def parent():
        with opened(tenant, analyst, [conversation]) as held:
            child = asyncio.create_task(later(held))
        held.open = True
        connections.close_all()
        return await child

    async def later(held):
        await asyncio.sleep(0.01)
        try:
            return attempt(held, conversation)
        finally:
            connections.close_all()

    assert asyncio.run(parent()) == "grant.task"
    monkeypatch.setattr(granting.Grant, "_binding_fault", lambda _: None)
    assert asyncio.run(parent()) == "opened"


@pytest.mark.parametrize("sensitive", [True, False])
def test_t07_between_loops_and_threads_only_a_ticket_carries(sensitive, tenant, analyst, loop_may_wait):
    conversation = uuid4()

    def open_here(held):
        return attempt(held, conversation)

    def carry(ticket):
        try:
            return under(ticket, lambda: attempt(required(), conversation))()
        finally:
            connections.close_all()

    async def to_threads():
        with opened(tenant, analyst, [conversation]) as held:
            bare = await sync_to_async(lambda: held.fault()[0], thread_sensitive=sensitive)()
            ticket = issue(held, conversations=[conversation])
            carried = await sync_to_async(carry, thread_sensitive=sensitive)(ticket)
            here = open_here(held)
        connections.close_all()
        return here, bare, carried

    async def in_loop(held, ticket):
        refused = held.fault()[0]
        outer = granting._current.get()
        granting._current.set(None)
        with redeem(ticket) as mine:
            carried = attempt(mine, conversation)
        granting._current.set(outer)
        connections.close_all()
        return refused, carried

    here, bare, carried = asyncio.run(to_threads())
    assert (here, bare, carried) == ("opened", "grant.thread", "opened")
    with opened(tenant, analyst, [conversation]) as held:
        ticket = issue(held, conversations=[conversation])
        refused, carried = async_to_sync(in_loop)(held, ticket)
        assert refused in {"grant.task", "grant.thread"}, "asgiref chooses the thread"
        assert (carried, open_here(held)) == ("opened", "opened")


def test_t07_control_without_the_bindings_the_thread_and_the_loop_open(tenant, analyst, monkeypatch):
    conversation = uuid4()
    monkeypatch.setattr(granting.Grant, "_binding_fault", lambda _: None)
    with opened(tenant, analyst, [conversation]) as held:
        assert in_thread(lambda: attempt(held, conversation)) == "opened"

        async def in_loop():
            return held.fault()

        assert async_to_sync(in_loop)() is None


class Hook:
    """Something that dies, and opens as it does."""

    def __init__(self, held, conversation, answers):
        self.held, self.conversation, self.answers = held, conversation, answers

    def __del__(self):
        self.answers.append(attempt(self.held, self.conversation))


def test_t11_what_the_interpreter_calls_after_the_block_opens_nothing(tenant, analyst):
    conversation, answers = uuid4(), []
    with opened(tenant, analyst, [conversation]) as held:
        hook = Hook(held, conversation, answers)
        other = Hook(held, conversation, [])
        reference = weakref.ref(other, lambda _: answers.append(attempt(held, conversation)))
        previous = signal.signal(signal.SIGUSR1, lambda *_: answers.append(attempt(held, conversation)))
    try:
        del hook, other
        gc.collect()
        signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, previous)
    assert reference() is None
    assert answers == ["grant.closed"] * 3


def test_t11_a_hook_after_commit_opens_nothing(tenant, analyst):
    """The vault's own order: the grant ends inside the transaction, so a hook runs after both."""
    conversation, answers = uuid4(), []
    with transaction.atomic():
        transaction.on_commit(lambda: answers.append(code_of(required)))
    with contextlib.ExitStack() as stack:
        from governance.identity.scoping import tenant_scope

        stack.enter_context(tenant_scope(tenant.id))
        with opened(tenant, analyst, [conversation]) as held:
            transaction.on_commit(lambda: answers.append(attempt(held, conversation)))
    assert answers == ["grant.none", "grant.closed"]


def test_t11_a_signal_that_meets_a_working_thread_runs_in_the_main_one_and_opens_nothing(tenant, analyst):
    """Servers and workers answer requests in other threads than the one that runs signal handlers."""
    conversation, answers, ready, done = uuid4(), [], threading.Event(), threading.Event()
    state = {}

    def work():
        with opened(tenant, analyst, [conversation]) as held:
            state["held"] = held
            ready.set()
            done.wait(10)
        connections.close_all()

    previous = signal.signal(signal.SIGUSR1, lambda *_: answers.append(state["held"].fault()[0]))
    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ready.wait(10)
        signal.raise_signal(signal.SIGUSR1)
    finally:
        done.set()
        thread.join()
        signal.signal(signal.SIGUSR1, previous)
    assert answers == ["grant.thread"]


AT_EXIT = """
import atexit, sys, django
django.setup()
from uuid import UUID, uuid4
from governance.access import granting
from governance.access.errors import OpeningRefused
from governance.access.granting import grant
from governance.identity.models import Tenant, User
from governance.identity.principals import principal_for
from tests.security.test_t_threads import RESOURCE, attempt
from tests.conftest import now
principal = principal_for(user=User.objects.get(username=sys.argv[2]), tenant=Tenant.objects.get(id=sys.argv[1]))
conversation = uuid4()
atexit.register(lambda: print(attempt(held, conversation)))
with grant(principal=principal, action="read_redacted", purpose="support", resources={conversation: RESOURCE}, now=now()) as held:
    print(attempt(held, conversation))
"""


def test_t11_at_exit_nothing_opens(tenant, analyst):
    assert atexit._ncallbacks() > 0
    done = subprocess.run(
        [sys.executable, "-c", AT_EXIT, str(tenant.id), analyst.username],
        env=environment(), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["opened", "grant.closed"]


def test_t11_control_inside_the_block_the_same_hooks_open(tenant, analyst):
    """What the binding does not promise: code that runs in the very thread, inside the block, has its authority."""
    conversation, answers = uuid4(), []
    previous = signal.signal(signal.SIGUSR1, lambda *_: answers.append(attempt(granting.current(), conversation)))
    try:
        with opened(tenant, analyst, [conversation]) as held:
            signal.raise_signal(signal.SIGUSR1)
            hook = Hook(held, conversation, answers)
            del hook
            gc.collect()
    finally:
        signal.signal(signal.SIGUSR1, previous)
    assert answers == ["opened", "opened"]
