"""The process that prepares pages of a re-encryption ahead: it helps, and where it cannot the worker does it itself."""

import os
import subprocess
from contextlib import suppress
from signal import SIGALRM

import pytest

from governance.crypto.errors import CannotOpen
from governance.custody import preparing, reencrypting
from governance.custody.preparing import Ahead, Answer, Wanted, preparing_ahead
from governance.custody.reencrypting import ask_reencrypt, reencrypt_step
from governance.identity.scoping import tenant_scope
from governance.jobs.leasing import claim_job
from governance.keys.wrapped import NOBODY
from governance.vault.comparing import verify_content
from governance.vault.reencrypting import Page
from tests.conftest import as_principal, item, now, store
from tests.processes import environment, wait_for
from tests.security.test_c_ciphertext import read, sql

COUNT = 6


@pytest.fixture
def officer(tenant, people):
    return as_principal(tenant, people["security_officer"], second_factor=True)


@pytest.fixture
def processes(monkeypatch):
    """The processes that are started, on this test's database."""
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    begun, start = [], subprocess.Popen

    def started(command, **more):
        begun.append(start(command, **more))
        return begun[-1]

    monkeypatch.setattr(preparing.subprocess, "Popen", started)
    yield begun
    preparing.dismiss()


def replaced(tenant, officer):
    """Six chats and a re-encryption whose keys were replaced, with nothing moved yet."""
    chats = [one.id for one in store(tenant, *(item(f"c-{at}", f"hello {at}", subject=f"u-{at}") for at in range(COUNT)))]
    ask_reencrypt(principal=officer, use="content", now=now())
    with tenant_scope(tenant.id):
        job, _ = claim_job([reencrypting.TOPIC])
    while job.cursor.get("phase", "replace") != "move":
        reencrypt_step(job)
    return chats, job


def nobody_prepares_here(monkeypatch):
    monkeypatch.setattr(Wanted, "prepare", lambda _: pytest.fail("the worker prepared a page itself"))


def test_the_process_prepares_pages_that_the_worker_can_write(tenant, officer, processes, monkeypatch):
    chats, job = replaced(tenant, officer)
    wanted = Wanted(tenant.id, "content", 0, NOBODY)
    with preparing_ahead(worth_it=True) as ahead, monkeypatch.context() as patched:
        wait_for(ahead.there)
        nobody_prepares_here(patched)
        ahead.ask(wanted)
        page = ahead.page()
        ahead.ask(wanted._replace(after=page.last))
        assert ahead.page().last is None
    assert (page.records, len(page.owners), len(page.manifest.leaves)) == (2 * COUNT, COUNT, 53 * 2 * COUNT)
    assert processes[0].poll() is None, "it stays for the next step"
    preparing.dismiss()
    assert processes[0].poll() is not None
    with tenant_scope(tenant.id):
        ring = reencrypting.rings_of(tenant.id)["content"]
    reencrypting._write(job, ring, "content", 0, page)
    assert [read(tenant, chat) for chat in chats] == [[f"hello {at}"] for at in range(COUNT)]
    with tenant_scope(tenant.id):
        assert verify_content(tenant=tenant.id).faults == []


def test_a_job_with_much_to_do_uses_it_and_one_with_little_does_not(tenant, officer, processes, monkeypatch):
    chats, job = replaced(tenant, officer)
    monkeypatch.setattr(reencrypting, "MANY", 2 * COUNT)
    while not job.finished:
        reencrypt_step(job)
    assert len(processes) == 1, "for the messages, which take the heads along"
    assert processes[0].poll() is not None, "and it ends with the moving"
    assert [read(tenant, chat) for chat in chats] == [[f"hello {at}"] for at in range(COUNT)]


def test_one_process_serves_every_step_from_the_replacing_on(tenant, officer, processes, monkeypatch):
    monkeypatch.setattr(reencrypting, "MANY", 1)
    monkeypatch.setattr(reencrypting, "AT_ONCE_SECONDS", 0.0)  # A page a step.
    _, job = replaced(tenant, officer)
    assert len(processes) == 1, "it starts while keys are replaced"
    while job.cursor["phase"] == "move" and job.cursor["table"] == 0:
        reencrypt_step(job)
    assert (len(processes), processes[0].poll()) == (1, None)
    while not job.finished:
        reencrypt_step(job)
    assert processes[0].poll() is not None


@pytest.mark.parametrize("what", ["it died", "it owes an answer", "the step failed", "another thread has it"])
def test_a_process_that_does_not_serve_is_not_used_again(tenant, officer, processes, what):
    replaced(tenant, officer)
    wanted = Wanted(tenant.id, "content", 0, NOBODY)
    with suppress(ZeroDivisionError), preparing_ahead(worth_it=True) as ahead:
        wait_for(ahead.there)
        if what == "it owes an answer":
            ahead.ask(wanted)
        elif what == "the step failed":
            raise ZeroDivisionError
        elif what == "another thread has it":
            with preparing_ahead(worth_it=True) as other:
                assert other is not ahead
    if what == "it died":
        processes[0].kill()
        processes[0].wait()
    with preparing_ahead(worth_it=True) as again:
        assert len(processes) == 2
        wait_for(again.there)
        again.ask(wanted)
        assert again.page().records == 2 * COUNT


def test_where_no_process_can_be_started_the_worker_does_all_of_it(tenant, officer, monkeypatch):
    def none(*_, **more):
        raise BlockingIOError(11, "no more processes")

    monkeypatch.setattr(preparing.subprocess, "Popen", none)
    monkeypatch.setattr(reencrypting, "MANY", 1)
    chats, job = replaced(tenant, officer)
    while not job.finished:
        reencrypt_step(job)
    assert [read(tenant, chat) for chat in chats] == [[f"hello {at}"] for at in range(COUNT)]


@pytest.mark.parametrize("answer", ["of another program", "to another question"])
def test_an_answer_that_does_not_fit_is_no_page(tenant, officer, answer):
    replaced(tenant, officer)
    wanted = Wanted(tenant.id, "content", 0, NOBODY)
    ours, theirs = preparing.Pipe()
    with ours, theirs:
        theirs.send(None)
        ahead = Ahead(ours)
        ahead.ask(wanted)
        if answer == "of another program":
            theirs.send_bytes(b"cgovernance.vault.reencrypting\nNoSuch\n.")
        else:
            theirs.send(Answer(wanted._replace(table=1), Page(None)))
        assert ahead.page().records == 2 * COUNT
        assert ahead.idle() == (answer == "to another question")


@pytest.mark.parametrize("asked_before", [False, True])
def test_where_the_process_is_killed_the_worker_goes_on_alone(tenant, officer, processes, asked_before):
    replaced(tenant, officer)
    wanted = Wanted(tenant.id, "content", 0, NOBODY)
    with preparing_ahead(worth_it=True) as ahead:
        wait_for(ahead.there)
        os.kill(processes[0].pid, 19)  # It stops, so that it cannot have answered.
        if asked_before:
            ahead.ask(wanted)
        processes[0].kill()
        processes[0].wait()
        if not asked_before:
            ahead.ask(wanted)
        assert ahead.page().records == 2 * COUNT
        ahead.ask(wanted)
        assert ahead.page().records == 2 * COUNT


def test_what_the_process_cannot_open_is_the_worker_s_own_error(tenant, officer, processes):
    replaced(tenant, officer)
    sql(
        "UPDATE governance_message SET source = overlay(source placing '\\x00'::bytea from length(source)) WHERE ordinal = 0"
    )
    with preparing_ahead(worth_it=True) as ahead:
        wait_for(ahead.there)
        ahead.ask(Wanted(tenant.id, "content", 0, NOBODY))
        with pytest.raises(CannotOpen):
            ahead.page()
        assert processes[0].poll() is None, "and it stays"


def test_it_ends_when_nothing_is_asked(tenant, processes):
    ours, theirs = preparing.Pipe()
    with ours, theirs:
        *python, program, descriptor = preparing.command(theirs.fileno())
        hasty = "; from governance.custody import preparing; preparing.LONGEST_PAUSE = 1; from "
        child = subprocess.Popen([*python, program.replace("; from ", hasty, 1), descriptor], pass_fds=[theirs.fileno()])
        assert ours.poll(30)
        assert child.wait(30) == -SIGALRM


def test_it_ends_when_the_worker_is_gone(tenant, processes):
    ours, theirs = preparing.Pipe()
    with ours, theirs:
        child = subprocess.Popen(preparing.command(theirs.fileno()), pass_fds=[theirs.fileno()])
        theirs.close()
        assert ours.poll(30)
    assert child.wait(30) == 0
