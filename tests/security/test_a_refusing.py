"""ATTACKS.md, rows A09 and A11: where no record can be written nothing is read, and no byte leaves before its record."""

import io
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connections

from governance.access import granting
from governance.access.granting import grant
from governance.access.tickets import issue, redeem
from governance.audit.errors import RecordRefused
from governance.identity.scoping import tenant_scope
from governance.identity.tokens import mint
from governance.vault.models import Message
from governance.vault.reading import open_rows, read_conversation
from governance.vault.resources import resources
from governance.web.context import FreshContext
from tests.conftest import as_principal, now
from tests.security.test_c_ciphertext import admin, sql

ENTRIES = "governance_auditentry"
LONGEST = 8.0


@contextmanager
def table_lock():
    with admin() as outside, outside.transaction():
        outside.execute(f"LOCK TABLE {ENTRIES} IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def chain_lock():
    """Another writer holds the chain and does not finish."""
    tenant = sql("SELECT id::text FROM governance_tenant")[0][0]
    with admin() as outside, outside.transaction():
        outside.execute("SELECT pg_advisory_xact_lock(1414940977, hashtext(%s))", [tenant])
        yield


@contextmanager
def revoked(right, thing):
    role = connections["default"].settings_dict["USER"]
    sql(f'REVOKE {right} ON {thing} FROM PUBLIC, "{role}"')
    try:
        yield
    finally:
        sql(f'GRANT {right} ON {thing} TO PUBLIC, "{role}"')
        if thing == ENTRIES:
            sql(f"REVOKE {right} ON {thing} FROM PUBLIC")


@contextmanager
def trigger(body, *, at_commit=False):
    sql(f"CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN {body}; RETURN NEW; END $f$")
    kind = ("CONSTRAINT TRIGGER spoil AFTER", "DEFERRABLE INITIALLY DEFERRED") if at_commit else ("TRIGGER spoil BEFORE", "")
    sql(f"CREATE {kind[0]} INSERT ON {ENTRIES} {kind[1]} FOR EACH ROW EXECUTE FUNCTION spoil()")
    try:
        yield
    finally:
        sql("DROP FUNCTION spoil() CASCADE")


@contextmanager
def server_away():
    settings = connections["audit"].settings_dict
    connections["audit"].close()
    host, settings["HOST"] = settings["HOST"], "/nonexistent"
    try:
        yield
    finally:
        settings["HOST"] = host
        connections["audit"].close()


@contextmanager
def connection_killed():
    with connections["audit"].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        sql("SELECT pg_terminate_backend(%s)", cursor.fetchone()[0])
    try:
        yield
    finally:
        connections["audit"].close()


FAILURES = [
    pytest.param(table_lock, id="table lock"),
    pytest.param(chain_lock, id="chain lock"),
    pytest.param(lambda: revoked("INSERT", ENTRIES), id="revoked insert"),
    pytest.param(lambda: revoked("EXECUTE", "FUNCTION audit_append(uuid, text)"), id="revoked function"),
    pytest.param(lambda: trigger("PERFORM pg_sleep(60)"), id="statement timeout"),
    pytest.param(lambda: trigger("RAISE EXCEPTION 'full' USING ERRCODE = 'disk_full'"), id="the answer of a full disk"),
    pytest.param(lambda: trigger("RAISE EXCEPTION 'no'", at_commit=True), id="the commit fails"),
    pytest.param(server_away, id="server stopped"),
    pytest.param(connection_killed, id="connection killed"),
]


def read(tenant, user, conversation):
    principal = as_principal(tenant, user)
    return read_conversation(principal=principal, conversation_id=conversation, purpose="support", now=now())


@pytest.mark.parametrize("failure", FAILURES)
def test_a09_without_a_record_nothing_is_read(tenant, people, stored, failure):
    with failure():
        began = time.monotonic()
        with pytest.raises(RecordRefused) as refusal:
            read(tenant, people["analyst"], stored[0])
        assert time.monotonic() - began < LONGEST
    assert "kim0" not in str(refusal.value)
    assert granting.current() is None
    assert read(tenant, people["analyst"], stored[0]).messages, "and it goes on once the record can be written"


@pytest.mark.parametrize("failure", FAILURES)
def test_a09_control_with_the_record_taken_out_the_text_is_read(tenant, people, stored, failure, monkeypatch):
    monkeypatch.setattr(granting, "record_now", lambda **facts: None)
    with failure():
        assert read(tenant, people["analyst"], stored[0]).messages


@pytest.mark.parametrize("failure", FAILURES[:-1])
def test_a11_the_application_sends_no_byte_of_a_message(tenant, people, stored, failure):
    token = mint(tenant=tenant, user=people["analyst"], name="t", now=now(), life=timedelta(hours=1)).plain
    with failure():
        status, body = answer(token, stored[0])
    assert status == "503 Service Unavailable"
    assert b"EMAIL" not in body
    assert b"audit.record_refused" in body


def test_a11_control_with_a_record_the_same_request_answers(tenant, people, stored):
    token = mint(tenant=tenant, user=people["analyst"], name="t", now=now(), life=timedelta(hours=1)).plain
    status, body = answer(token, stored[0])
    assert status == "200 OK"
    assert b"EMAIL" in body


def test_a11_a_killed_connection_is_replaced_at_the_next_request_and_the_record_is_there(tenant, people, stored):
    token = mint(tenant=tenant, user=people["analyst"], name="t", now=now(), life=timedelta(hours=1)).plain
    before = opened(tenant)
    with connection_killed():
        assert answer(token, stored[0])[0] == "200 OK"
    assert opened(tenant) == before + 1


def answer(token, conversation):
    """Ask the WSGI application itself; return the status and what left it."""
    from settings.wsgi import application

    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": f"/api/v1/conversations/{conversation}/messages", "SERVER_NAME": "testserver",
        "SERVER_PORT": "80", "wsgi.input": io.BytesIO(), "wsgi.url_scheme": "http", "wsgi.errors": io.StringIO(),
        "HTTP_AUTHORIZATION": f"Bearer {token}", "HTTP_THREADVAULT_PURPOSE": "support",
    }  # fmt: skip
    started = []
    parts = application(environ, lambda status, headers, exc_info=None: started.append(status))
    body = b"".join(parts)
    parts.close()
    return started[0], body


def streaming(tenant, user, conversation):
    """A WSGI application that streams messages: a ticket is redeemed at the first step, its grant closed at the end."""

    def body(ticket):
        with redeem(ticket), tenant_scope(tenant.id):
            rows = list(Message.objects.filter(conversation_id=conversation).order_by("ordinal"))
            for document in open_rows(rows, view="redacted"):
                yield document.item["content"].encode()

    def application(environ, start_response):
        with tenant_scope(tenant.id):
            scope = resources([conversation])
        asked = {"principal": as_principal(tenant, user), "action": "read_redacted", "purpose": "support"}
        with grant(**asked, resources=scope, now=now()) as held:
            ticket = issue(held, conversations=frozenset(scope))
        start_response("200 OK", [])
        return body(ticket)

    return FreshContext(application)


def opened(tenant):
    return sql(f"SELECT count(*) FROM {ENTRIES} WHERE tenant_id = %s AND event = 'grant.opened'", tenant.id)[0][0]


def test_a11_the_record_of_a_stream_is_committed_before_its_first_byte(tenant, people, stored):
    before = opened(tenant)
    parts = streaming(tenant, people["analyst"], stored[0])({}, lambda *_: None)
    assert opened(tenant) == before + 1
    assert next(parts).startswith(b"Mail me at [EMAIL")
    assert opened(tenant) == before + 2, "seen from another connection: it is committed"
    parts.close()


@pytest.mark.parametrize("failure", FAILURES)
def test_a11_a_stream_whose_record_fails_sends_no_byte(tenant, people, stored, failure):
    parts = streaming(tenant, people["analyst"], stored[0])({}, lambda *_: None)
    sent = []
    with failure(), pytest.raises(RecordRefused):
        sent.append(next(parts))
    parts.close()
    assert sent == []


def test_a11_control_with_the_record_taken_out_the_byte_is_sent(tenant, people, stored, monkeypatch):
    parts = streaming(tenant, people["analyst"], stored[0])({}, lambda *_: None)
    monkeypatch.setattr(granting, "record_now", lambda **facts: None)
    before = opened(tenant)
    assert next(parts)
    assert opened(tenant) == before
    parts.close()
