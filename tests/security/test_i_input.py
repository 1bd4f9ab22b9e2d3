"""ATTACKS.md, rows I01 to I03: hostile text at every door. The control is the good item beside the bad one."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from governance.identity.models import User
from governance.identity.scoping import tenant_scope
from governance.identity.tokens import mint
from governance.vault.models import Conversation, Message
from tests.conftest import item, now

SECRET = "do-not-echo-this-text"


@pytest.fixture
def send(tenant):
    producer = User.objects.get(memberships__tenant=tenant, memberships__role="producer")
    token = mint(tenant=tenant, user=producer, name="t", now=now(), life=timedelta(hours=1)).plain

    def post(body, media_type="application/json"):
        return APIClient(HTTP_AUTHORIZATION=f"Bearer {token}").generic(
            "POST", "/api/v1/conversations:batch", body, content_type=media_type
        )

    return post


def count(tenant):
    with tenant_scope(tenant.id):
        return Conversation.objects.count(), Message.objects.count()


def good():
    return item("good", "fine", "yes")


def with_text(text):
    return item("bad", f"{SECRET}{text}", "yes")


ITEMS = [
    pytest.param(lambda: json.dumps({"items": [with_text("\x00"), good()]}), "text.nul", id="i01 U+0000"),
    pytest.param(lambda: json.dumps({"items": [with_text("\ud800"), good()]}), "text.surrogate", id="i02 lone surrogate"),
    pytest.param(
        lambda: json.dumps({"items": [{**with_text(""), "messages": [{"content": SECRET}]}, good()]}),
        "role.missing",
        id="no role",
    ),
    pytest.param(
        lambda: json.dumps({"items": [{**with_text(""), "messages": []}, good()]}), "messages.empty", id="no messages"
    ),
]
BODIES = [
    pytest.param(b'{"items": [' + b"\xff\xfe" + SECRET.encode() + b"]}", id="i03 invalid UTF-8"),
    pytest.param(b"\xef\xbb\xbf" + b'{"items": []}', id="i03 byte order mark"),
    pytest.param(('{"items": ["' + SECRET + '"]}').encode("utf-16"), id="i03 UTF-16"),
    pytest.param(b'{"items": ["\xc0\xaf"]}', id="i03 overlong"),
    pytest.param(b'{"items": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}", id="deep"),
    pytest.param(b'{"items": ["' + SECRET.encode(), id="cut"),
    pytest.param(b"", id="empty"),
    pytest.param(b'{"items": [NaN]}', id="not a number"),
    pytest.param(b"[]", id="no object"),
]


@pytest.mark.parametrize(("body", "code"), ITEMS)
def test_i01_i02_a_bad_item_is_refused_and_the_good_one_kept(tenant, send, body, code):
    answer = send(body())
    bad, fine = answer.json()["results"]
    assert answer.status_code == 207
    assert (bad["status"], bad["error"]["code"], fine["status"]) == (422, code, 201)
    assert SECRET not in answer.content.decode()
    assert count(tenant) == (1, 2)


@pytest.mark.parametrize("body", BODIES)
def test_i03_a_bad_body_is_a_problem_and_nothing_is_stored(tenant, send, body, caplog):
    answer = send(body)
    assert 400 <= answer.status_code < 500
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json()["code"]
    assert SECRET not in answer.content.decode() + caplog.text
    assert count(tenant) == (0, 0)


def test_i03_control_the_good_body_is_stored(tenant, send):
    assert send(json.dumps({"items": [good()]})).json()["results"][0]["status"] == 201
    assert count(tenant) == (1, 2)


def test_i01_control_the_escape_is_what_postgresql_refuses(tenant):
    from django.db import DataError, connection

    with pytest.raises((DataError, ValueError)), connection.cursor() as cursor:
        cursor.execute("SELECT %s::text", ["a\x00b"])


def test_too_many_items_and_a_wrong_type_are_refused(tenant, send):
    many = send(json.dumps({"items": [good()] * 1001}))
    assert (many.status_code, many.json()["code"]) == (413, "batch.too_many")
    assert send("x", "text/plain").status_code == 415
    large = send(b'{"items": ["' + b"x" * (8 * 1024 * 1024) + b'"]}')
    assert large.status_code == 413


FILES = [
    pytest.param(b"", id="empty"),
    pytest.param(b'{"messages": [' + SECRET.encode(), id="broken"),
    pytest.param(b'{"messages": [{"role": "user", "content": "\xff' + SECRET.encode() + b'"}]}\n', id="i03 invalid UTF-8"),
    pytest.param(b'{"messages": [{"role": "user", "content": "\\u0000' + SECRET.encode() + b'"}]}\n', id="i01 U+0000"),
    pytest.param(
        b'{"messages": [{"role": "user", "content": "\\ud800' + SECRET.encode() + b'"}]}\n', id="i02 lone surrogate"
    ),
    pytest.param(b'{"messages": ' + b"[" * 100_000 + b"\n", id="deep"),
    pytest.param(b'{"messages": [{"role": "user", "content": "' + b"x" * 9_000_000 + b'"}]}\n', id="long line"),
    pytest.param(b'{"nothing": "' + SECRET.encode() + b'"}\n', id="unknown format"),
]


@pytest.mark.parametrize("content", FILES)
def test_i01_i02_i03_the_command_names_file_and_reason_and_keeps_the_good(tenant, tmp_path, capsys, content):
    bad, fine = tmp_path / "bad.jsonl", tmp_path / "good.jsonl"
    bad.write_bytes(content)
    fine.write_text(json.dumps(good()) + "\n")
    with pytest.raises(CommandError, match="refused"):
        call_command("import_chats", str(bad), str(fine), collection="imported", tenant=tenant.slug)
    shown = capsys.readouterr()
    assert "bad.jsonl" in shown.err
    assert SECRET not in shown.err + shown.out
    assert "Traceback" not in shown.err
    assert count(tenant) == (1, 2)


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: None], ids=["directory", "missing"])
def test_a_directory_or_a_missing_file_is_one_clear_line(tenant, tmp_path, capsys, make):
    path = tmp_path / "chats"
    make(path)
    with pytest.raises(CommandError):
        call_command("import_chats", str(path), collection="imported", tenant=tenant.slug)
    assert "chats" in capsys.readouterr().err
