"""ATTACKS.md, rows A12, A13 and A16: what the record holds, who can change it, and who can change how it is kept."""

import os
import re
from pathlib import Path

import psycopg
import pytest
from django.contrib import admin as django_admin
from django.db import DatabaseError, connections
from django.test import Client

from governance.access.errors import AccessDenied
from governance.assess.sentinels import Search, controls, new_sentinel
from governance.audit.models import AuditEntry, Checkpoint, SinkPosition
from governance.audit.recording import record_now
from governance.audit.sinks import configured_sinks
from governance.pipeline.running import run_classification
from governance.vault.reading import read_conversation
from tests.conftest import PASSWORD, _owner, as_principal, item, now, store
from tests.security.chains import around, report, signed, write
from tests.security.test_c_ciphertext import sql

ROOT = Path(__file__).resolve().parents[2]


def recorded():
    """All that the record holds, as bytes."""
    rows = sql("SELECT row_to_json(e)::text FROM governance_auditentry e UNION ALL SELECT row_to_json(c)::text"
               " FROM governance_checkpoint c")  # fmt: skip
    return "\n".join(row[0] for row in rows).encode()


def indexes():
    """Every blind-index value that stands in a table."""
    columns = sql("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
                  " AND data_type = 'bytea' AND column_name LIKE '%%index%%'")  # fmt: skip
    found = [sql(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL") for table, column in columns]
    return [bytes(row[0]) for rows in found for row in rows if row[0]]


def use(tenant, people, sentinel):
    """Send a sentinel down every way that ends in an entry: text, title, subject, a purpose, a reason, a refusal."""
    results = store(tenant, item("chat-s", f"My secret is {sentinel}", "Noted.", title=sentinel, subject=sentinel))
    run_classification(tenant.id)
    officer = as_principal(tenant, people["privacy_officer"], second_factor=True)
    asked = {"principal": officer, "conversation_id": results[0].id, "now": now()}
    read_conversation(**asked, purpose="support", view="source", reason=sentinel)
    with pytest.raises(AccessDenied):
        read_conversation(**asked, purpose=sentinel)
    with pytest.raises(AccessDenied):
        read_conversation(**{**asked, "principal": as_principal(tenant, people["auditor"])}, purpose="support")
    signed(tenant)


def test_a12_the_record_holds_no_text_no_query_and_no_blind_index(tenant, people):
    sentinel = new_sentinel()
    use(tenant, people, sentinel)
    data, values = recorded(), indexes()
    assert Search([sentinel]).find(data) == set()
    assert values, "there are blind indexes to look for"
    assert [value.hex() for value in values if value.hex().encode() in data or value in data] == []


def test_a12_control_planted_values_are_found_in_every_encoding(tenant, people):
    sentinel = new_sentinel()
    use(tenant, people, sentinel)
    for name, planted in controls(sentinel).items():
        assert Search([sentinel]).find(recorded() + planted), name
    value = indexes()[0]
    record_now(tenant=tenant.id, event="command.run", actor_kind="operator", value=value.hex(), text=sentinel)
    assert value.hex().encode() in recorded()
    assert Search([sentinel]).find(recorded())


CHANGES = [
    "UPDATE {} SET tenant_id = tenant_id",
    "DELETE FROM {}",
    "TRUNCATE {}",
]
TABLES = ["governance_auditentry", "governance_checkpoint"]
SWITCHES = ["ALTER TABLE {} DISABLE TRIGGER USER", "ALTER TABLE {} DISABLE ROW LEVEL SECURITY", "DROP TABLE {}"]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", [*CHANGES, *SWITCHES])
def test_a13_the_application_role_cannot_change_the_record(tenant, table, change):
    with pytest.raises(DatabaseError) as refusal, connections["default"].cursor() as cursor:
        cursor.execute(change.format(table))
    assert "InsufficientPrivilege" in repr(refusal.value.__cause__)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", CHANGES)
def test_a13_the_owner_of_the_tables_is_refused_too(tenant, table, change):
    signed(tenant)
    with _owner() as owner, owner.transaction(force_rollback=True):
        owner.execute("SELECT set_config('governance.tenant', %s, true)", [str(tenant.id)])
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="the record only grows"):
            owner.execute(change.format(table))


@pytest.mark.parametrize("table", TABLES)
def test_a13_control_whoever_owns_the_tables_can_take_the_trigger_out(tenant, table):
    """It is not prevented: the trigger is the owner's. THREAT_MODEL.md says so; the next test shows how it is detected."""
    signed(tenant)
    with _owner() as owner, owner.transaction(force_rollback=True):
        owner.execute("SELECT set_config('governance.tenant', %s, true)", [str(tenant.id)])
        owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        assert owner.execute(f"DELETE FROM {table}").rowcount > 0


def test_a13_what_a_superuser_does_is_detected_not_prevented(tenant, tmp_path, monkeypatch):
    sink = tmp_path / "sink.jsonl"
    monkeypatch.setenv("THREADVAULT_AUDIT_SINKS", f"file:{sink}")
    write(tenant, 3)
    signed(tenant)
    assert around("DELETE FROM governance_auditentry WHERE tenant_id = %s", tenant.id) > 3
    around("DELETE FROM governance_checkpoint WHERE tenant_id = %s", tenant.id)
    assert report(tenant).whole, "the control: the database alone shows nothing"
    assert "entries were cut off" in report(tenant, sink).fault


ASKED = re.compile(r"audit_sinks|AUDIT_SINKS|SinkPosition|audit_key|os\.environ|refusal_seconds|REFUSAL_SECONDS")


def test_a16_neither_console_nor_api_knows_how_to_change_the_sinks(tenant):
    outer = [*(ROOT / "governance" / "api").rglob("*.py"), *(ROOT / "governance" / "console").rglob("*.py")]
    assert len(outer) > 20
    assert [path.name for path in outer if ASKED.search(path.read_text("utf-8"))] == []
    registered = set(django_admin.site._registry)
    assert not registered & {AuditEntry, Checkpoint, SinkPosition}


def test_a16_no_table_keeps_a_setting_and_what_is_posted_changes_nothing(tenant, people):
    columns = sql("SELECT column_name FROM information_schema.columns WHERE table_schema = 'public'"
                  " AND column_name ~ '(sink_|audit|verbosity|loglevel)'")  # fmt: skip
    assert columns == []
    client, before = Client(), dict(os.environ)
    assert client.login(username=people["auditor"].username, password=PASSWORD)
    for path in ("/audit/verify", "/audit", "/audit/"):
        client.post(path, {"audit_sinks": "file:/dev/null", "THREADVAULT_AUDIT_SINKS": "file:/dev/null", "retention": "1"})
    assert dict(os.environ) == before
    assert configured_sinks() == []


def test_a16_control_the_configuration_changes_them(tenant, tmp_path, monkeypatch):
    monkeypatch.setenv("THREADVAULT_AUDIT_SINKS", f"file:{tmp_path}/sink.jsonl")
    assert [sink.kind for sink in configured_sinks()] == ["file"]
