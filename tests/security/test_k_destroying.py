"""ATTACKS.md, rows K13 and K19: keys are destroyed by two people, after a waiting, where nothing needs them any more."""

import threading
import time
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection

from governance.access.errors import AccessDenied
from governance.approvals.asking import ApprovalRefused, NoSuchApproval
from governance.custody import destroying, upkeep
from governance.custody.changing import ReasonMissing, change_version
from governance.custody.destroying import (
    ask_destroy,
    ask_destroy_data_key,
    cancel_destroy,
    destroy_data_key,
    destroy_due,
    schedule_destroy,
)
from governance.custody.planning import blast_radius
from governance.custody.reencrypting import ask_reencrypt
from governance.custody.rewrapping import ask_rewrap
from governance.custody.rotation import rotate_ring
from governance.custody.upkeep import keep_up
from governance.identity.scoping import tenant_scope
from governance.keys.changing import Cause, change_state, locked_version
from governance.keys.data_keys import open_data_keys
from governance.keys.errors import BadTransition, KeyChanged, KeyDestroyed, KeyInUse, KeyReplaced, KeyUnavailable, UnknownKey
from governance.keys.listing import versions
from governance.keys.models import DataKey
from governance.keys.warming import warm
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.running import run_classification
from governance.pipeline.working import work_for_all
from governance.privacy import classifying
from governance.privacy.errors import Held
from governance.privacy.holding import place_hold
from tests.access.policing import Officers
from tests.conftest import as_principal, item, make_tenant, now, store, totp
from tests.security.test_c_ciphertext import admin, read, sql

CAUSE = Cause(None, "a test")
WEEK = timedelta(days=7)


@pytest.fixture
def officer(tenant, people):
    return as_principal(tenant, people["security_officer"], second_factor=True)


def chats(tenant, count=2):
    return [one.id for one in store(tenant, *(item(f"c-{at}", f"hello {at}", subject=f"u-{at}") for at in range(count)))]


def retired(tenant, officer, use="content"):
    """Rotate and rewrap a ring; return the id of the version that wraps nothing any more."""
    with tenant_scope(tenant.id):
        (old,) = [one.id for one in versions() if one.use == use and one.state == "active"]
    rotate_ring(principal=officer, use=use, now=now())
    ask_rewrap(principal=officer, use=use, now=now())
    work_for_all(HANDLERS)
    return old


def state_of(version):
    return sql("SELECT state, destroy_at IS NOT NULL FROM governance_keyversion WHERE id = %s", version)[0]


def scheduled(tenant, officer, version, days=7):
    asked = ask_destroy(principal=officer, version_id=version, days=days, reason="unused", now=now())
    Officers(tenant).agree(asked)
    return schedule_destroy(principal=officer, approval_id=asked, now=now())


def events(name):
    return [body for (body,) in sql("SELECT body FROM governance_auditentry WHERE event = %s ORDER BY sequence", name)]


def test_k19_one_person_destroys_nothing(tenant, officer, people):
    old = retired(tenant, officer)
    asked = ask_destroy(principal=officer, version_id=old, days=7, reason="unused", now=now())
    with pytest.raises(ApprovalRefused):
        schedule_destroy(principal=officer, approval_id=asked, now=now())
    with pytest.raises(ApprovalRefused, match="another than"):
        from governance.access import seconding

        seconding.second(principal=officer, approval_id=asked, agree=True, now=now())
    keep_up(tenant=tenant.id, now=now())
    assert state_of(old) == ("deactivated", False)
    auditor = as_principal(tenant, people["auditor"], second_factor=True)
    with pytest.raises(AccessDenied):
        ask_destroy(principal=auditor, version_id=old, days=7, reason="r", now=now())
    with pytest.raises(AccessDenied):
        ask_destroy(
            principal=as_principal(tenant, people["security_officer"]), version_id=old, days=7, reason="r", now=now()
        )


def test_k19_two_people_destroy_after_a_waiting_and_not_before(tenant, officer, monkeypatch):
    monkeypatch.setenv("THREADVAULT_EPOCH_DAYS", "0")
    conversations = chats(tenant)
    old = retired(tenant, officer)
    until = scheduled(tenant, officer, old)
    assert abs(until - now() - WEEK) < timedelta(minutes=1)
    keep_up(tenant=tenant.id, now=until - timedelta(seconds=1))
    assert state_of(old) == ("deactivated", True)
    keep_up(tenant=tenant.id, now=until)
    assert state_of(old) == ("destroyed", False)
    assert sql("SELECT wrapped FROM governance_keyversion WHERE id = %s", old) == [(None,)]
    assert [read(tenant, one) for one in conversations] == [["hello 0"], ["hello 1"]]
    assert len(events("key.destroy_scheduled")) == 1
    (body,) = events("key.destroyed")
    assert '"approval":' in body


def test_k19_one_person_cancels_while_it_waits(tenant, officer, monkeypatch):
    monkeypatch.setenv("THREADVAULT_EPOCH_DAYS", "0")
    old = retired(tenant, officer)
    until = scheduled(tenant, officer, old)
    with pytest.raises(ReasonMissing):
        cancel_destroy(principal=officer, version_id=old, reason=" ", now=now())
    cancel_destroy(principal=officer, version_id=old, reason="an audit comes", now=now())
    keep_up(tenant=tenant.id, now=until + WEEK)
    assert state_of(old) == ("deactivated", False)
    with pytest.raises(BadTransition, match="does not wait"):
        cancel_destroy(principal=officer, version_id=old, reason="again", now=now())
    assert len(events("key.destroy_cancelled")) == 1


def test_k19_what_an_officer_has_kept_no_epoch_destroys(tenant, officer):
    kept, other = retired(tenant, officer), retired(tenant, officer, "redacted")
    scheduled(tenant, officer, kept)
    cancel_destroy(principal=officer, version_id=kept, reason="an audit comes", now=now())
    later = now() + WEEK + timedelta(minutes=1)
    for _ in range(2):
        keep_up(tenant=tenant.id, now=later)
    assert state_of(other) == ("destroyed", False), "the control: an epoch destroys what nobody has kept"
    assert state_of(kept) == ("deactivated", False)
    until = scheduled(tenant, officer, kept)
    keep_up(tenant=tenant.id, now=until)
    assert state_of(kept) == ("destroyed", False)


def test_k19_a_clock_that_jumps_a_year_ends_no_waiting(tenant, officer, monkeypatch):
    monkeypatch.setenv("THREADVAULT_EPOCH_DAYS", "0")
    old = retired(tenant, officer)
    scheduled(tenant, officer, old)
    keep_up(tenant=tenant.id, now=now() + timedelta(days=365))
    assert state_of(old) == ("deactivated", True)
    monkeypatch.setattr(destroying, "SANE_DAYS", 1_000)
    keep_up(tenant=tenant.id, now=now() + timedelta(days=365))
    assert state_of(old) == ("destroyed", False), "the control: without the limit it is over"


@pytest.mark.parametrize("act", ["cancel", "compromise"])
def test_k19_what_changes_between_the_look_and_the_barrier_stays(tenant, officer, monkeypatch, act):
    old = retired(tenant, officer)
    later = now() + WEEK + timedelta(minutes=1)
    if act == "cancel":
        later = scheduled(tenant, officer, old)
    real = upkeep._to_destroy

    def looked(*arguments):
        found = real(*arguments)
        assert [version for version, _ in found] == [old], "the control: it is due"
        if act == "cancel":
            cancel_destroy(principal=officer, version_id=old, reason="an audit comes", now=now())
        else:
            change_version(principal=officer, version_id=old, act="compromise", reason="a laptop", now=now())
        return found

    monkeypatch.setattr(upkeep, "_to_destroy", looked)
    keep_up(tenant=tenant.id, now=later)
    assert state_of(old)[0] == {"cancel": "deactivated", "compromise": "compromised"}[act]


def test_k19_what_is_in_use_is_neither_asked_nor_scheduled_nor_destroyed(tenant, officer):
    chats(tenant)
    with tenant_scope(tenant.id):
        (active,) = [one.id for one in versions() if one.use == "content"]
    with pytest.raises(BadTransition):
        ask_destroy(principal=officer, version_id=active, days=7, reason="r", now=now())
    rotate_ring(principal=officer, use="content", now=now())
    with pytest.raises(KeyInUse, match="wraps 2 data keys"):
        ask_destroy(principal=officer, version_id=active, days=7, reason="r", now=now())
    assert not destroy_due(tenant=tenant.id, version_id=active, cause=CAUSE, now=now())
    with tenant_scope(tenant.id), pytest.raises(Exception, match="wraps data keys"):
        change_state(locked_version(active), "destroyed", cause=CAUSE, now=now())
    assert state_of(active) == ("deactivated", False)


def test_k19_control_without_the_trigger_sql_destroys_a_version_in_use(tenant, officer):
    (conversation,) = chats(tenant, 1)
    rotate_ring(principal=officer, use="content", now=now())
    statement = "UPDATE governance_keyversion SET state = 'destroyed', wrapped = NULL WHERE state = 'deactivated'"
    with admin() as outside, pytest.raises(psycopg.errors.CheckViolation, match="wraps data keys"):
        outside.execute(statement)
    with admin() as outside:
        outside.execute("SET session_replication_role = replica")
        outside.execute(statement)
    with pytest.raises(KeyUnavailable):
        read(tenant, conversation)


@pytest.mark.parametrize("days", [0, 6, 31])
def test_k19_the_waiting_has_bounds(tenant, officer, days):
    old = retired(tenant, officer)
    with pytest.raises(ApprovalRefused, match="7 to 30 days"):
        ask_destroy(principal=officer, version_id=old, days=days, reason="r", now=now())


def test_k19_what_the_second_person_agreed_to_is_what_is_done(tenant, officer):
    old = retired(tenant, officer)
    other = retired(tenant, officer, "redacted")
    asked = ask_destroy(principal=officer, version_id=old, days=30, reason="unused", now=now())
    Officers(tenant).agree(asked)
    sql("UPDATE governance_approval SET details = '{\"days\": 7}' WHERE id = %s", asked)
    with pytest.raises(ApprovalRefused, match="something else"):
        schedule_destroy(principal=officer, approval_id=asked, now=now())
    sql("UPDATE governance_approval SET subject_id = %s, details = '{\"days\": 30}' WHERE id = %s", other, asked)
    with pytest.raises(ApprovalRefused, match="something else"):
        schedule_destroy(principal=officer, approval_id=asked, now=now())
    assert {state_of(old), state_of(other)} == {("deactivated", False)}
    with pytest.raises(NoSuchApproval):
        schedule_destroy(principal=officer, approval_id=uuid4(), now=now())


def test_whoever_acts_on_what_they_saw_is_told_where_it_has_changed(tenant, officer):
    old = retired(tenant, officer)
    with tenant_scope(tenant.id):
        (seen,) = [one.tag for one in versions() if one.id == old]
    scheduled(tenant, officer, old)
    with pytest.raises(KeyChanged):
        cancel_destroy(principal=officer, version_id=old, reason="r", now=now(), expected=seen)
    with pytest.raises(KeyChanged):
        change_version(principal=officer, version_id=old, act="compromise", reason="r", now=now(), expected=seen)
    with tenant_scope(tenant.id):
        (current,) = [one.tag for one in versions() if one.id == old]
    cancel_destroy(principal=officer, version_id=old, reason="r", now=now(), expected=current)


def test_an_epoch_moves_keys_and_destroys_the_version_before_the_last(tenant):
    conversations = chats(tenant)
    run_classification(tenant.id)
    at = now()
    for round_ in range(3):
        at += timedelta(days=7, minutes=1)
        keep_up(tenant=tenant.id, now=at)
        keep_up(tenant=tenant.id, now=at)  # Another worker that looks at the same time.
        work_for_all(HANDLERS)
        assert [read(tenant, one) for one in conversations] == [["hello 0"], ["hello 1"]], round_
    with tenant_scope(tenant.id):
        found = {use: [(one.version, one.state, one.data_keys) for one in versions() if one.use == use] for use in
                 ("content", "redacted", "index")}  # fmt: skip
    ended = [(1, "destroyed", 0), (2, "destroyed", 0), (3, "deactivated", 0), (4, "active", 2)]
    assert found["content"] == found["redacted"] == ended
    assert [state for _, state, _ in found["index"]] == ["active"]


def test_an_epoch_ends_the_copies_of_an_erased_data_key(tenant, officer):
    """What a backup of a row holds opens with the version of its time, until the epoch has destroyed that."""
    chats(tenant, 1)
    ((key, wrapped, version),) = sql(
        "SELECT id, wrapped, version_id FROM governance_datakey WHERE use = 'content' AND owner_id <> conversation_id"
    )
    asked = ask_destroy_data_key(principal=officer, data_key_id=key, reason="a request", now=now())
    Officers(tenant).agree(asked)
    destroy_data_key(principal=officer, approval_id=asked, now=now())

    def copy_opens():
        sql("UPDATE governance_datakey SET wrapped = %s, destroyed_at = NULL WHERE id = %s", bytes(wrapped), key)
        try:
            with tenant_scope(tenant.id):
                return bool(open_data_keys([key]))
        finally:
            sql("UPDATE governance_datakey SET wrapped = NULL, destroyed_at = now() WHERE id = %s", key)

    assert copy_opens(), "the control: the copy of before opens again"
    at = now()
    for _ in range(2):
        at += timedelta(days=7, minutes=1)
        keep_up(tenant=tenant.id, now=at)
        work_for_all(HANDLERS)
    assert state_of(version) == ("destroyed", False)
    with pytest.raises(KeyUnavailable):
        copy_opens()


def content_key(conversation):
    ((key, owner),) = sql(
        "SELECT source_data_key_id, k.owner_id FROM governance_message m JOIN governance_datakey k"
        " ON k.id = source_data_key_id WHERE m.conversation_id = %s",
        conversation,
    )
    return key, owner


def test_k19_a_data_key_is_destroyed_by_two_people_and_leaves_a_tombstone(tenant, officer):
    gone, stays = chats(tenant)
    run_classification(tenant.id)
    key, _ = content_key(gone)
    asked = ask_destroy_data_key(principal=officer, data_key_id=key, reason="a request", now=now())
    with pytest.raises(ApprovalRefused):
        destroy_data_key(principal=officer, approval_id=asked, now=now())
    assert read(tenant, gone) == ["hello 0"], "the control: one person has destroyed nothing"
    Officers(tenant).agree(asked)
    erased = destroy_data_key(principal=officer, approval_id=asked, now=now())
    assert (erased.data_keys, erased.messages, erased.conversations) == (2, 1, 1)
    assert sql("SELECT count(*) FROM governance_datakey WHERE conversation_id = %s AND wrapped IS NOT NULL", gone) == [(0,)]
    assert read(tenant, stays) == ["hello 1"]
    with tenant_scope(tenant.id):
        assert open_data_keys([key]) == {}, "destroyed: the row is there and opens nothing"
        with pytest.raises(UnknownKey):
            open_data_keys([UUID(int=5)])
    with pytest.raises(KeyDestroyed):
        ask_destroy_data_key(principal=officer, data_key_id=key, reason="again", now=now())
    (body,) = events("key.data_key_destroyed")
    assert str(asked) in body


def test_k19_a_data_key_that_was_re_encrypted_meanwhile_is_not_called_destroyed(tenant, officer):
    """Two people would believe that the text is gone, and it opens under another key."""
    (conversation,) = chats(tenant, 1)
    key, _ = content_key(conversation)
    asked = ask_destroy_data_key(principal=officer, data_key_id=key, reason="a request", now=now())
    Officers(tenant).agree(asked)
    ask_reencrypt(principal=officer, use="content", now=now())
    work_for_all(HANDLERS)
    successor, _ = content_key(conversation)
    with pytest.raises(KeyReplaced, match=str(successor)):
        destroy_data_key(principal=officer, approval_id=asked, now=now())
    assert read(tenant, conversation) == ["hello 0"], "the control: it opens"
    asked = ask_destroy_data_key(principal=officer, data_key_id=successor, reason="a request", now=now())
    Officers(tenant).agree(asked)
    destroy_data_key(principal=officer, approval_id=asked, now=now())
    with pytest.raises(KeyDestroyed):
        ask_destroy_data_key(principal=officer, data_key_id=key, reason="again", now=now())


def test_k19_a_legal_hold_keeps_a_data_key(tenant, officer, people):
    (held,) = chats(tenant, 1)
    key, owner = content_key(held)
    asked = ask_destroy_data_key(principal=officer, data_key_id=key, reason="a request", now=now())
    Officers(tenant).agree(asked)
    privacy = as_principal(tenant, people["privacy_officer"])
    place_hold(principal=privacy, subject=owner, reason="a case", now=now())
    for act in (
        lambda: ask_destroy_data_key(principal=officer, data_key_id=key, reason="r", now=now()),
        lambda: destroy_data_key(principal=officer, approval_id=asked, now=now()),
    ):
        with pytest.raises(Held):
            act()
    assert read(tenant, held) == ["hello 0"]
    assert len(events("grant.refused")) >= 1
    with tenant_scope(tenant.id):
        (shown,) = [one for one in versions() if one.use == "content"]
    assert blast_radius(principal=officer, version_id=shown.id, now=now()).held == 1


def test_keys_of_the_tenant_as_a_whole_and_of_others_are_not_destroyed_one_by_one(tenant, officer):
    chats(tenant, 1)
    with tenant_scope(tenant.id):
        whole = DataKey.objects.get(use="index").id
    other = make_tenant()
    store(other, item("c-1", "hello"))
    with tenant_scope(other.id):
        theirs = DataKey.objects.filter(use="content").first().id
    for key in (whole, theirs, uuid4()):
        with pytest.raises(UnknownKey):
            ask_destroy_data_key(principal=officer, data_key_id=key, reason="r", now=now())


def in_the_middle(tenant, monkeypatch, act):
    """Classify, and while the batch holds its locks run `act` in another thread; return how that ended and when."""
    told = {}
    real = classifying.redact_rows

    def slow(**arguments):
        thread = threading.Thread(target=_run, args=(act, told))
        thread.start()
        told["thread"] = thread
        time.sleep(0.5)
        told["waited"] = thread.is_alive()
        found = real(**arguments)
        told["worked"] = time.monotonic()
        return found

    monkeypatch.setattr(classifying, "redact_rows", slow)
    run_classification(tenant.id)
    told["thread"].join(20)
    return told


def _run(act, told):
    try:
        told["result"] = act()
    except Exception as error:
        told["error"] = error
    told["ended"] = time.monotonic()
    connection.close()


def test_k13_a_data_key_is_not_destroyed_under_the_hands_of_a_worker(tenant, officer, monkeypatch):
    (conversation,) = chats(tenant, 1)
    key, _ = content_key(conversation)
    asked = ask_destroy_data_key(principal=officer, data_key_id=key, reason="r", now=now())
    Officers(tenant).agree(asked)
    told = in_the_middle(tenant, monkeypatch, lambda: destroy_data_key(principal=officer, approval_id=asked, now=now()))
    assert told["waited"], "it waits for the batch"
    assert told["ended"] > told["worked"]
    assert told["result"].messages == 1
    assert sql("SELECT state, redacted IS NULL FROM governance_message") == [(4, False)], "done, and then erased"
    assert sql(
        "SELECT count(*) FROM governance_datakey WHERE conversation_id = %s AND wrapped IS NOT NULL", conversation
    ) == [(0,)]


def test_k13_a_worker_that_comes_after_the_destruction_writes_nothing(tenant, officer):
    (conversation,) = chats(tenant, 1)
    key, _ = content_key(conversation)
    asked = ask_destroy_data_key(principal=officer, data_key_id=key, reason="r", now=now())
    Officers(tenant).agree(asked)
    destroy_data_key(principal=officer, approval_id=asked, now=now())
    run_classification(tenant.id)
    assert sql("SELECT state, redacted FROM governance_message") == [(4, None)]
    assert sql("SELECT count(*) FROM governance_finding") == [(0,)]


def test_k13_a_version_is_not_destroyed_while_a_writer_seals_under_it(tenant, officer):
    """A writer that obtained a key and has not committed is not counted by anybody; the barrier waits for it."""
    from governance.keys.data_keys import obtain
    from governance.keys.rings import lock_shared, rings_of
    from governance.keys.wrapped import KeyOwner

    told, inside = {}, threading.Event()
    with tenant_scope(tenant.id):
        warm(tenant=tenant.id)
        (active,) = [one.id for one in versions() if one.use == "content"]

    def leave():
        inside.wait(10)
        rotate_ring(principal=officer, use="content", now=now())
        return destroy_due(tenant=tenant.id, version_id=active, cause=CAUSE, now=now())

    thread = threading.Thread(target=_run, args=(leave, told))
    thread.start()
    with tenant_scope(tenant.id):
        lock_shared([rings_of(tenant.id)["content"]])
        obtain(tenant=tenant.id, owners=[KeyOwner(UUID(int=1), UUID(int=2), "content")], now=now())
        inside.set()
        time.sleep(0.5)
        assert thread.is_alive(), "the barrier holds"
    thread.join(20)
    assert told["result"] is False, "the data key is counted now"
    assert state_of(active) == ("deactivated", False)


def test_k13_control_without_the_barrier_the_count_is_zero_too_early(tenant, officer, monkeypatch):
    from governance.keys import changing, rotating
    from governance.keys.data_keys import count_of_version, obtain
    from governance.keys.rings import lock_shared, rings_of
    from governance.keys.wrapped import KeyOwner

    for module in (changing, rotating):
        monkeypatch.setattr(module, "lock_exclusive", lambda ring: None)
    told = {}
    with tenant_scope(tenant.id):
        warm(tenant=tenant.id)
        (active,) = [one.id for one in versions() if one.use == "content"]

    def leave():
        rotate_ring(principal=officer, use="content", now=now())
        return destroy_due(tenant=tenant.id, version_id=active, cause=CAUSE, now=now())

    with tenant_scope(tenant.id):
        lock_shared([rings_of(tenant.id)["content"]])
        obtain(tenant=tenant.id, owners=[KeyOwner(UUID(int=1), UUID(int=2), "content")], now=now())
        thread = threading.Thread(target=_run, args=(leave, told))
        thread.start()
        thread.join(20)
    assert told["result"] is True, "destroyed, with a key under it that was about to commit"
    with tenant_scope(tenant.id):
        assert count_of_version(active) == 1


def test_the_command_shows_what_hangs_from_a_version_and_asks(tenant, officer, people, capsys):
    chats(tenant)
    security = people["security_officer"]

    def run(*arguments, **more):
        call_command(
            "keys", *arguments, member=security.username, code=totp(security.totp_secret), tenant=tenant.slug, **more
        )
        return capsys.readouterr().out

    with tenant_scope(tenant.id):
        warm(tenant=tenant.id)
        (active,) = [one.id for one in versions() if one.use == "content"]
    with pytest.raises(CommandError, match="wraps 2 data keys of 2 conversations and 2 owners"):
        run("destroy", str(active), reason="r")
    old = retired(tenant, officer)
    cache.clear()  # The code of this half minute once more.
    told = run("destroy", str(old), reason="unused")
    assert "wraps 0 data keys" in told
    ((asked,),) = sql("SELECT id FROM governance_approval")
    assert str(asked) in told
