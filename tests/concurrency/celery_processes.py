"""Real workers and a real schedule on the test's own servers, as the supervisor starts them, and what waits for them."""

import os
import subprocess
import sys
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import redis
from django.db import connections

from settings.celery import app
from tests.conftest import item, store
from tests.processes import environment
from tests.security.test_c_ciphertext import sql


def broker():
    """The broker of this test run."""
    return redis.Redis(unix_socket_path=urlsplit(os.environ["BROKER_URL"]).path)


@contextmanager
def process(*arguments, stop=True, **variables):
    """A Celery process; ended by SIGTERM and, if it does not listen, by SIGKILL."""
    command = [sys.executable, "-m", "celery", "-A", "settings.celery", *arguments, "--loglevel", "ERROR"]
    running = subprocess.Popen(command, env=environment(**variables), stderr=subprocess.PIPE, text=True)
    try:
        yield running
    finally:
        if stop:
            running.terminate()
        with suppress(subprocess.TimeoutExpired):
            running.wait(20)
        running.kill()
        running.communicate()


def worker(pool="prefork", concurrency=2, extra=(), **variables):
    """A worker of all queues."""
    return process(
        "worker", *extra, "--pool", pool, "-c", str(concurrency), "--without-gossip", "--without-mingle", **variables
    )


def schedule(folder):
    """The schedule; its file lies in `folder`."""
    return process("beat", "--schedule", str(folder / "schedule"), "--pidfile=")


def chats(tenant, *texts, prefix="c"):
    """Store a chat of one message for each text, and let go of this process's connections."""
    store(tenant, *(item(f"{prefix}-{number}", text) for number, text in enumerate(texts)))
    for alias in ("default", "audit"):
        connections[alias].close()


def states():
    return dict(sql("SELECT state, count(*) FROM governance_message GROUP BY 1 ORDER BY 1"))


def all_done(count):
    return lambda: states() == {1: count}


def ring(tenant):
    app.send_task("threadvault.classify", args=[str(tenant.id)])
