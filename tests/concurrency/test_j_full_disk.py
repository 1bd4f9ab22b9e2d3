"""ATTACKS.md, row J18: the disk is full under the write-ahead log, under the logs, and under a sink of the record.

Whatever was answered is there afterwards, nothing is there by half, and no text leaves without its record.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from governance.audit.sinks import FileSink
from tests.concurrency.celery_processes import all_done, chats, ring
from tests.concurrency.own_servers import ROOT, ask, fill, own_postgres, small_disk
from tests.processes import environment, wait_for
from tests.security.chains import heads, report, signed, write

MEGABYTE = 1024 * 1024


def run(given, *arguments):
    command = [sys.executable, "-m", "tests.concurrency.on_a_full_disk", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=given, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    facts = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {name: [fact[name] for fact in facts if name in fact] for name in {name for fact in facts for name in fact}}


@pytest.fixture(scope="module")
def small():
    """A server whose write-ahead log has sixteen megabytes, and whose own log goes to a device that is always full."""
    with own_postgres("threadvault-j18-") as (server, given):
        server.stop()
        data = next(server.place.glob("pg1*/PG_VERSION")).parent
        server._run([str(server._runnable() / "pg_resetwal"), "--wal-segsize=1", "-D", str(data)])
        with small_disk(data / "pg_wal", 16 * MEGABYTE) as disk:
            (server.state.logs / "postgres.log").unlink()
            (server.state.logs / "postgres.log").symlink_to("/dev/full")
            server.start()
            ask(server, "ALTER SYSTEM SET min_wal_size = '2MB'")
            ask(server, "ALTER SYSTEM SET max_wal_size = '4MB'")
            ask(server, "SELECT pg_reload_conf()")
            yield server, given, disk
            server.stop()


def until_it_is_full(server, given, disk):
    """Fill the disk, go on until the server refuses, make room, start again; return what was answered and what is there."""
    made = run(given, "found")
    people = [made["tenant"][0], made["analyst"][0]]
    ballast = fill(disk, leave=2 * MEGABYTE)
    answered = run(given, "write", *people)
    ballast.unlink()
    wait_for(lambda: server.answers() or not server.child.alive)
    if not server.child.alive:
        server.start()
    wait_for(server.answers)
    recorded = (
        "SELECT count(*) FROM governance_auditentry WHERE event = 'grant.opened' AND tenant_id = %s"
        " AND body::jsonb ->> 'purpose' = 'support'"
    )
    [(opened,)] = ask(server, recorded, people[0])
    return answered, opened, run(given, "check", *people)


@pytest.mark.slow
def test_j18_what_was_answered_before_the_disk_was_full_is_there_and_the_record_of_each_reading(small):
    answered, opened, found = until_it_is_full(*small)
    assert len(answered["refused"]) == 3
    assert answered["stored"], "something was stored before"
    assert answered["read"], "and read"
    there = set(found["there"][0])
    assert [one for batch in answered["stored"] for one in batch if one not in there] == []
    assert opened >= len(answered["read"]), "no text left without its record"
    assert found["whole"] == [len(there)], "each chat has both its messages, and they were redacted"
    assert found["chain"] == [True]


@pytest.mark.slow
def test_j18_control_a_server_that_answers_before_its_log_is_on_the_disk_loses_what_it_answered(small):
    server, *_ = small
    for change in ("synchronous_commit = off", "wal_writer_delay = '10s'", "wal_writer_flush_after = '100MB'"):
        ask(server, f"ALTER SYSTEM SET {change}")
    ask(server, "SELECT pg_reload_conf()")
    answered, opened, found = until_it_is_full(*small)
    ask(server, "ALTER SYSTEM RESET synchronous_commit")
    ask(server, "SELECT pg_reload_conf()")
    there = set(found["there"][0])
    lost = [one for batch in answered["stored"] for one in batch if one not in there]
    assert lost or opened < len(answered["read"])


FULL = "/dev/full"


def test_j18_a_worker_whose_log_is_full_goes_on(tenant):
    chats(tenant, "mail kim@example.com", "mail lim@example.com")
    command = [sys.executable, "-m", "celery", "-A", "settings.celery", "worker", "-c", "1", "-l", "DEBUG"]
    with Path(FULL).open("w") as full:
        running = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=full)
    try:
        ring(tenant)
        wait_for(all_done(2))
        assert running.poll() is None
    finally:
        running.terminate()
        running.wait(20)


def test_j18_control_who_writes_there_without_the_logger_ends():
    script = "import sys; print('mail kim@example.com', file=sys.stderr, flush=True); print('went on')"
    with Path(FULL).open("w") as full:
        done = subprocess.run([sys.executable, "-c", script], check=False, stdout=subprocess.PIPE, stderr=full)
    assert (done.returncode != 0, done.stdout) == (True, b"")


@pytest.fixture
def sink(tmp_path, monkeypatch):
    """A sink on a disk of 64 KiB."""
    place = tmp_path / "sink"
    place.mkdir()
    with small_disk(place, 64 * 1024) as disk:
        monkeypatch.setenv("THREADVAULT_AUDIT_SINKS", f"file:{disk / 'heads.jsonl'}")
        yield disk / "heads.jsonl"


def sign_until_it_is_full(tenant, sink):
    """Sign a head, fill the disk, sign until a line is cut, make room, sign once more; return how many were signed."""
    write(tenant)
    count = signed(tenant)
    ballast = fill(sink.parent)
    while sink.read_bytes().endswith(b"\n"):
        write(tenant)
        count += signed(tenant)
    ballast.unlink()
    write(tenant)
    return count + signed(tenant)


def test_j18_a_sink_on_a_full_disk_has_every_head_afterwards(tenant, sink):
    signed_in_all = sign_until_it_is_full(tenant, sink)
    assert signed_in_all > 2
    assert len({head.sequence for head in heads(tenant, sink)}) == signed_in_all
    assert report(tenant, sink).whole


def test_j18_control_a_sink_that_goes_on_in_a_cut_line_spoils_the_next_head(tenant, sink, monkeypatch):
    monkeypatch.setattr(FileSink, "_is_torn", lambda self: False)
    signed_in_all = sign_until_it_is_full(tenant, sink)
    assert len({head.sequence for head in heads(tenant, sink)}) < signed_in_all
