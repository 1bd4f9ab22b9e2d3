"""ATTACKS.md, rows A: the record changed, and the record of what was refused. Each row has its control."""

import pytest
from django.db import transaction

from governance.access.errors import AccessDenied
from governance.audit.errors import QueryAfterRecord, RecordRefused
from governance.audit.models import AuditEntry
from governance.audit.recording import record_now, record_with_effect
from governance.audit.verifying import verify_chain
from governance.identity.models import Tenant
from governance.identity.scoping import tenant_scope
from governance.vault.reading import read_conversation
from tests.conftest import as_principal, now
from tests.security.test_c_ciphertext import admin, sql

FIELDS = [
    pytest.param("body = replace(body, 'member', 'nember')", id="body"),
    pytest.param("recorded_at = recorded_at + interval '1 microsecond'", id="recorded_at"),
    pytest.param("hash = set_byte(hash, 0, (get_byte(hash, 0) + 1) %% 256)", id="hash"),
    pytest.param(
        "previous_hash = set_byte(previous_hash, 31, (get_byte(previous_hash, 31) + 1) %% 256)", id="previous_hash"
    ),
    pytest.param("sequence = sequence + 1000", id="sequence"),
]


def around(statement, *values):
    """What a superuser does around the triggers that let the record only grow."""
    with admin() as outside, outside.transaction():
        outside.execute("SET LOCAL session_replication_role = replica")
        return outside.execute(statement, values).rowcount


def report(tenant):
    with tenant_scope(tenant.id, using="audit"):
        return verify_chain(tenant=tenant.id)


@pytest.mark.parametrize("change", FIELDS)
def test_a01_one_changed_byte_names_its_entry(tenant, change):
    target = sql(
        "SELECT min(sequence) FROM governance_auditentry WHERE tenant_id = %s AND event = 'member.added'", tenant.id
    )
    around(f"UPDATE governance_auditentry SET {change} WHERE tenant_id = %s AND sequence = %s", tenant.id, target[0][0])
    found = report(tenant)
    assert not found.whole
    expected = target[0][0] + 1 if "sequence =" in change else target[0][0]
    assert found.bad_sequence == expected


@pytest.mark.parametrize("column", ["event", "actor"])
def test_a01_columns_made_from_the_body_cannot_be_changed(tenant, column):
    import psycopg

    with admin() as outside, pytest.raises(psycopg.errors.GeneratedAlways):
        outside.execute(f"UPDATE governance_auditentry SET {column} = 'x'")


def test_a01_control_the_untouched_chain_is_whole(tenant):
    found = report(tenant)
    assert found.whole
    assert found.entries == sql("SELECT count(*) FROM governance_auditentry WHERE tenant_id = %s", tenant.id)[0][0]


def last_event(tenant):
    with tenant_scope(tenant.id):
        return AuditEntry.objects.order_by("-sequence").values_list("event", flat=True).first()


def test_a10_a_refusal_survives_the_rollback_of_the_request(tenant, people, stored):
    with pytest.raises(AccessDenied):
        with transaction.atomic():
            Tenant.objects.create(slug="half-done", name="x")
            with pytest.raises(Exception, match="scope"):
                read(tenant, people["auditor"], stored[0])
            refused(tenant, people["auditor"])
    assert last_event(tenant) == "grant.refused"
    assert not Tenant.objects.filter(slug="half-done").exists()


def read(tenant, user, conversation):
    return read_conversation(
        principal=as_principal(tenant, user), conversation_id=conversation, purpose="support", now=now()
    )


def refused(tenant, user):
    from governance.access.authorising import record_refusal

    refusal = AccessDenied("policy.denied", "no")
    record_refusal(principal=as_principal(tenant, user), refusal=refusal, action="read_source")
    raise refusal


def test_a10_a_crash_after_the_opening_leaves_both_entries(tenant, people, stored):
    with pytest.raises(ZeroDivisionError):
        read(tenant, people["analyst"], stored[0])
        raise ZeroDivisionError
    assert last_event(tenant) == "grant.closed"


def test_a10_control_an_entry_of_the_same_transaction_is_lost_with_it(tenant):
    before = report(tenant).entries
    with pytest.raises(ZeroDivisionError), tenant_scope(tenant.id):
        record_with_effect(tenant=tenant.id, event="command.run", actor_kind="operator")
        raise ZeroDivisionError
    assert report(tenant).entries == before


def test_an_entry_is_the_last_statement_and_blocks_a_second_record(tenant):
    with pytest.raises(QueryAfterRecord), tenant_scope(tenant.id):
        record_with_effect(tenant=tenant.id, event="command.run", actor_kind="operator")
        with pytest.raises(RecordRefused):
            record_now(tenant=tenant.id, event="command.run", actor_kind="operator")
        AuditEntry.objects.count()
    assert AuditEntry.objects.count() == 0, "the guard ends with its transaction"
