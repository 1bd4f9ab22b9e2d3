"""ATTACKS.md, rows J06, J07 and J12: what people who reach the broker put into it, and a broker that is in ruins."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from governance.pipeline import ringing
from governance.pipeline.schedules import SCHEDULES
from governance.pipeline.tasks import TASKS
from governance.runtime.state import StateFolder
from governance.runtime.valkey import Valkey
from settings.celery import app
from settings.transport import is_ring
from tests.concurrency.celery_processes import all_done, broker, chats, ring, states, worker
from tests.concurrency.forged import formats, malformed, push
from tests.processes import environment, wait_for


@pytest.fixture(autouse=True)
def empty_queues(transactional_db):
    broker().flushdb()
    yield
    broker().flushdb()


BELIEVING = ["-I", "tests.concurrency.believing"]


def made(folder):
    return {path.name for path in folder.iterdir()}


def still_works(running, tenant, prefix):
    """Whatever came before, the next ring is answered."""
    chats(tenant, "mail kim@example.com", prefix=prefix)
    ring(tenant)
    wait_for(lambda: 0 not in states())
    assert running.poll() is None


def test_j06_other_formats_are_refused_and_the_worker_lives(tenant, tmp_path):
    with worker(concurrency=1, extra=BELIEVING) as running:
        for name, forged in formats(tmp_path).items():
            push(forged)
            still_works(running, tenant, name)
    assert made(tmp_path) == set()


def test_j06_past_our_transport_celery_refuses_the_formats_and_not_the_size(tenant, tmp_path):
    """A second guard, and the control of what the first does beside it."""
    with worker(concurrency=1, extra=BELIEVING, TEST_TRANSPORT="plain") as running:
        for forged in formats(tmp_path).values():
            push(forged)
        still_works(running, tenant, "after")
    assert made(tmp_path) == {"oversized"}


def test_j06_control_a_worker_that_believes_the_broker_does_what_they_say(tmp_path):
    believes = {"TEST_TRANSPORT": "plain", "TEST_ACCEPT": "pickle,yaml,msgpack"}
    with worker(concurrency=1, extra=BELIEVING, **believes):
        for forged in formats(tmp_path).values():
            push(forged)
        wait_for(lambda: made(tmp_path) == {"pickle", "yaml", "msgpack", "oversized"})


def test_j06_messages_that_are_no_rings_are_dropped_and_the_worker_lives(tenant):
    with worker(concurrency=1) as running:
        for forged in malformed().values():
            push(forged)
        still_works(running, tenant, "after")
    assert broker().hlen("unacked") == 0, "none of them comes back"


@pytest.mark.parametrize("name", ["broken base64", "no json", "properties None"])
def test_j06_control_by_the_plain_transport_one_of_them_ends_the_worker(name):
    with worker(concurrency=1, extra=BELIEVING, TEST_TRANSPORT="plain") as running:
        push(malformed()[name])
        assert running.wait(30) != 0


def test_j06_what_is_no_ring_is_told_from_one():
    forged = {name: one if isinstance(one, bytes) else one.encode() for name, one in malformed().items()}
    assert len(forged) > 80
    assert [name for name, one in forged.items() if is_ring(one)] == []


@pytest.mark.parametrize("entry", [*TASKS, *SCHEDULES])
def test_j06_control_every_ring_of_ours_is_one(entry, tenant):
    """With all that the bell and the schedule hang on it; and so is one that was given out before."""
    queues = ("content", "jobs", "upkeep")
    if entry in TASKS:
        ringing.ring(entry, tenant.id)
    else:
        planned = SCHEDULES[entry]
        app.send_task(planned["task"], **planned["options"])
    ((sent,),) = [found for queue in queues if (found := broker().lrange(queue, 0, -1))]
    assert is_ring(sent)
    again = json.loads(sent)
    again["headers"]["redelivered"] = again["properties"]["delivery_info"]["redelivered"] = True
    assert is_ring(json.dumps(again).encode())
    assert [is_ring(json.dumps({**again, "more": "x" * size}).encode()) for size in (1_000, 20_000)] == [True, False]


def commands():
    """What an attacker with the broker's address sends to all workers."""
    for name in ("shutdown", "pool_restart", "revoke"):
        arguments = {"task_id": str(uuid4()), "terminate": True} if name == "revoke" else {}
        app.control.broadcast(name, arguments=arguments)


def test_j07_remote_control_is_ignored(tenant):
    chats(tenant, "mail kim@example.com")
    with worker() as running:
        ring(tenant)
        wait_for(all_done(1))
        commands()
        time.sleep(3)
        assert running.poll() is None
        chats(tenant, "mail kim@example.com", prefix="after")
        ring(tenant)
        wait_for(all_done(2))


def test_j07_control_a_worker_that_listens_shuts_down(tenant):
    with worker(extra=["-I", "tests.concurrency.listening"], TEST_REMOTE_CONTROL="1") as running:
        chats(tenant, "mail kim@example.com")
        ring(tenant)
        wait_for(all_done(1))
        app.control.broadcast("shutdown")
        assert running.wait(20) == 0


@pytest.fixture
def spare():
    """A broker of this test's own, which it may ruin."""
    folder = Path(tempfile.mkdtemp(prefix="threadvault-j12-"))
    folder.chmod(0o711)
    state = StateFolder(folder / "state")
    state.make()
    server = Valkey(state)
    server.start()
    yield server, redis.Redis(unix_socket_path=str(server.folder / "valkey.sock"))
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def spooled(text, server):
    """The files of the broker and of what runs beside it in which the text stands."""
    search = ["grep", "-rl", text, str(server.state.home)]
    return subprocess.run(search, check=False, capture_output=True, text=True).stdout


def full(client):
    client.config_set("maxmemory", "1")


def read_only(client):
    client.execute_command("REPLICAOF", "127.0.0.1", "1")


def slow(client):
    client.execute_command("CLIENT", "PAUSE", "4000", "ALL")


def send(text, server):
    """Store one chat in a process whose bell is bound to `server`; return its log and the seconds it took."""
    command = [sys.executable, "-m", "tests.concurrency.ringing_once", text]
    done = subprocess.run(
        command, check=False, env=environment(BROKER_URL=server.url), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stderr, float(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("ruin", [full, read_only, slow, None], ids=["full", "read-only", "slow", "away"])
def test_j12_a_ruined_broker_neither_loses_a_chat_nor_keeps_its_text(ruin, tenant, spare):
    server, client = spare
    if ruin is None:
        server.stop()
    else:
        ruin(client)
    sentinel = f"sentinel{uuid4().hex}"
    log, seconds = send(sentinel, server)
    assert seconds < 10
    assert states() == {0: 1}, "stored, and it waits"
    if ruin is not slow:
        assert "The broker did not take a ring" in log
    assert sentinel not in log
    assert spooled(sentinel, server) == "", "no text is spooled"


def test_j12_control_a_sound_broker_has_the_ring_and_a_spooled_text_is_found(tenant, spare):
    server, client = spare
    log, _ = send("mail kim@example.com", server)
    assert "did not take" not in log
    assert client.llen("content") == 1
    sentinel = f"sentinel{uuid4().hex}"
    client.lpush("content", sentinel)
    client.config_set("rdbcompression", "no")
    client.save()
    assert spooled(sentinel, server) != "", "the search sees what a broker keeps"
