"""ATTACKS.md, rows K14 and K16: after a re-encryption no old data key opens anything, whatever came between."""

import threading

import pytest
from django.db import connections

from governance.access.errors import AccessDenied
from governance.crypto.errors import CannotOpen
from governance.custody import reencrypting
from governance.custody.changing import change_version
from governance.custody.reencrypting import TOPIC, ask_reencrypt
from governance.identity.scoping import tenant_scope
from governance.jobs.leasing import OPEN, Leased, claim_job
from governance.jobs.models import Job
from governance.keys import replacing
from governance.keys.data_keys import open_data_keys
from governance.keys.errors import KeyNotWarm, KeyReplaced, KeyWorkGoesOn, UnknownKey
from governance.keys.models import DataKey
from governance.keys.wrapped import NOBODY
from governance.pipeline import working
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.managing import cancel, resume
from governance.pipeline.running import run_classification
from governance.pipeline.turns import rests
from governance.pipeline.working import work_for_all
from governance.privacy import profiling
from governance.privacy.models import DetectionProfile
from governance.privacy.profiles.sealing import open_settings
from governance.privacy.rescanning import ask_rescan
from governance.vault import reading
from governance.vault import reencrypting as moving
from governance.vault.comparing import verify_content
from governance.vault.erasing import erase_texts, lock_subject
from governance.vault.errors import IntegrityFailure
from governance.vault.pending import KINDS
from governance.vault.reading import read_conversation
from governance.vault.rows import view_of
from tests.conftest import as_principal, item, make_person, make_tenant, now, store
from tests.security.test_c_ciphertext import read, sql
from tests.security.test_k_moving import _content, chats, first_message, killed_at, progress, stolen

COUNT = 6


@pytest.fixture(autouse=True)
def rested():
    rests._until.clear()


@pytest.fixture
def officer(tenant, people):
    return as_principal(tenant, people["security_officer"], second_factor=True)


def in_small_steps(monkeypatch):
    monkeypatch.setattr(replacing.candidates, "__kwdefaults__", {"limit": 3})
    monkeypatch.setattr(replacing.retire, "__kwdefaults__", {"limit": 3})
    monkeypatch.setattr(moving, "ROWS", 3)


def faults(tenant):
    with tenant_scope(tenant.id):
        return verify_content(tenant=tenant.id).faults


def live(tenant, use="content"):
    return sql(
        "SELECT count(*) FILTER (WHERE NOT replaced), count(*) FILTER (WHERE replaced AND wrapped IS NOT NULL),"
        " count(*) FILTER (WHERE replaced AND wrapped IS NULL) FROM governance_datakey WHERE tenant_id = %s AND use = %s",
        tenant.id, use,
    )[0]  # fmt: skip


def phase_at(tenant, wanted, most=100):
    """Do steps of the job until it is in a phase, and `most` at most; return the leased job."""
    with tenant_scope(tenant.id):
        leased, _ = claim_job([TOPIC])
    for _ in range(most):
        if leased.cursor.get("phase") == wanted:
            return leased
        reencrypting.reencrypt_step(leased)
    raise AssertionError("no end")


@pytest.mark.parametrize("view", ["source", "redacted"])
def test_k16_after_a_re_encryption_the_old_data_keys_open_nothing(tenant, officer, view):
    conversations = chats(tenant, COUNT)
    run_classification(tenant.id)
    message = first_message(tenant)
    thief = stolen(tenant, message.id, view)
    before = view_of(message, view)
    use = {"source": "content", "redacted": "redacted"}[view]
    job = ask_reencrypt(principal=officer, use=use, now=now())
    work_for_all(HANDLERS)
    after = view_of(first_message(tenant), view)
    assert progress(job) == (2 * COUNT, "done")
    assert live(tenant, use) == (COUNT, 0, COUNT)
    assert after.place.revision == before.place.revision + 1
    with pytest.raises(CannotOpen):
        thief.open(after.sealed.envelope, after.place)
    with tenant_scope(tenant.id), pytest.raises(KeyReplaced):
        open_data_keys([thief.id])
    assert [read(tenant, chat, view) for chat in conversations] == [[f"hello {at}"] for at in range(COUNT)]
    assert faults(tenant) == []
    ((body,),) = sql("SELECT body FROM governance_auditentry WHERE event = 'key.reencrypted'")
    assert f'"data_keys":{COUNT}' in body
    assert f'"records":{2 * COUNT}' in body


def test_k14_killed_at_each_statement_a_re_encryption_goes_on_and_nothing_is_unreadable(tenant, officer, monkeypatch):
    in_small_steps(monkeypatch)
    conversations = chats(tenant, COUNT)
    job = ask_reencrypt(principal=officer, use="content", now=now())
    killed, done = 0, 0
    for statement in range(1, 400):
        if not killed_at(statement):
            break
        killed += 1
        assert progress(job)[0] >= done
        done = progress(job)[0]
        assert read(tenant, conversations[killed % COUNT]) == [f"hello {killed % COUNT}"]
        sql("UPDATE governance_job SET lease_until = NULL, attempt = 0, state = 'waiting' WHERE id = %s", job)
    assert killed >= 10
    assert progress(job) == (2 * COUNT, "done")
    assert live(tenant) == (COUNT, 0, COUNT)
    assert [read(tenant, chat) for chat in conversations] == [[f"hello {at}"] for at in range(COUNT)]
    assert faults(tenant) == []


def set_aside_before_its_end(tenant, officer):
    """Bring a re-encryption to its last phase, as if three workers had died there."""
    job = ask_reencrypt(principal=officer, use="content", now=now())
    phase_at(tenant, "retire")
    sql("UPDATE governance_job SET state = 'quarantined', lease_until = NULL WHERE id = %s", job)
    return job


def test_k14_no_second_re_encryption_begins_beside_one_that_was_set_aside(tenant, officer):
    conversations = chats(tenant, 2)
    job = set_aside_before_its_end(tenant, officer)
    with pytest.raises(KeyWorkGoesOn, match="resume or cancel"):
        ask_reencrypt(principal=officer, use="content", now=now())
    cancel(principal=officer, job_id=job, now=now())
    ask_reencrypt(principal=officer, use="content", now=now())
    work_for_all(HANDLERS)
    assert [read(tenant, chat) for chat in conversations] == [["hello 0"], ["hello 1"]]
    assert live(tenant) == (2, 0, 4)


def test_k14_control_one_that_is_resumed_beside_another_destroys_what_that_needs(tenant, officer, monkeypatch):
    monkeypatch.setattr(reencrypting, "MAY_GO_ON", (*OPEN, Job.State.PAUSED))
    (chat,) = chats(tenant, 1)
    job = set_aside_before_its_end(tenant, officer)
    ask_reencrypt(principal=officer, use="content", now=now())
    phase_at(tenant, "move")
    assert read(tenant, chat) == ["hello 0"]
    resume(principal=officer, job_id=job, now=now())
    work_for_all(HANDLERS)
    with pytest.raises(IntegrityFailure):
        read(tenant, chat)


@pytest.mark.parametrize("off", ["-1 year", "1 year"])
def test_k14_a_clock_that_was_set_back_neither_hides_keys_nor_replaces_them_for_ever(tenant, officer, off):
    """What data keys and the job are dated by lies a year ahead of the clock, as after a jump; each is replaced once."""
    (chat,) = chats(tenant, 1)
    sql("UPDATE governance_datakey SET created_at = created_at + %s::interval", off)
    ask_reencrypt(principal=officer, use="content", now=now())
    leased = phase_at(tenant, "move", most=6)
    while not leased.finished:
        reencrypting.reencrypt_step(leased)
    assert live(tenant) == (1, 0, 1)
    assert read(tenant, chat) == ["hello 0"]


def test_k14_control_by_the_clock_alone_it_hides_keys_or_never_ends(tenant, officer, monkeypatch):
    chats(tenant, 1)
    sql("UPDATE governance_datakey SET created_at = created_at + interval '1 year'")
    with monkeypatch.context() as patch:
        patch.setattr(reencrypting, "end_of_old", lambda _: now())
        ask_reencrypt(principal=officer, use="content", now=now())
    work_for_all(HANDLERS)
    assert live(tenant) == (1, 0, 0), "done, and nothing was replaced"
    real = reencrypting.replace
    monkeypatch.setattr(reencrypting, "replace", lambda **given: real(**{**given, "since": None}))
    ask_reencrypt(principal=officer, use="content", now=now())
    with pytest.raises(AssertionError, match="no end"):
        phase_at(tenant, "move", most=6)
    assert live(tenant)[1] > 2


def test_what_is_written_while_it_goes_on_is_under_new_keys(tenant, officer, monkeypatch):
    in_small_steps(monkeypatch)
    conversations = chats(tenant, COUNT)
    ask_reencrypt(principal=officer, use="content", now=now())
    leased = phase_at(tenant, "move")
    (appended,) = store(tenant, item("c-0", "hello 0", "more", subject="u-0"))
    assert appended.id == conversations[0]
    assert read(tenant, conversations[0]) == ["hello 0", "more"]
    while not leased.finished:
        reencrypting.reencrypt_step(leased)
    assert read(tenant, conversations[0]) == ["hello 0", "more"]
    assert faults(tenant) == []


def test_workers_scan_before_during_and_after_it(tenant, officer, monkeypatch):
    in_small_steps(monkeypatch)
    conversations = chats(tenant, COUNT)
    run_classification(tenant.id)
    ask_reencrypt(principal=officer, use="redacted", now=now())
    leased = phase_at(tenant, "move")
    reencrypting.reencrypt_step(leased)
    ask_rescan(principal=officer, now=now())
    work_for_all({topic: step for topic, step in HANDLERS.items() if topic != TOPIC})
    while not leased.finished:
        reencrypting.reencrypt_step(leased)
    assert [read(tenant, chat, "redacted") for chat in conversations] == [[f"hello {at}"] for at in range(COUNT)]
    assert live(tenant, "redacted") == (COUNT, 0, COUNT)
    assert faults(tenant) == []


def one_page_misses(monkeypatch):
    """Let another revision stand in each message while the first page is written, and the right one again after it."""
    real, pending = reencrypting._write, [1]

    def missing(*arguments):
        first = bool(pending)
        pending.clear()
        sql("UPDATE governance_message SET source_revision = source_revision + %s", int(first))
        real(*arguments)
        sql("UPDATE governance_message SET source_revision = source_revision - %s", int(first))

    monkeypatch.setattr(reencrypting, "_write", missing)


@pytest.mark.parametrize("counted", [True, False], ids=["counted", "begun before it was counted"])
def test_k16_what_a_page_missed_is_moved_in_another_round(tenant, officer, monkeypatch, counted):
    conversations = chats(tenant, COUNT)
    job = ask_reencrypt(principal=officer, use="content", now=now())
    leased = phase_at(tenant, "move")
    if not counted:
        del leased.cursor["missed"]
    one_page_misses(monkeypatch)
    while not leased.finished:
        reencrypting.reencrypt_step(leased)
    assert progress(job)[0] == 2 * COUNT
    assert [read(tenant, chat) for chat in conversations] == [[f"hello {at}"] for at in range(COUNT)]
    assert live(tenant) == (COUNT, 0, COUNT)
    assert faults(tenant) == []


def test_k16_control_without_the_count_it_destroys_keys_in_use(tenant, officer, monkeypatch):
    (chat, *_) = chats(tenant, COUNT)
    ask_reencrypt(principal=officer, use="content", now=now())
    leased = phase_at(tenant, "move")
    one_page_misses(monkeypatch)
    monkeypatch.setattr(reencrypting, "_missed", lambda _: 0)
    while not leased.finished:
        reencrypting.reencrypt_step(leased)
    with pytest.raises(IntegrityFailure):
        read(tenant, chat)


def test_k16_a_page_that_comes_too_late_writes_nothing_and_records_nothing(tenant, officer):
    conversations = chats(tenant, COUNT)
    ask_reencrypt(principal=officer, use="content", now=now())
    leased = phase_at(tenant, "move")
    with tenant_scope(tenant.id):
        ring = reencrypting.rings_of(tenant.id)["content"]
        first, second = (moving.prepare(tenant=tenant.id, kind=KINDS[0], use="content", after=NOBODY) for _ in range(2))
    reencrypting._write(leased, ring, "content", 0, first)
    assert (leased.done, leased.cursor["missed"]) == (2 * COUNT, 0)
    reencrypting._write(leased, ring, "content", 0, second)
    assert (leased.done, leased.cursor["missed"]) == (2 * COUNT, COUNT), "the heads are met once more"
    of_second, of_first, *_ = sql("SELECT length(leaves) FROM governance_sealmanifest ORDER BY id DESC")
    assert (of_first, of_second) == ((53 * 2 * COUNT,), (0,))
    while not leased.finished:
        reencrypting.reencrypt_step(leased)
    assert [read(tenant, chat) for chat in conversations] == [[f"hello {at}"] for at in range(COUNT)]
    assert faults(tenant) == []


def rolled_back_once(tenant, officer, monkeypatch):
    """Let a rotation come after the first page's progress was written down; finish the job as a worker does."""
    ask_reencrypt(principal=officer, use="content", now=now())
    leased, real, pending = phase_at(tenant, "move"), reencrypting.record_with_effect, [1]

    def recorded(**facts):
        if pending:
            pending.clear()
            raise KeyNotWarm("a rotation came between")
        return real(**facts)

    monkeypatch.setattr(reencrypting, "record_with_effect", recorded)
    while not leased.finished:
        working._step(reencrypting.reencrypt_step, leased)


def test_k16_a_page_that_was_rolled_back_is_moved_again(tenant, officer, monkeypatch):
    conversations = chats(tenant, COUNT)
    rolled_back_once(tenant, officer, monkeypatch)
    assert [read(tenant, chat) for chat in conversations] == [[f"hello {at}"] for at in range(COUNT)]
    assert live(tenant) == (COUNT, 0, COUNT)


def test_k16_control_where_the_worker_believes_what_was_rolled_back_keys_in_use_are_destroyed(tenant, officer, monkeypatch):
    (chat, *_) = chats(tenant, COUNT)
    monkeypatch.setattr(Leased, "rolled_back", lambda _: None)
    rolled_back_once(tenant, officer, monkeypatch)
    with pytest.raises(IntegrityFailure):
        read(tenant, chat)


def between_rows_and_keys(monkeypatch, act):
    """Let something happen once, after a reader has read its rows and before it reads their keys."""
    real, pending = reading.open_data_keys, [act]

    def opened(ids, **more):
        if pending:
            pending.pop()()
        return real(ids, **more)

    monkeypatch.setattr(reading, "open_data_keys", opened)


def test_a_reader_between_rows_and_keys_reads_again(tenant, officer, monkeypatch):
    (chat,) = chats(tenant, 1)
    ask_reencrypt(principal=officer, use="content", now=now())

    def work():
        work_for_all(HANDLERS)
        connections.close_all()

    def elsewhere():
        worker = threading.Thread(target=work)
        worker.start()
        worker.join()

    between_rows_and_keys(monkeypatch, elsewhere)
    assert read(tenant, chat) == ["hello 0"]
    assert live(tenant) == (1, 0, 1)


def test_an_old_envelope_that_is_put_back_after_it_is_an_integrity_failure(tenant, officer):
    (chat,) = chats(tenant, 1)
    ((message, old, revision, key),) = sql("SELECT id, source, source_revision, source_data_key_id FROM governance_message")
    ask_reencrypt(principal=officer, use="content", now=now())
    work_for_all(HANDLERS)
    sql(
        "UPDATE governance_message SET source = %s, source_revision = %s, source_data_key_id = %s WHERE id = %s",
        old, revision, key, message,
    )  # fmt: skip
    with pytest.raises(IntegrityFailure):
        read(tenant, chat)


def test_what_lay_under_a_compromised_version_is_re_encrypted(tenant, officer):
    conversations = chats(tenant, 2)
    (version,) = [one.id for one in _content(tenant)]
    change_version(principal=officer, version_id=version, act="compromise", reason="a laptop", now=now())
    ask_reencrypt(principal=officer, use="content", now=now())
    work_for_all(HANDLERS)
    assert [read(tenant, chat) for chat in conversations] == [["hello 0"], ["hello 1"]]
    with tenant_scope(tenant.id):
        assert not DataKey.objects.filter(version_id=version, wrapped__isnull=False, use="content").exists()


def test_a_person_who_was_erased_before_it_stays_so(tenant, officer):
    conversations = chats(tenant, 2)
    sql("UPDATE governance_datakey SET wrapped = NULL, destroyed_at = now() WHERE conversation_id = %s", conversations[0])
    ask_reencrypt(principal=officer, use="content", now=now())
    work_for_all(HANDLERS)
    assert live(tenant) == (2, 0, 1)
    assert sql("SELECT wrapped FROM governance_datakey WHERE conversation_id = %s", conversations[0]) == [(None,)]
    assert read(tenant, conversations[1]) == ["hello 1"]


def documents(tenant, conversation):
    opened = read_conversation(
        principal=as_principal(tenant, make_person(tenant, "privacy_officer"), second_factor=True),
        conversation_id=conversation, purpose="support", view="source", reason="test", now=now(),
    )  # fmt: skip
    return [message.document for message in opened.messages]


def test_k16_a_person_who_is_erased_in_the_middle_of_it_is_erased_and_no_integrity_failure(tenant, officer):
    conversations = chats(tenant, 2)
    ask_reencrypt(principal=officer, use="content", now=now())
    leased = phase_at(tenant, "move")
    ((owner,),) = sql(
        "SELECT k.owner_id FROM governance_message m JOIN governance_datakey k ON k.id = source_data_key_id"
        " WHERE m.conversation_id = %s", conversations[0]
    )  # fmt: skip
    with tenant_scope(tenant.id):
        lock_subject(owner)
        erase_texts(owner=owner, conversation=conversations[0], now=now())
    assert documents(tenant, conversations[0]) == [None]
    while not leased.finished:
        reencrypting.reencrypt_step(leased)
    assert documents(tenant, conversations[0]) == [None]
    assert read(tenant, conversations[1]) == ["hello 1"]
    assert sql("SELECT count(*) FROM governance_auditentry WHERE event = 'integrity_failure'") == [(0,)]


def test_it_leaves_other_tenants_and_other_rings_alone(tenant, officer):
    other = make_tenant("other")
    chats(tenant, 2)
    run_classification(tenant.id)
    store(other, item("c-1", "hello"))
    redacted = sql("SELECT id, redacted FROM governance_message WHERE tenant_id = %s ORDER BY id", tenant.id)
    theirs = sql("SELECT id, source FROM governance_message WHERE tenant_id = %s", other.id)
    ask_reencrypt(principal=officer, use="content", now=now())
    work_for_all(HANDLERS)
    assert sql("SELECT id, redacted FROM governance_message WHERE tenant_id = %s ORDER BY id", tenant.id) == redacted
    assert sql("SELECT id, source FROM governance_message WHERE tenant_id = %s", other.id) == theirs


def test_only_one_job_a_ring_and_only_rings_that_seal(tenant, officer, people):
    chats(tenant, 1)
    ask_reencrypt(principal=officer, use="content", now=now())
    with pytest.raises(KeyWorkGoesOn):
        ask_reencrypt(principal=officer, use="content", now=now())
    with pytest.raises(UnknownKey, match="content, redacted"):
        ask_reencrypt(principal=officer, use="index", now=now())
    auditor = as_principal(tenant, people["auditor"], second_factor=True)
    with pytest.raises(AccessDenied):
        ask_reencrypt(principal=auditor, use="redacted", now=now())


def test_the_settings_of_detection_move_to_a_new_key_as_well(tenant, people, officer):
    privacy = as_principal(tenant, people["privacy_officer"], second_factor=True)
    profiling.draft(principal=privacy, settings={"deny": ["Falcon"]}, reason="r", now=now())
    ((before,),) = sql("SELECT document_data_key_id FROM governance_detectionprofile")
    ask_reencrypt(principal=officer, use="content", now=now())
    work_for_all(HANDLERS)
    ((after,),) = sql("SELECT document_data_key_id FROM governance_detectionprofile")
    assert after != before
    with tenant_scope(tenant.id):
        (opened,) = open_settings(DetectionProfile.objects.all()).values()
    assert "Falcon" in opened.model_dump_json()
