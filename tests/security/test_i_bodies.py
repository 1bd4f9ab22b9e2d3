"""ATTACKS.md, rows I05, I06, I10: odd numbers and names, sizes and slow bodies, text that would forge a line of a log."""

import http.client
import io
import json
import logging
import logging.config
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from rest_framework.test import APIClient

from governance.audit.recording import record_now
from governance.identity.members import MemberRefused, create_person
from governance.identity.models import User
from governance.identity.scoping import tenant_scope
from governance.identity.tokens import mint
from governance.ingest import batches
from governance.ingest.formats import json_values
from governance.management import base
from governance.vault.models import Conversation
from tests.conftest import OPERATOR, item, make_person, now
from tests.processes import environment, wait_for
from tests.security.test_c_ciphertext import sql
from tests.security.test_t_workers import free_port, get

MIB = 1024 * 1024
LARGE = b'{"items": ["' + b"x" * (20 * MIB) + b'"]}'


def token_of(tenant, user):
    return mint(tenant=tenant, user=user, name="t", now=now(), life=timedelta(hours=1), second_factor_at=now()).plain


@pytest.fixture
def officer(tenant):
    client = APIClient(raise_request_exception=False)
    token = token_of(tenant, make_person(tenant, "security_officer"))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


@pytest.fixture
def producer(tenant):
    client = APIClient(raise_request_exception=False)
    user = User.objects.get(memberships__tenant=tenant, memberships__role="producer")
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token_of(tenant, user)}")
    return client


def stored():
    return sql("SELECT count(*) FROM governance_conversation")[0][0]


ODD = {
    "nan": '{"items": [{"collection": "c", "messages": [{"role": "user", "content": "x", "score": NaN}]}]}',
    "infinity": '{"items": [{"collection": "c", "messages": [{"role": "user", "content": "x", "score": 1e999}]}]}',
    "5,000 digits": '{"items": [{"collection": "c", "messages": [{"role": "user", "content": "x", "n": '
    + "9" * 5000
    + "}]}]}",
    "doubled name": '{"items": [{"collection": "c", "collection": "d", "messages": [{"role": "user", "content": "x"}]}]}',
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_i05_an_odd_number_or_a_doubled_name_is_refused_and_nothing_is_stored(producer, body):
    answer = producer.generic("POST", "/api/v1/conversations:batch", body, content_type="application/json")
    told = answer.json()
    refused = answer.status_code == 400 or [one["status"] for one in told["results"]] == [422]
    assert refused, answer.content
    assert stored() == 0


def test_i05_control_a_reader_that_takes_a_name_twice_loses_a_value_unseen(tenant, producer, monkeypatch):
    monkeypatch.setattr(batches, "loads", json.loads)
    answer = producer.generic("POST", "/api/v1/conversations:batch", ODD["doubled name"], content_type="application/json")
    assert [one["status"] for one in answer.json()["results"]] == [201]
    with tenant_scope(tenant.id):
        assert Conversation.objects.get().collection.name == "d", "and nobody knows that it said c"


@pytest.mark.parametrize("odd", ["nan", "infinity", "5,000 digits"])
def test_i05_control_a_usual_reader_takes_odd_numbers_or_ends_in_an_error_of_the_server(odd, producer, monkeypatch):
    """Both guards are out: the strict reader, and the second look at what another format may have read."""
    monkeypatch.setattr(batches, "loads", json.loads)
    monkeypatch.setattr(json_values, "_refuse_scalar", lambda *_: None)
    answer = producer.generic("POST", "/api/v1/conversations:batch", ODD[odd], content_type="application/json")
    assert answer.status_code == 500 or [one["status"] for one in answer.json()["results"]] == [201]


@pytest.mark.parametrize("body", ['{"code": NaN}', '{"code": ' + "9" * 5000 + "}", "[" * 100_000, '{"code": "\\u0000"}'])
@pytest.mark.parametrize("path", ["purposes", "policies", "detect", "members", "tokens", "jobs"])
def test_i05_other_doors_refuse_them_as_well(officer, path, body):
    before = sql("SELECT count(*) FROM governance_purpose")
    answer = officer.generic("POST", f"/api/v1/{path}", body, content_type="application/json")
    assert 400 <= answer.status_code < 500, answer.content
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert sql("SELECT count(*) FROM governance_purpose") == before


def test_i05_names_of_prototypes_are_data(tenant, producer):
    """The control as well: the item beside the odd ones is kept, and so are names that some languages would obey."""
    told = {"__proto__": {"admin": True}, "constructor": "x", "__class__": "y"}
    body = {"items": [{**item("c-1", "fine"), "metadata": told}]}
    answer = producer.post("/api/v1/conversations:batch", body, format="json")
    assert answer.json()["results"][0]["status"] == 201
    officer = token_of(tenant, make_person(tenant, "privacy_officer"))
    with tenant_scope(tenant.id):
        conversation = Conversation.objects.get().id
    from governance.pipeline.running import run_classification

    run_classification(tenant.id)
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {officer}", HTTP_THREADVAULT_PURPOSE="support")
    shown = client.get(f"/api/v1/conversations/{conversation}").json()
    assert "__proto__" in json.dumps(shown)


@contextmanager
def site(*kind, **variables):
    """The product behind a real gunicorn with one worker."""
    port = free_port()
    command = [
        sys.executable, "-m", "gunicorn", "settings.wsgi:application", *(kind or ("-k", "gthread", "--threads", "4")), "-w", "1",
        "-b", f"127.0.0.1:{port}", "--log-level", "error",
    ]  # fmt: skip
    running = subprocess.Popen(command, env=environment(**{"DJANGO_SETTINGS_MODULE": "settings.test", **variables}))
    try:
        wait_for(lambda: get(port, "/livez", "localhost"))
        yield port
    finally:
        running.terminate()
        running.wait(20)


def resident(port):
    """The most memory that any process that listens on the port has used, in bytes."""
    found = 0
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                command, status = (Path("/proc", entry.name, file).read_text() for file in ("cmdline", "status"))
            except OSError:
                continue
            if f"127.0.0.1:{port}" in command:
                found = max(found, int(status.split("VmHWM:")[1].split()[0]) * 1024)
    return found


def send(port, token, body, *, chunked=False):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Host": "localhost"}
    try:
        with suppress(BrokenPipeError, ConnectionResetError):  # It may answer before the body has ended, and read no more.
            connection.request("POST", "/api/v1/conversations:batch", body=body, headers=headers, encode_chunked=chunked)
        answer = http.client.HTTPResponse(connection.sock, method="POST")
        answer.begin()
        return answer.status, answer.headers.get("Content-Type"), answer.read()
    finally:
        connection.close()


def test_i06_sizes_have_a_limit_an_answer_in_json_and_a_bound_of_memory(tenant):
    token = token_of(tenant, User.objects.get(memberships__tenant=tenant, memberships__role="producer"))
    three = json.dumps({"items": [item("c-3", *["word " * 200_000] * 3)]})
    with site() as port:
        status, _, body = send(port, token, three)
        assert (status, json.loads(body)["results"][0]["status"]) == (207, 201), "the control: 3 MB are within the limit"
        before = resident(port)
        for _ in range(3):
            status, media, _ = send(port, token, LARGE)
            assert (status, media) == (413, "application/problem+json")
        pieces = (b"x" * 65_536 for _ in range(20 * 16))
        status, _, _ = send(port, token, pieces, chunked=True)
        assert status in {400, 411, 413}
        assert resident(port) - before < 32 * MIB, "the memory does not grow with what is refused"
    assert stored() == 1


def test_i06_control_without_limits_the_memory_grows_with_the_body(tenant, tmp_path):
    token = token_of(tenant, User.objects.get(memberships__tenant=tenant, memberships__role="producer"))
    (tmp_path / "unlimited.py").write_text("from settings.test import *\nDATA_UPLOAD_MAX_MEMORY_SIZE = None\n")
    own = {"DJANGO_SETTINGS_MODULE": "unlimited", "PYTHONPATH": f"{tmp_path}:{Path.cwd()}"}
    with site(**own, THREADVAULT_BATCH_BYTES=str(100 * MIB)) as port:
        before = resident(port)
        assert send(port, token, LARGE)[0] != 413
        assert resident(port) - before > 40 * MIB


def slow_body(port, token):
    """A connection on which a body has begun and does not end."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(
        b"POST /api/v1/conversations:batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer " + token.encode() + b"\r\nContent-Length: 1000\r\n\r\n{"
    )
    return connection


def test_i06_control_a_server_of_one_thread_waits_for_the_body(tenant):
    token = token_of(tenant, User.objects.get(memberships__tenant=tenant, memberships__role="producer"))
    with site("-k", "sync") as port:
        with slow_body(port, token), socket.create_connection(("127.0.0.1", port), timeout=3) as other:
            time.sleep(0.5)
            other.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with pytest.raises(TimeoutError):
                other.recv(1)
        assert wait_for(lambda: get(port, "/livez", "localhost"))[0] == 200


def test_i06_a_body_that_comes_slowly_keeps_nobody_else_waiting(tenant):
    token = token_of(tenant, User.objects.get(memberships__tenant=tenant, memberships__role="producer"))
    with site() as port:
        slow = [slow_body(port, token) for _ in range(2)]
        began = time.monotonic()
        assert get(port, "/livez", "localhost")[0] == 200
        assert time.monotonic() - began < 5
        for one in slow:
            one.close()
        assert get(port, "/livez", "localhost")[0] == 200
    assert stored() == 0


FORGED = ["a\r\n2026-01-01 00:00:00 ERROR root forged", "a\x1b[31mred\x1b[0m", "a\u202egnp.exe", "a\u2028b", "a\x00b"]


def lines_of(caplog_text):
    return caplog_text.splitlines()


@pytest.fixture
def logged():
    """What the handler of the product writes, through its own filter and format."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    configured = settings.LOGGING["handlers"]["console"]
    from governance.web.logs import NoExceptionText

    assert configured["filters"] == ["no_text"]
    handler.addFilter(NoExceptionText())
    handler.setFormatter(logging.Formatter(settings.LOGGING["formatters"]["line"]["format"], style="{"))
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize("text", FORGED, ids=ascii)
def test_i10_text_in_a_log_stays_on_one_line_and_is_escaped(text, logged):
    logging.getLogger("governance.test").warning("somebody said %s, by %s", text, {"agent": text})
    (line,) = logged.getvalue().splitlines()
    assert line.isprintable()


def test_i10_control_without_the_filter_a_line_is_forged():
    stream = io.StringIO()
    bare, logger = logging.StreamHandler(stream), logging.getLogger("tests.bare")
    logger.addHandler(bare)
    logger.warning("somebody said %s", FORGED[0])
    logger.removeHandler(bare)
    assert len(stream.getvalue().splitlines()) == 2


@pytest.mark.parametrize("text", FORGED, ids=ascii)
def test_i10_a_path_and_an_agent_forge_no_line(text, officer, logged):
    from urllib.parse import quote

    officer.get(f"/api/v1/{quote(text)}", HTTP_USER_AGENT=text.replace("\r", "").replace("\n", ""))
    assert all(line.isprintable() for line in logged.getvalue().split("\n"))
    assert "forged" not in [line[:6] for line in logged.getvalue().split("\n")]


@pytest.mark.parametrize("text", FORGED, ids=ascii)
def test_i10_an_audit_entry_is_one_line_whatever_stands_in_it(text, tenant):
    if "\x00" in text:
        return  # PostgreSQL takes none; row I01.
    record_now(tenant=tenant.id, event="purpose.added", **OPERATOR, code=text)
    body = sql("SELECT body FROM governance_auditentry ORDER BY sequence DESC LIMIT 1")[0][0]
    assert "\n" not in body
    assert "\r" not in body
    assert "\x1b" not in body
    assert json.loads(body)["code"] == text


@pytest.mark.parametrize("text", FORGED, ids=ascii)
def test_i10_a_user_name_is_of_plain_characters(text, tenant):
    with pytest.raises(MemberRefused):
        create_person(username=text)


@pytest.fixture
def shown(tenant, people, capsys):
    """What `manage.py read` prints of a chat with this text."""
    from governance.pipeline.running import run_classification
    from tests.conftest import store

    def show(text, **more):
        store(tenant, item("c-1", text))
        run_classification(tenant.id)
        with tenant_scope(tenant.id):
            conversation = Conversation.objects.get().id
        call_command("read", str(conversation), purpose="support", member=people["analyst"].username, **more)
        return capsys.readouterr().out

    return show


@pytest.mark.parametrize("as_json", [False, True], ids=["lines", "json"])
@pytest.mark.parametrize("text", [*FORGED[:-1], "a\nassistant: forged", "a\x9b31m"], ids=ascii)
def test_i10_a_chat_is_shown_by_a_command_without_anything_a_terminal_obeys(text, as_json, shown):
    lines = shown(text, as_json=as_json).removesuffix("\n").split("\n")
    assert all(line.isprintable() for line in lines)
    assert [line for line in lines[1:] if not line.startswith("    ")] == [], "no line looks like another message"
    if as_json:
        assert json.loads(lines[0])["messages"][0]["text"] == [text], "and nothing is lost"


@pytest.mark.parametrize("text", FORGED[1:-1], ids=ascii)
def test_i10_control_without_the_escapes_the_terminal_gets_them(text, shown, monkeypatch):
    monkeypatch.setattr(base, "inert", lambda text, **_: text)
    assert text in shown(text)


@pytest.mark.parametrize("text", FORGED[:-1], ids=ascii)
def test_i10_control_nothing_below_the_check_refuses_such_a_user_name(text, transactional_db):
    assert User.objects.create_user(username=text).username == text
