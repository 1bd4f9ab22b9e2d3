"""ATTACKS.md, row T08: a task leaves a grant open; the next one sees none, and the worker is replaced.

Real Celery workers of the three pools that are installed (prefork, threads, solo; gevent is not a dependency), a real
gunicorn. The control is the same fault in tasks without the guard: the next one sees the grant.
"""

import http.client
import json
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from uuid import uuid4

import pytest
from django.db import connections

from governance.audit.models import AuditEntry
from governance.identity.scoping import tenant_scope
from settings.celery import app
from tests.conftest import make_person
from tests.processes import environment, wait_for

POOLS = ("prefork", "threads", "solo")


@contextmanager
def worker(pool):
    """A worker with one thread or child, on a queue of its own."""
    queue = f"t08-{uuid4().hex}"
    command = [
        sys.executable, "-m", "celery", "-A", "settings.celery", "worker", "-I", "tests.security.leaky", "--pool", pool, "-c", "1", "-Q", queue,
        "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR",
    ]  # fmt: skip
    running = subprocess.Popen(command, env=environment(), stderr=sys.stderr)
    try:
        yield running, lambda name, *arguments: app.send_task(f"test.{name}", args=arguments, queue=queue)
    finally:
        running.terminate()
        with suppress(subprocess.TimeoutExpired):
            running.wait(20)
        running.kill()


@pytest.fixture
def given(tenant, stored, tmp_path):
    """What the faulty task needs, and the file in which tasks note what they see."""
    user = make_person(tenant, "analyst")
    for alias in ("default", "audit"):
        connections[alias].close()
    return [str(tenant.id), user.username, str(stored[0])], tmp_path / "seen"


def notes(path, count):
    """The first `count` notes, as (process, word)."""
    lines = lambda: path.read_text().splitlines() if path.exists() else []  # noqa: E731
    return [tuple(line.split()) for line in wait_for(lambda: len(lines()) >= count and lines())]


def left_open(tenant):
    with tenant_scope(tenant.id):
        return [json.loads(row.body) for row in AuditEntry.objects.filter(event="grant.left_open")]


@pytest.mark.parametrize("pool", POOLS)
def test_t08_the_next_task_sees_none_and_the_worker_is_replaced(pool, tenant, given):
    arguments, path = given
    with worker(pool) as (running, send):
        send("leave", *arguments, str(path))
        ((first, _),) = notes(path, 1)
        (entry,) = wait_for(lambda: left_open(tenant))
        assert (entry["place"], entry["opened"], entry["actor_kind"]) == ("end of a task", 0, "person")
        if pool == "prefork":
            send("look", str(path))
            second, word = notes(path, 2)[1]
            assert word == "none"
            assert second != first, "the pool replaced the child"
            assert running.poll() is None
        else:
            assert running.wait(30) == 1, "the worker is the process: it ends, and its supervisor starts it again"


@pytest.mark.parametrize("pool", POOLS)
def test_t08_control_without_the_guard_the_next_task_sees_it_until_the_tripwire_of_a_guarded_one(pool, tenant, given):
    arguments, path = given
    with worker(pool) as (running, send):
        send("leave_without_guard", *arguments, str(path))
        send("look_without_guard", str(path))
        (first, _), (second, word) = notes(path, 2)
        assert (word, second) == ("grant", first), "the attack: a context outlives its task"
        send("look", str(path))
        (entry,) = wait_for(lambda: left_open(tenant))
        assert entry["place"] == "start of a task"
        if pool == "prefork":
            third, word = notes(path, 3)[2]
            assert (word, third != first) == ("none", True), "the ring went on to the next child"
        else:
            assert running.wait(30) == 1
            assert len(notes(path, 2)) == 2, "the guarded task did nothing in that process"


SERVER = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.test")
from django.core.wsgi import get_wsgi_application
get_wsgi_application()
from governance.web.context import FreshContext
from tests.security.leaky import leave_open, seen


def pages(environ, start_response):
    path, _, query = environ["PATH_INFO"], None, environ["QUERY_STRING"]
    if path == "/leave":
        leave_open(*query.split(","))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {seen()}".encode()]


guarded = FreshContext(pages)


def application(environ, start_response):
    bare = environ["PATH_INFO"] == "/leave" and environ["HTTP_HOST"].startswith("bare")
    return (pages if bare or environ["HTTP_HOST"].startswith("bare") else guarded)(environ, start_response)
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(port, path, host="guarded"):
    """Status and words of one request on a connection of its own; None while the server changes its worker."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers={"Host": host, "Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode().split()
    except OSError:
        return None
    finally:
        connection.close()


@contextmanager
def server(folder):
    """A gunicorn with one worker and one thread; `bare` as host goes past the guard."""
    (folder / "leaky_site.py").write_text(SERVER)
    port = free_port()
    command = [
        sys.executable, "-m", "gunicorn", "leaky_site:application", "-k", "gthread", "-w", "1", "--threads", "1",
        "-b", f"127.0.0.1:{port}", "--pythonpath", str(folder), "--log-level", "error",
    ]  # fmt: skip
    running = subprocess.Popen(command, env=environment())
    try:
        wait_for(lambda: get(port, "/look", "bare"))
        yield lambda path, host="guarded": wait_for(lambda: get(port, path, host))
    finally:
        running.terminate()
        running.wait(20)


def test_t08_a_server_replaces_a_worker_in_which_a_request_left_a_grant(tenant, given, tmp_path):
    arguments, _ = given
    with server(tmp_path) as get:
        _, first = get(f"/leave?{','.join(arguments)}")
        (entry,) = wait_for(lambda: left_open(tenant))
        assert entry["place"] == "end of a request"
        _, second = get("/look")
        assert (first[1], second[1]) == ("grant", "none")
        assert wait_for(lambda: get("/look")[1][0] != first[0]), "another process answers"


def test_t08_control_past_the_guard_the_next_request_sees_it(tenant, given, tmp_path):
    arguments, _ = given
    with server(tmp_path) as get:
        _, first = get(f"/leave?{','.join(arguments)}", "bare")
        _, second = get("/look", "bare")
        assert second == [first[0], "grant"], "the attack: the server's thread keeps what a request left"
        assert get("/look") == (503, [])
        (entry,) = wait_for(lambda: left_open(tenant))
        assert entry["place"] == "start of a request"
        assert wait_for(lambda: get("/look", "bare")[1][0] != first[0])
