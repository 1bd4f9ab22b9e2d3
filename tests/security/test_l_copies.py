"""ATTACKS.md, row L21: text in the copies of a database: sealed backup, base backup, replica, archived write-ahead log.

The vault writes no text to a table, so its copies hold none. A table that once held text is another matter: a trap that
is shown here, with the procedure that ends it (rewrite, new statistics, new log, and the old copies expired).
"""

import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connections

from governance.assess.sentinels import Search, new_sentinel
from governance.assess.sinks import Files, search_file
from governance.pipeline.running import run_classification
from governance.runtime.postgres import ADMIN, PORT, find_binaries
from governance.vault.reading import read_conversation
from tests.concurrency.test_j_failover import at, standby
from tests.conftest import as_principal, item, now, store
from tests.custody.recovering import back_up
from tests.processes import wait_for
from tests.security.test_c_ciphertext import sql

__all__ = ["standby"]  # The fixture of a replica.


def tool(name, *arguments):
    place = connections["default"].settings_dict
    return [
        str(find_binaries() / name), "-h", place["HOST"], "-p", str(place["PORT"] or PORT), "-U", ADMIN, "--no-password",
        *map(str, arguments),
    ]  # fmt: skip


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="threadvault-l21-") as made:
        yield Path(made)


@contextmanager
def archiving(folder):
    """An archive of the write-ahead log as it is written."""
    folder.mkdir()
    running = subprocess.Popen(tool("pg_receivewal", "-D", folder, "--synchronous", "-s", 1), stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: list(folder.iterdir()))
        yield
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(20)


def caught_up(replica):
    """Wait until archive and replica have what was written so far, the replica on its disk."""
    sql("CHECKPOINT")
    [(until,)] = sql("SELECT pg_current_wal_insert_lsn()::text")
    behind = "SELECT count(*) FROM pg_stat_replication WHERE flush_lsn < %s::pg_lsn"
    sql("SELECT pg_switch_wal()")
    wait_for(lambda: sql(behind, until) == [(0,)])
    wait_for(lambda: at(replica, f"SELECT pg_last_wal_replay_lsn() >= '{until}'::pg_lsn") == [(True,)])
    at(replica, "CHECKPOINT")


def copies(folder, replica, sentinels):
    """Make the copies that can be made now; return by place which of the sentinels were found there."""
    shutil.rmtree(folder / "base", ignore_errors=True)
    subprocess.run(tool("pg_basebackup", "-D", folder / "base", "-X", "none", "-c", "fast", "--no-sync"), check=True,
                   capture_output=True)  # fmt: skip
    [(data,)] = at(replica, "SHOW data_directory")
    search = Search(sentinels)
    found = {
        "base backup": Files("base backup", folder / "base" / "base").search(search),
        "replica": Files("replica", Path(data) / "base").search(search),
        "archive": Files("archive", folder / "archive").search(search),
    }
    return {place: {number for number, _ in ones} for place, ones in found.items()}


def test_l21_no_copy_holds_the_text_of_a_chat_and_each_would_show_it(tenant, people, folder, standby):
    """The control is the second sentinel: text that somebody puts into a table by hand is found in every copy of it."""
    text, by_hand = new_sentinel(), new_sentinel()
    with archiving(folder / "archive"):
        [chat] = store(tenant, item("c-1", f"{text} and my phone +1 415 555 2671", title=text))
        run_classification(tenant.id)
        officer = as_principal(tenant, people["privacy_officer"], second_factor=True)
        opened = read_conversation(
            principal=officer, conversation_id=chat.id, purpose="support", view="source", reason="look", now=now()
        )
        assert text in opened.messages[0].document.item["content"]
        back_up(folder / "sealed.tvb")
        sql("CREATE TABLE leaky AS SELECT %s::text AS body", by_hand)
        try:
            caught_up(standby)
            found = copies(folder, standby, [text, by_hand])
        finally:
            sql("DROP TABLE leaky")
    assert found == {"base backup": {1}, "replica": {1}, "archive": {1}}
    assert search_file(folder / "sealed.tvb", Search([text])) == set()


def test_l21_a_table_that_once_held_text_is_clean_in_every_copy_after_the_procedure_alone(transactional_db, folder, standby):
    text = new_sentinel()
    sql("CREATE TABLE leaky AS SELECT number, %s || number AS body FROM generate_series(1, 200) number", text)
    try:
        with archiving(folder / "archive"):
            sql("ANALYZE leaky")
            sql("UPDATE leaky SET body = md5(body)")
            sql("CHECKPOINT")
            caught_up(standby)
            assert copies(folder, standby, [text]) == {"base backup": {0}, "replica": {0}, "archive": {0}}, "the control"
        shutil.rmtree(folder / "archive")
        sql("VACUUM FULL leaky")
        sql("ANALYZE leaky")
        sql("VACUUM FULL pg_statistic")
        sql("CHECKPOINT")
        sql("SELECT pg_switch_wal()")
        with archiving(folder / "archive"):
            caught_up(standby)
            assert copies(folder, standby, [text]) == {"base backup": set(), "replica": set(), "archive": set()}
    finally:
        sql("DROP TABLE leaky")
