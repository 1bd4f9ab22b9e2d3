"""ATTACKS.md, rows J06, J07 and J12: what people who reach the broker put into it, and a broker that is in ruins."""

import base64
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from governance.runtime.state import StateFolder
from governance.runtime.valkey import Valkey
from settings.celery import app
from tests.concurrency.celery_processes import all_done, broker, chats, ring, states, worker
from tests.processes import environment, wait_for


@pytest.fixture(autouse=True)
def empty_queues(transactional_db):
    broker().flushdb()
    yield
    broker().flushdb()


class Bomb:
    """Unpickled, it makes a file: code of whoever can write to the broker."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def hostile(path):
    """Messages of other formats, and broken ones: content type, encoding, body."""
    bomb = pickle.dumps(([], {}, {"boom": Bomb(path)}))
    return [
        ("application/x-python-serialize", "binary", bomb),
        ("application/x-yaml", "utf-8", b"!!python/object/apply:os.mkdir ['%s']" % str(path).encode()),
        ("application/x-msgpack", "binary", b"\x93\x90\x80\x80"),
        ("application/json", "utf-8", b"not json"),
        ("application/json", "utf-8", b"[" * 100_000),
        ("application/json", "utf-8", json.dumps([["x" * 5_000_000], {}, {}]).encode()),
    ]


def push(content_type, encoding, body, *, broken_base64=False):
    """Put one raw message into the queue, as kombu's Redis transport lays it out."""
    text = base64.b64encode(body).decode()
    message = {
        "body": text[:-3] + "*" if broken_base64 else text, "content-type": content_type, "content-encoding": encoding,
        "headers": {"lang": "py", "task": "threadvault.classify", "id": str(uuid4()), "root_id": None, "parent_id": None},
        "properties": {
            "delivery_mode": 2, "delivery_info": {"exchange": "", "routing_key": "content"}, "priority": 0,
            "body_encoding": "base64", "delivery_tag": str(uuid4()), "correlation_id": str(uuid4()), "reply_to": "",
        },
    }  # fmt: skip
    broker().lpush("content", json.dumps(message))


def test_j06_other_formats_are_refused_and_the_worker_lives(tenant, tmp_path):
    made = tmp_path / "made-by-an-attacker"
    with worker() as running:
        messages = [*hostile(made), ("application/json", "utf-8", b"[[], {}, {}]")]
        for number, (content_type, encoding, body) in enumerate(messages):
            push(content_type, encoding, body, broken_base64=number == len(messages) - 1)
            chats(tenant, "mail kim@example.com", prefix=f"after-{number}")
            ring(tenant)
            wait_for(all_done(number + 1))
            print(number, content_type, "survived")
        assert running.poll() is None
    assert not made.exists()


def test_j06_control_the_bomb_is_live(tmp_path):
    made = tmp_path / "made-by-an-attacker"
    pickle.loads(pickle.dumps(Bomb(made)))
    assert made.exists()


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
    found = ["grep", "-rl", sentinel, str(server.state.home)]
    assert subprocess.run(found, check=False, capture_output=True, text=True).stdout == "", "no text is spooled"


def test_j12_control_a_sound_broker_has_the_ring(tenant, spare):
    server, client = spare
    log, _ = send("mail kim@example.com", server)
    assert "did not take" not in log
    assert client.llen("content") == 1
