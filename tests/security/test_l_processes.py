"""ATTACKS.md, rows L09, L10, L16 and L22: the broker, the server's own tables and log, processes, and lifetimes."""

import gc
import os
import subprocess
import sys
import threading
import time
from base64 import b64decode, b64encode
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from django.conf import settings
from django.db import connections
from rest_framework.test import APIClient

from governance.assess.sentinels import Search, controls, new_sentinel
from governance.conf.settings import vault_settings
from governance.crypto.envelope import OpenDataKey
from governance.identity.models import User
from governance.identity.tokens import mint
from governance.pipeline.running import run_classification
from governance.runtime.postgres import ADMIN
from governance.vault import reading
from governance.vault.reading import read_conversation
from tests.conftest import as_principal, item, make_person, now
from tests.processes import environment
from tests.security.test_c_ciphertext import admin, sql


def broker():
    return redis.Redis(unix_socket_path=urlsplit(os.environ["BROKER_URL"]).path)


def token_of(tenant, user, **limits):
    return mint(tenant=tenant, user=user, name="t", now=now(), life=timedelta(hours=1), **limits).plain


def walk(tenant, people, sentinel):
    """A message on its whole way: sent, redacted, listed, read, revealed, refused."""
    from governance.jobs import bell
    from governance.pipeline import ringing

    bell.bind(ringing.ring)
    producer = User.objects.get(memberships__tenant=tenant, memberships__role="producer")
    body = {"items": [item("s-1", f"{sentinel} kim@example.com", "fine", title=sentinel, subject=sentinel)]}
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token_of(tenant, producer)}")
    (made,) = client.post("/api/v1/conversations:batch", body, format="json").json()["results"]
    run_classification(tenant.id)
    bell.bind(None)
    for role, view in (("analyst", "redacted"), ("privacy_officer", "source"), ("auditor", "redacted")):
        reader = APIClient()
        plain = token_of(tenant, people[role], second_factor_at=now())
        reader.credentials(HTTP_AUTHORIZATION=f"Bearer {plain}", HTTP_THREADVAULT_PURPOSE="support")
        reader.get(f"/api/v1/conversations/{made['id']}/messages?view={view}")
    return made["id"]


def everything_in(client):
    """Every value of every database, by its type, with its name and its time to live."""
    for number in range(16):
        client.execute_command("SELECT", number)
        for key in client.scan_iter():
            kind = client.type(key).decode()
            read = {
                "string": client.get, "list": lambda k: b"\n".join(client.lrange(k, 0, -1)),
                "hash": lambda k: b"\n".join(b"=".join(pair) for pair in client.hgetall(k).items()),
                "set": lambda k: b"\n".join(client.smembers(k)), "zset": lambda k: b"\n".join(client.zrange(k, 0, -1)),
                "stream": lambda k: repr(client.xrange(k)).encode(),
            }[kind]  # fmt: skip
            yield key + b"\0" + (read(key) or b"")


def monitored(call):
    """Run `call` while MONITOR listens; return every command that the broker got."""
    heard, ready, done = [], threading.Event(), threading.Event()

    def listen():
        connection = broker().connection_pool.get_connection()
        connection.send_command("MONITOR")
        connection.read_response()
        ready.set()
        while not done.is_set():
            if connection.can_read(timeout=0.1):
                heard.append(bytes(str(connection.read_response()), "utf-8"))
        connection.disconnect()

    thread = threading.Thread(target=listen)
    thread.start()
    assert ready.wait(10)
    try:
        call()
    finally:
        time.sleep(0.3)
        done.set()
        thread.join()
    return b"\n".join(heard)


def test_l09_the_broker_holds_and_hears_nothing(tenant, people):
    sentinel = new_sentinel()
    heard = monitored(lambda: walk(tenant, people, sentinel))
    client = broker()
    kept = b"\n".join(everything_in(client))
    client.execute_command("SAVE")
    folder = Path(client.config_get("dir")["dir"])
    files = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_socket())
    assert heard.count(b"threadvault.classify") >= 1, "the bell was rung while we listened"
    for place in (heard, kept, files):
        assert not Search([sentinel]).find(place)


def test_l09_control_what_is_planted_is_found_in_every_form_and_type():
    sentinel, client = new_sentinel(), broker()
    forms = controls(sentinel)

    def plant():
        for name, value in forms.items():
            client.set(f"leak-{name}", value, ex=60)
        client.hset("leak-hash", "field", forms["raw"])
        client.rpush("leak-list", forms["raw"])

    heard = monitored(plant)
    kept = list(everything_in(client))
    client.execute_command("SAVE")
    folder = Path(client.config_get("dir")["dir"])
    files = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_socket())
    client.delete(*(f"leak-{name}" for name in forms), "leak-hash", "leak-list")
    search = Search([sentinel])
    for name in forms:
        (place,) = [value for value in kept if value.startswith(f"leak-{name}\0".encode())]
        assert search.find(place), name
    assert search.find(heard)
    assert search.find(files)


def server_log():
    return b"".join(
        path.read_bytes() for path in (Path(settings.DATABASES["default"]["HOST"]).parent.parent / "logs").glob("*")
    )


@pytest.fixture
def talkative():
    """A server that logs every statement, and each that fails with its values."""
    with admin() as outside:
        for name, value in (
            ("log_statement", "all"), ("log_min_error_statement", "error"), ("log_parameter_max_length", "-1"),
            ("log_parameter_max_length_on_error", "-1"),
        ):  # fmt: skip
            outside.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        outside.execute("SELECT pg_reload_conf()")
    time.sleep(0.5)
    connections.close_all()
    yield
    with admin() as outside:
        outside.execute("ALTER SYSTEM RESET ALL")
        outside.execute("SELECT pg_reload_conf()")


def test_l10_neither_statistics_nor_activity_nor_a_talkative_log_hold_a_text(tenant, people, talkative):
    sentinel = new_sentinel()
    before = len(server_log())
    walk(tenant, people, sentinel)
    with admin() as outside:
        outside.execute("ANALYZE")
    tables = [sql(f"SELECT s::text FROM {view} s") for view in ("pg_stats", "pg_stat_activity", "pg_stats_ext")]
    for rows in tables:
        assert not Search([sentinel]).find("\n".join(row[0] for row in rows).encode())
    log = server_log()[before:]
    assert b"INSERT INTO" in log, "the log does speak"
    assert not Search([sentinel]).find(log)


def test_l10_control_a_text_in_a_column_is_in_all_three(tenant, talkative):
    sentinel = new_sentinel()
    value, before = sentinel[:41], len(server_log())
    with admin() as outside:
        outside.execute("CREATE TABLE leaky AS SELECT %s::text AS text FROM generate_series(1, 100)", (value,))
        outside.execute("ANALYZE leaky")
        stats = outside.execute("SELECT s::text FROM pg_stats s WHERE tablename = 'leaky'").fetchall()
        outside.execute("DROP TABLE leaky")
    with psycopg.connect(
        host=connections["default"].settings_dict["HOST"], user=ADMIN, dbname=connections["default"].settings_dict["NAME"]
    ) as asking:
        asking.execute(f"SELECT '{value}'")
        activity = sql("SELECT s::text FROM pg_stat_activity s")
    search = Search([value])
    assert search.find("\n".join(row[0] for row in stats).encode())
    assert search.find("\n".join(row[0] for row in activity).encode())
    assert search.find(server_log()[before:])


WORKING = """
import os, sys, django
os.environ.pop("LEAKY_KEY", None)
django.setup()
from governance.keys.providers import root_provider
provider = root_provider()
provider.unwrap(provider.wrap(b"x" * 32, {"use": "test"}), {"use": "test"})
print("ready", flush=True)
sys.stdin.readline()
"""


def key_forms(file):
    """The bytes of the root key that a file keeps, as they are and as text."""
    key = b64decode(file.split()[1])
    return {key, key.hex().encode(), b64encode(key), b64encode(key).rstrip(b"=")}


def test_l16_no_key_stands_in_environment_or_command_line_of_a_process_that_works_with_it(tenant):
    secret = Path(vault_settings().root_key_uri.removeprefix("local:")).read_bytes().strip()
    planted = new_sentinel()
    running = subprocess.Popen(
        [sys.executable, "-c", WORKING], env=environment(LEAKY_KEY=planted), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert running.stdout.readline() == "ready\n"
    seen = b"".join(Path(f"/proc/{running.pid}/{name}").read_bytes() for name in ("environ", "cmdline"))
    running.communicate("go\n", timeout=20)
    assert secret
    for line in secret.split():
        if len(line) >= 16:
            assert line not in seen
            assert not Search([line.decode("latin-1")]).find(seen)
    assert [form for form in key_forms(secret) if form in seen] == []
    assert [form for form in key_forms(secret) if form in secret], "the control: the file holds one of the forms looked for"
    assert planted.encode() in seen, "the control: what was in the environment is seen after os.environ.pop"


def strings_with(text):
    """How many texts with `text` can be reached; containers of plain values are not tracked, so they are opened."""
    gc.collect()
    count, inside = 0, list(gc.get_objects())
    while inside:
        for value in gc.get_referents(inside.pop()):
            if type(value) is str:
                count += text in value
            elif type(value) is bytes:
                count += text.encode() in value
            elif type(value) in {dict, list, tuple, set, frozenset} and not gc.is_tracked(value):
                inside.append(value)
    return count


@pytest.fixture
def long_chat(tenant):
    from tests.conftest import store

    core = f"sentinel{os.urandom(8).hex()}"
    halves = core[:12], core[12:]  # The test itself holds no whole one.
    del core
    (made,) = store(tenant, item("c-1", *("-".join(["".join(halves)] * 20) for _ in range(200))))
    run_classification(tenant.id)
    return made.id, halves


def test_l22_nothing_opened_is_left_after_the_answer_is_gone(tenant, long_chat, monkeypatch, record_property):
    conversation, halves = long_chat
    officer = as_principal(tenant, make_person(tenant, "privacy_officer"), second_factor=True)
    moments, open_one = [], reading.decode

    def timed(*arguments):
        moments.append(time.perf_counter())
        return open_one(*arguments)

    monkeypatch.setattr(reading, "decode", timed)
    opened = read_conversation(principal=officer, conversation_id=conversation, purpose="support", view="source", now=now())
    held = sum(len(text) for message in opened.messages for text in message.document.readable())
    assert strings_with("".join(halves)) >= 200, "the control: as long as the answer is held, the texts are there"
    del opened
    released = time.perf_counter()
    record_property("seconds from the first opening to the release", round(released - moments[0], 4))
    record_property("characters held at most", held)
    assert strings_with("".join(halves)) == 0
    assert held == 200 * (20 * 24 + 19)
    assert released - moments[0] < 10


def classified(tenant):
    """Let a task scan all messages once more; return its result."""
    from governance.pipeline import tasks

    sql("UPDATE governance_message SET state = 0, attempt = 0, lease_until = NULL WHERE tenant_id = %s", tenant.id)
    result = tasks.classify.apply(args=[str(tenant.id)])
    assert sql("SELECT count(*), count(*) FILTER (WHERE redacted_revision = 2) FROM governance_message") == [(200, 200)]
    return result


def test_l22_a_task_keeps_nothing(tenant, long_chat):
    _, halves = long_chat
    result = classified(tenant)
    assert result.result is None
    assert strings_with("".join(halves)) == 0


def test_l22_control_what_a_task_keeps_is_seen(tenant, long_chat, monkeypatch):
    _, halves = long_chat
    real, kept = OpenDataKey.open, []

    def open_and_keep(key, envelope, place):
        kept.append(real(key, envelope, place))
        return kept[-1]

    monkeypatch.setattr(OpenDataKey, "open", open_and_keep)
    classified(tenant)
    assert strings_with("".join(halves)) >= 200
    kept.clear()
