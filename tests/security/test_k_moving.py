"""ATTACKS.md, rows K14 and K16: data keys move to another version, by jobs that are killed at every statement."""

import os
import signal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections

from governance.access.errors import AccessDenied
from governance.crypto.errors import CannotOpen
from governance.custody.changing import change_version
from governance.custody.rewrapping import TOPIC, ask_rewrap
from governance.custody.rotation import rotate_ring
from governance.identity.scoping import tenant_scope
from governance.keys import rewrapping, warming
from governance.keys.data_keys import count_by_version, open_data_keys
from governance.keys.errors import KeyUnavailable, KeyWorkGoesOn
from governance.keys.listing import versions
from governance.keys.models import DataKey
from governance.keys.providers import forget_providers
from governance.keys.providers.local import LocalProvider
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.turns import rests
from governance.pipeline.working import work_for_all
from governance.vault.comparing import verify_content
from governance.vault.models import Message
from governance.vault.rows import view_of
from tests.conftest import as_principal, item, make_person, make_tenant, now, store
from tests.security.test_c_ciphertext import read, sql


@pytest.fixture(autouse=True)
def rested():
    rests._until.clear()


@pytest.fixture
def officer(tenant, people):
    return as_principal(tenant, people["security_officer"], second_factor=True)


def chats(tenant, count=6):
    return [one.id for one in store(tenant, *(item(f"c-{at}", f"hello {at}", subject=f"u-{at}") for at in range(count)))]


def rotated_and_asked(officer, use="content"):
    rotate_ring(principal=officer, use=use, now=now())
    return ask_rewrap(principal=officer, use=use, now=now())


def counts(tenant, use="content"):
    with tenant_scope(tenant.id):
        return {one.version: one.data_keys for one in versions() if one.use == use}


def progress(job):
    return sql("SELECT done, state FROM governance_job WHERE id = %s", job)[0]


def stolen(tenant, message, view="source"):
    """The data key of a message, as somebody who once saw it keeps it."""
    with tenant_scope(tenant.id):
        return open_data_keys([getattr(Message.objects.get(id=message), f"{view}_data_key_id")]).popitem()[1]


def first_message(tenant):
    with tenant_scope(tenant.id):
        return Message.objects.order_by("id").first()


def test_k16_rewrap_moves_every_key_and_touches_no_message(tenant, officer):
    conversations = chats(tenant)
    before = sql("SELECT id, source, source_revision FROM governance_message ORDER BY id")
    job = rotated_and_asked(officer)
    assert counts(tenant) == {1: 6, 2: 0}
    work_for_all(HANDLERS)
    assert counts(tenant) == {1: 0, 2: 6}
    assert progress(job) == (6, "done")
    assert sql("SELECT id, source, source_revision FROM governance_message ORDER BY id") == before
    assert [read(tenant, chat) for chat in conversations] == [[f"hello {at}"] for at in range(6)]
    ((body,),) = sql("SELECT body FROM governance_auditentry WHERE event = 'key.rewrapped'")
    assert '"data_keys":6' in body
    assert '"kept":0' in body


def test_k16_control_after_a_rewrap_a_stolen_data_key_still_opens(tenant, officer):
    chats(tenant, 1)
    message = first_message(tenant)
    thief = stolen(tenant, message.id)
    rotated_and_asked(officer)
    work_for_all(HANDLERS)
    view = view_of(first_message(tenant), "source")
    assert b"hello 0" in thief.open(view.sealed.envelope, view.place)


def test_what_was_wrapped_before_does_not_open_when_it_is_put_back(tenant, officer):
    chats(tenant, 1)
    ((key, old),) = sql("SELECT id, wrapped FROM governance_datakey WHERE use = 'content' AND owner_id <> conversation_id")
    rotated_and_asked(officer)
    work_for_all(HANDLERS)
    sql("UPDATE governance_datakey SET wrapped = %s WHERE id = %s", old, key)
    with tenant_scope(tenant.id), pytest.raises(CannotOpen):
        open_data_keys([key])


def test_keys_of_a_compromised_version_move_and_those_of_a_suspended_one_are_kept(tenant, officer):
    conversations = chats(tenant, 3)
    (version,) = [one.id for one in _content(tenant)]
    change_version(principal=officer, version_id=version, act="compromise", reason="a laptop", now=now())
    with pytest.raises(KeyUnavailable):
        read(tenant, conversations[0])
    ask_rewrap(principal=officer, use="content", now=now())
    work_for_all(HANDLERS)
    assert read(tenant, conversations[0]) == ["hello 0"]
    assert counts(tenant) == {1: 0, 2: 3}
    second = _content(tenant)[1].id
    change_version(principal=officer, version_id=second, act="suspend", reason="in doubt", now=now())
    rotate_ring(principal=officer, use="content", now=now())
    job = ask_rewrap(principal=officer, use="content", now=now())
    work_for_all(HANDLERS)
    assert progress(job) == (0, "done")
    assert counts(tenant) == {1: 0, 2: 3, 3: 0}
    assert '"kept":3' in sql("SELECT body FROM governance_auditentry WHERE event = 'key.rewrapped' ORDER BY sequence")[-1][0]


def _content(tenant):
    with tenant_scope(tenant.id):
        return [one for one in versions() if one.use == "content"]


def test_a_ring_is_rewrapped_by_one_job_at_a_time(tenant, officer):
    chats(tenant, 1)
    rotated_and_asked(officer)
    with pytest.raises(KeyWorkGoesOn, match="jobs list --open"):
        ask_rewrap(principal=officer, use="content", now=now())
    ask_rewrap(principal=officer, use="redacted", now=now())


def test_a_rewrap_leaves_the_rings_of_others_alone(tenant, officer):
    other = make_tenant("other")
    chats(tenant, 2)
    store(other, item("c-1", "hello"))
    rotated_and_asked(officer)
    work_for_all(HANDLERS)
    assert counts(other) == {1: 1}
    with tenant_scope(tenant.id):
        assert sum(count_by_version().values()) == DataKey.objects.filter(wrapped__isnull=False).count()


def test_only_who_manages_keys_rewraps_with_a_second_factor(tenant, people):
    for who in (
        as_principal(tenant, people["auditor"], second_factor=True),
        as_principal(tenant, people["security_officer"]),
    ):
        with pytest.raises(AccessDenied):
            ask_rewrap(principal=who, use="content", now=now())
    assert sql("SELECT count(*) FROM governance_job WHERE topic = %s", TOPIC) == [(0,)]


def test_the_provider_is_asked_before_anything_is_locked(tenant, officer, monkeypatch):
    chats(tenant, 2)
    rotated_and_asked(officer)
    warming.cool()
    forget_providers()
    held = []
    unwrap = LocalProvider.unwrap

    def watched(self, wrapped, context):
        held.append(sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1")[0][0])
        return unwrap(self, wrapped, context)

    monkeypatch.setattr(LocalProvider, "unwrap", watched)
    work_for_all(HANDLERS)
    assert held
    assert set(held) == {0}


def killed_at(statement):
    """Work on jobs in a child that kills itself before its n-th statement; return whether it got that far."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        seen = 0

        def counted(execute, sql, parameters, many, context):
            nonlocal seen
            seen += 1
            if seen == statement:
                os.kill(os.getpid(), signal.SIGKILL)
            return execute(sql, parameters, many, context)

        try:
            with connection.execute_wrapper(counted):
                work_for_all(HANDLERS)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_k14_killed_at_each_statement_it_goes_on_and_nothing_is_unreadable(tenant, officer, monkeypatch):
    monkeypatch.setattr(rewrapping.rewrap_next, "__kwdefaults__", {"limit": 2})
    conversations = chats(tenant)
    job = rotated_and_asked(officer)
    killed, done = 0, 0
    for statement in range(1, 200):
        if not killed_at(statement):
            break
        killed += 1
        now_done, state = progress(job)
        assert now_done >= done
        assert state == "running" or now_done == done
        done = now_done
        assert sum(counts(tenant).values()) == 6
        assert counts(tenant)[2] == done
        assert read(tenant, conversations[killed % 6]) == [f"hello {killed % 6}"]
        sql("UPDATE governance_job SET lease_until = NULL, attempt = 0, state = 'waiting' WHERE id = %s", job)
    assert killed >= 10
    assert progress(job) == (6, "done")
    assert [read(tenant, chat) for chat in conversations] == [[f"hello {at}"] for at in range(6)]
    with tenant_scope(tenant.id):
        assert verify_content(tenant=tenant.id).faults == []


def test_k14_control_a_move_that_is_no_transaction_loses_keys(tenant, officer):
    (conversation,) = chats(tenant, 1)
    rotate_ring(principal=officer, use="content", now=now())
    second = _content(tenant)[1].id
    sql("UPDATE governance_datakey SET version_id = %s WHERE use = 'content'", second)  # And killed before the bytes.
    with pytest.raises(Exception, match="does not"):
        read(tenant, conversation)


def test_the_command_asks_for_it(tenant):
    chats(tenant, 1)
    person = make_person(tenant, "security_officer")
    with pytest.raises(CommandError, match="second_factor"):
        call_command("keys", "rewrap", "--use", "content", "--member", person.username)
