"""ATTACKS.md, rows T: a grant belongs to one executing thread, process and task. Each row has its control."""

import asyncio
import contextlib
import contextvars
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import connection, connections

from governance.access import granting
from governance.access.cells import Cell, Resource
from governance.access.errors import OpeningRefused
from governance.access.granting import grant, required
from governance.access.tickets import issue, redeem
from governance.identity.scoping import tenant_scope
from governance.vault.models import Message
from tests.conftest import as_principal, make_person, make_tenant, now

SOAK = bool(os.environ.get("THREADVAULT_SOAK"))
JOBS, TENANTS, THREADS = (20_000, 50, 8) if SOAK else (600, 10, 8)
RESOURCE = Resource(cell=Cell("support-bot", 1, False, False), purposes=frozenset({"support"}), collection_id=uuid4())


@contextlib.contextmanager
def opened(tenant, user, conversations):
    principal = as_principal(tenant, user)
    scope = dict.fromkeys(conversations, RESOURCE)
    with grant(principal=principal, action="read_redacted", purpose="support", resources=scope, now=now()) as held:
        yield held


@pytest.fixture
def analyst(tenant):
    return make_person(tenant, "analyst")


def attempt(held, conversation):
    """Open under `held`; return the code of the refusal, or "opened"."""
    try:
        held.check({conversation: 1}, view="redacted")
    except OpeningRefused as refusal:
        return refusal.code
    return "opened"


def attempt_redeem(ticket):
    """Redeem a ticket; return the code of the refusal, or "redeemed"."""
    try:
        with redeem(ticket):
            return "redeemed"
    except OpeningRefused as refusal:
        return refusal.code


def in_thread(call):
    """Run in a bare thread, with its own database connections."""
    answers = []

    def body():
        answers.append(call())
        connections.close_all()

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    return answers[0]


def test_t01_interleaved_jobs_never_cross(transactional_db):
    tenants = [make_tenant() for _ in range(TENANTS)]
    people = [as_principal(tenant, make_person(tenant, "analyst")) for tenant in tenants]
    conversations = [uuid4() for _ in tenants]
    crossings, wrong = [], []

    def job(number):
        chance = random.Random(number)
        mine = chance.randrange(TENANTS)
        foreign = conversations[(mine + 1) % TENANTS]
        if granting.current() is not None:
            crossings.append("residue")
        if chance.random() < 0.15:
            with contextlib.suppress(OpeningRefused):
                required()
                crossings.append("no grant, yet one was there")
            return
        with contextlib.suppress(ZeroDivisionError):
            scope = {conversations[mine]: RESOURCE}
            with grant(
                principal=people[mine], action="read_redacted", purpose="support", resources=scope, now=now()
            ) as held:
                wrong.extend([] if attempt(held, conversations[mine]) == "opened" else [number])
                crossings.extend([] if held._scope_fault([foreign], "redacted")[0] == "grant.scope" else [number])
                if chance.random() < 0.5:
                    raise ZeroDivisionError

    def worker(numbers):
        for number in numbers:
            contextvars.Context().run(job, number)
        connections.close_all()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(worker, [range(start, JOBS, THREADS) for start in range(THREADS)]))
    assert crossings == []
    assert wrong == []


def test_t01_control_a_global_grant_crosses():
    """The mutant: one global in the place of the context variable is seen by the next job."""
    state = {"grant": None}

    def job(leave):
        seen = state["grant"]
        state["grant"] = "mine"
        if not leave:
            state["grant"] = None
        return seen

    with ThreadPoolExecutor(1) as pool:
        assert [pool.submit(job, True).result(), pool.submit(job, False).result()] == [None, "mine"]


def left_behind(leave, count=6):
    """Let `count` threads that are alive together each leave something under its id; all of them have ended."""
    together, kept = threading.Barrier(count), {}

    def body():
        kept[threading.get_ident()] = leave()
        connections.close_all()
        together.wait()

    threads = [threading.Thread(target=body) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return kept


def test_t03_a_new_thread_with_a_recycled_id_opens_nothing(tenant, analyst):
    def leave_open():
        manager = opened(tenant, analyst, [uuid4()])
        return manager, manager.__enter__(), contextvars.copy_context()

    kept = left_behind(leave_open)

    def take_over():
        _, held, context = kept.get(threading.get_ident(), (None, None, None))
        return None if held is None else context.run(held.fault)

    faults = [fault[0] for _ in range(2_000 if SOAK else 200) if (fault := in_thread(take_over)) is not None]
    assert set(faults) == {"grant.thread"}, "the ids did recycle, so the attack was real; nothing opened"
    assert all(held.open for _, held, _ in kept.values()), "nobody closed them"


def test_t03_control_a_grant_bound_to_the_id_would_open(tenant, analyst):
    kept = left_behind(lambda: "bound to the id")
    hits = sum(in_thread(lambda: threading.get_ident() in kept) for _ in range(200))
    assert hits > 0


def test_t04_a_forked_child_opens_nothing(tenant, analyst):
    conversation = uuid4()
    with opened(tenant, analyst, [conversation]) as held:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writer, (held.fault() or ("opened",))[0].encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reader, 100) == b"grant.process"
        os.close(reader)
        os.close(writer)


def test_t04_control_the_parent_opens_and_a_child_shares_its_thread_object(tenant, analyst):
    conversation = uuid4()
    with opened(tenant, analyst, [conversation]) as held:
        assert attempt(held, conversation) == "opened"
        held._pid = os.getpid() + 1
        assert attempt(held, conversation) == "grant.process", "it is the process that tells, not the thread"


def test_t05_a_copied_context_opens_nothing_elsewhere_or_later(tenant, analyst):
    conversation = uuid4()
    with opened(tenant, analyst, [conversation]) as held:
        context = contextvars.copy_context()
        assert in_thread(lambda: context.run(attempt, held, conversation)) == "grant.thread"
    assert context.run(attempt, held, conversation) == "grant.closed"


def test_t05_control_reset_alone_does_not_revoke(tenant, analyst):
    """The mutant without the open flag: the copied context still holds the grant after the block."""
    conversation = uuid4()
    with opened(tenant, analyst, [conversation]) as held:
        context = contextvars.copy_context()
    assert context.run(granting.current) is held
    held.open = True
    assert context.run(attempt, held, conversation) == "opened"
    held.close()


def test_t06_executors_and_bare_threads_find_no_grant(tenant, analyst):
    conversation = uuid4()

    async def elsewhere():
        return await asyncio.get_running_loop().run_in_executor(None, refusal)

    def refusal():
        try:
            required()
        except OpeningRefused as error:
            return error.code, "ticket" in str(error)
        return "opened", False

    with opened(tenant, analyst, [conversation]), ThreadPoolExecutor(1) as pool:
        assert in_thread(refusal) == ("grant.none", True)
        assert pool.submit(refusal).result() == ("grant.none", True)
    assert asyncio.run(elsewhere()) == ("grant.none", True)


def test_t06_control_a_ticket_opens_there_once(tenant, analyst):
    conversation = uuid4()
    with opened(tenant, analyst, [conversation]) as held:
        ticket = issue(held, conversations=[conversation])

        def use():
            with redeem(ticket) as mine:
                return attempt(mine, conversation)

        assert in_thread(use) == "opened"
        assert in_thread(lambda: attempt_redeem(ticket)) == "ticket.used"


def test_t06_a_ticket_is_never_wider(tenant, analyst):
    with opened(tenant, analyst, [uuid4()]) as held, pytest.raises(OpeningRefused):
        issue(held, conversations=[uuid4()])


def test_t19_a_kept_connection_keeps_no_tenant(tenant, stored):
    with tenant_scope(tenant.id):
        assert Message.objects.count() == 6
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), current_setting('governance.tenant', true)")
        _, setting = cursor.fetchone()
    assert setting == ""
    assert Message.objects.count() == 0


def test_t19_control_a_session_setting_is_seen_by_the_next_request(tenant, stored):
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('governance.tenant', %s, false)", [str(tenant.id)])
    try:
        assert Message.objects.count() == 6
    finally:
        connection.close()


def test_a_grant_never_leaves_its_process(tenant, analyst):
    import pickle

    with opened(tenant, analyst, [uuid4()]) as held:
        with pytest.raises(TypeError):
            pickle.dumps(held)
