"""ATTACKS.md, row J20: random histories of ingesting, rotating, erasing and reading at once, judged by a checker.

No read returns what was erased before it began, what is another tenant's, or a text that is not the one stored there.
"""

import os
import threading
from functools import partial
from types import SimpleNamespace

import pytest
from django.db import connection, connections

from governance.crypto import envelope
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.working import work_for_all
from governance.privacy import erasing
from governance.vault import reading, storing, subjects
from tests.concurrency.histories import Hand, History, faults
from tests.concurrency.rows import in_threads
from tests.conftest import item, make_person, make_tenant, store
from tests.processes import wait_for
from tests.security.test_c_ciphertext import SWAP, sql, unbound

ACTS, HANDS = (600, 8) if os.environ.get("THREADVAULT_SOAK") else (80, 4)
SUBJECTS = ["kim", *(f"person-{number}" for number in range(9))]
OFFICERS = ("privacy_officer", "security_officer")


@pytest.fixture
def hands(transactional_db):
    """A history, and who writes it: of two tenants in turn, whose chats and people have the same names."""
    history, tenants = History(), [make_tenant(), make_tenant()]
    people = [{role: make_person(tenant, role) for role in OFFICERS} for tenant in tenants]
    return history, [Hand(history, tenants[at % 2], people[at % 2], at) for at in range(HANDS)]


def test_j20_no_order_of_acts_shows_what_is_erased_foreign_or_mixed(hands):
    history, all_of_them = hands
    for hand in all_of_them:
        hand.ingest(SUBJECTS[0])
    errors = in_threads(*(partial(hand.some, ACTS, SUBJECTS) for hand in all_of_them))
    assert errors == []
    work_for_all(HANDLERS)
    for conversation in list(history.texts):
        for hand in all_of_them[:2]:
            hand.read(conversation)
    for hand in all_of_them[:2]:
        hand.erase(SUBJECTS[0])
        hand.ingest(SUBJECTS[0])
    assert faults(history) == []
    done = {kind: sum(not isinstance(act.came, str) for act in history.of(kind)) for kind in ("rotate", "erase", "read")}
    assert done["rotate"] > 0
    assert done["erase"] > 1
    assert done["read"] > ACTS
    shown = [act for act in history.of("read") if isinstance(act.came, list) and None not in act.came]
    assert len(shown) > ACTS // 2, "texts were read while all that went on"


BLOCKED = "SELECT count(*) FROM pg_locks WHERE NOT granted"


def erased_while_ingesting(hand, monkeypatch, chat):
    """Erase a person while an ingest that saw no tombstone yet waits for the eraser's lock; return what came of that."""
    real, came, threads = erasing._certify, [], []

    def ingest():
        [result] = store(hand.tenant, chat)
        came.append(result.error or result.id)
        connections.close_all()

    def certify(*arguments):
        if not threads:
            threads.append(threading.Thread(target=ingest))
            threads[0].start()
            wait_for(lambda: sql(BLOCKED)[0][0])
        return real(*arguments)

    monkeypatch.setattr(erasing, "_certify", certify)
    hand.erase("kim")
    threads[0].join()
    return came[0]


def test_j20_an_ingest_that_waited_for_an_eraser_takes_nothing_in(hands, monkeypatch):
    _, (hand, *_) = hands
    hand.ingest("kim")
    came = erased_while_ingesting(hand, monkeypatch, item("late", "late words", subject="kim"))
    assert came == "This person was erased; nothing more is stored about them."
    assert sql("SELECT count(*) FROM governance_datakey WHERE wrapped IS NOT NULL AND use = 'content'") == [(0,)]


def appended_before_the_eraser(hand, monkeypatch):
    """Append to a person's chat without naming her while she is erased; return how many messages are not."""
    store(hand.tenant, item("c-1", "hello", subject="kim"))
    appended, real = item("c-1", "hello", "late words"), storing._write
    del appended["data_subject"]
    eraser = threading.Thread(target=lambda: (hand.erase("kim"), connections.close_all()))

    def write(*arguments):
        eraser.start()
        wait_for(lambda: sql(BLOCKED)[0][0])
        return real(*arguments)

    monkeypatch.setattr(storing, "_write", write)
    store(hand.tenant, appended)
    eraser.join()
    assert sql("SELECT count(*) FROM governance_message") == [(2,)]
    return sql("SELECT count(*) FROM governance_message WHERE state <> 4")[0][0]


def test_j20_an_eraser_waits_for_who_appends_without_a_name(hands, monkeypatch):
    _, (hand, *_) = hands
    assert appended_before_the_eraser(hand, monkeypatch) == 0


def test_j20_control_where_only_the_named_are_locked_what_was_appended_is_not_marked(hands, monkeypatch):
    _, (hand, *_) = hands
    real = storing.obtain_subjects
    monkeypatch.setattr(storing, "obtain_subjects", lambda **more: real(**more | {"known": ()}))
    assert appended_before_the_eraser(hand, monkeypatch) == 1


def test_j20_control_where_the_lock_alone_is_waited_for_the_erased_person_is_taken_in(hands, monkeypatch):
    history, (hand, *_) = hands
    hand.ingest("kim")

    class Forgetful:
        """A cursor that tells nobody of an erasure."""

        def __init__(self):
            self.cursor = connection.cursor()

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.cursor.close()

        def execute(self, statement, values):
            self.cursor.execute(statement.replace("erased_at FROM", "NULL FROM"), values)

        def fetchall(self):
            return self.cursor.fetchall()

    monkeypatch.setattr(subjects, "connection", SimpleNamespace(cursor=Forgetful))
    late = erased_while_ingesting(hand, monkeypatch, item("late", "late words", subject="kim"))
    history.people[late], history.texts[late] = (hand.tenant.id, "kim"), ["late words"]
    hand.read(late)
    assert words(history) == {"erased"}


def words(history):
    return {word for word, _ in faults(history)}


def test_j20_control_keys_that_outlive_their_grant_show_what_was_erased(hands, monkeypatch):
    history, (hand, *_) = hands
    kept, plain = {}, reading._warm_grant

    def warm(held, views):
        held.keys.update({view.key: kept[view.key] for view in views if view.key in kept})
        plain(held, [view for view in views if view.key not in kept])
        kept.update(held.keys)

    monkeypatch.setattr(reading, "_warm_grant", warm)
    conversation = hand.ingest("kim")
    hand.read(conversation)
    hand.erase("kim")
    hand.read(conversation)
    assert words(history) == {"erased"}


def test_j20_control_texts_that_are_bound_to_no_place_come_mixed(hands, monkeypatch):
    history, (hand, *_) = hands
    monkeypatch.setattr(envelope, "associated_data", unbound)
    conversation = hand.ingest("kim")
    ids = [one for (one,) in sql("SELECT id FROM governance_message WHERE conversation_id = %s", conversation)]
    sql(SWAP, ids, ids)
    hand.read(conversation)
    assert words(history) == {"mixed"}


def test_j20_control_without_the_tombstone_an_erased_person_is_taken_in_again(hands):
    history, (hand, *_) = hands
    hand.ingest("kim")
    hand.erase("kim")
    hand.ingest("kim")
    assert words(history) == set()
    sql("DELETE FROM governance_tombstone")
    sql("UPDATE governance_datasubject SET erased_at = NULL")
    hand.ingest("kim")
    assert words(history) == {"taken in again"}


def test_j20_control_what_another_tenant_reads_is_foreign_and_a_text_that_went_is_lost(hands):
    """The checker's two other words, on histories that the vault does not write."""
    history, (hand, other, *_) = hands
    conversation = hand.ingest("kim")
    other.act("read", (other.tenant.id, conversation), lambda: list(history.texts[conversation]))
    hand.act("read", (hand.tenant.id, conversation), lambda: [None, history.texts[conversation][1]])
    assert words(history) == {"foreign", "lost"}
