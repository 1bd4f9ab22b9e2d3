"""The second wall: what PostgreSQL holds when the Python code forgets the tenant.

Each test goes around Python: plain SQL as the application's own role, against every table that the catalogue says has a
tenant. Nothing is listed here by hand but what is allowed to differ, with the reason beside it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import psycopg
import pytest
from django.apps import apps
from django.db import connections
from psycopg import errors

from tests.security.test_c_ciphertext import admin

BEFORE_A_TENANT_IS_KNOWN = {"governance_membership", "governance_apitoken"}
OWN_TENANT = "tenant_id"
UNTIED = {
    ("governance_approval", "subject_id"): "whatever the act is about, of several tables; its digest ties it",
    ("governance_breakglass", "user_id"): "people belong to several tenants",
    ("governance_consultation", "user_id"): "people belong to several tenants; the record outlives the account",
    ("governance_consultation", "grant_id"): "a grant has no row; the audit trail names it",
    ("governance_datakey", "conversation_id"): "a destroyed key and its conversation may go in either order",
    ("governance_datakey", "owner_id"): "a conversation or a subject, whichever the key belongs to",
    ("governance_conversation", "source_data_key_id"): "the key may be destroyed before the row; the seal names it",
    ("governance_conversation", "redacted_data_key_id"): "the key may be destroyed before the row; the seal names it",
    ("governance_detectionprofile", "document_data_key_id"): "the key may be destroyed before the row; the seal names it",
    ("governance_message", "source_data_key_id"): "the key may be destroyed before the row; the seal names it",
    ("governance_message", "redacted_data_key_id"): "the key may be destroyed before the row; the seal names it",
}
SAMPLES = {
    "uuid": "gen_random_uuid()", "text": "'{}'", "character varying": "'x'", "bytea": "'\\x00'::bytea", "jsonb": "'{}'::jsonb",
    "integer": "1", "smallint": "1", "bigint": "1", "boolean": "false", "timestamp with time zone": "now()",
    "ARRAY": "'{}'", "inet": "'127.0.0.1'::inet", "double precision": "1", "interval": "'1 day'::interval",
}  # fmt: skip


def tables() -> list[str]:
    """Every table of ours with a tenant, but those that are read before a tenant is known."""
    owned = {model._meta.db_table for model in apps.get_models() if "tenant_id" in {f.attname for f in model._meta.fields}}
    return sorted(owned - BEFORE_A_TENANT_IS_KNOWN)


@contextmanager
def undone() -> Iterator[psycopg.Connection]:
    """A superuser's transaction that leaves nothing behind, because it may take constraints out of the way."""
    with admin() as outside, outside.transaction(force_rollback=True):
        yield outside


def columns(outside, table) -> list[tuple[str, str]]:
    return outside.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s"
        " AND is_generated = 'NEVER' AND is_identity = 'NO'",
        (table,),
    ).fetchall()


def without_constraints(outside, table, kinds, keep="") -> None:
    """Take the table's constraints of these kinds away, so that a row needs no other rows around it."""
    found = outside.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = ANY(%s) AND conname <> %s",
        (table, list(kinds), keep),
    ).fetchall()
    for (name,) in found:
        outside.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}" CASCADE')


def statement_for(outside, table, given) -> str:
    values = {name: SAMPLES[kind] for name, kind in columns(outside, table)}
    values |= {name: f"'{value}'" for name, value in given.items()}
    names = ", ".join(f'"{name}"' for name in values)
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join(values.values())})"


def planted(outside, table, tenant: UUID) -> None:
    outside.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    outside.execute(statement_for(outside, table, {OWN_TENANT: tenant}))


def as_application(outside, tenant: UUID | None) -> None:
    role = connections["default"].settings_dict["USER"]
    outside.execute("SELECT set_config('governance.tenant', %s, true)", ("" if tenant is None else str(tenant),))
    outside.execute(f'SET LOCAL ROLE "{role}"')


def count(outside, table) -> int:
    return outside.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


@pytest.fixture
def both():
    return uuid4(), uuid4()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", tables())
def test_a_forgotten_filter_sees_nothing(table, both):
    mine, theirs = both
    with undone() as outside:
        without_constraints(outside, table, "fcu")
        before = count(outside, table)
        planted(outside, table, theirs)
        for tenant in (None, mine):
            as_application(outside, tenant)
            assert count(outside, table) == 0
            outside.execute("RESET ROLE")
        as_application(outside, theirs)
        assert count(outside, table) == 1
        outside.execute("RESET ROLE")
        assert count(outside, table) == before + 1, "the control: around the wall the row is there"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", tables())
def test_a_forgotten_filter_changes_nothing(table, both):
    mine, theirs = both
    with undone() as outside:
        without_constraints(outside, table, "fcu")
        planted(outside, table, theirs)
        for verb in (f"UPDATE {table} SET {OWN_TENANT} = {OWN_TENANT}", f"DELETE FROM {table}"):
            as_application(outside, mine)
            try:
                with outside.transaction():
                    assert outside.execute(verb).rowcount == 0
            except errors.InsufficientPrivilege:
                pass  # A table that only grows: the verb itself is refused.
            outside.execute("RESET ROLE")
        with outside.transaction(force_rollback=True):
            assert outside.execute(f"DELETE FROM {table}").rowcount >= 1, "the control: around the wall it goes"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", tables())
def test_a_row_cannot_be_written_for_another_tenant(table, both):
    mine, theirs = both
    with undone() as outside:
        without_constraints(outside, table, "fcu")
        outside.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        foreign, own = (statement_for(outside, table, {OWN_TENANT: tenant}) for tenant in (theirs, mine))
        for tenant in (None, mine):
            as_application(outside, tenant)
            with pytest.raises(errors.InsufficientPrivilege), outside.transaction():
                outside.execute(foreign)
            outside.execute("RESET ROLE")
        as_application(outside, mine)
        outside.execute(own)


def composite_keys() -> list[tuple[str, str, str, str]]:
    """Table, column, referenced table and name of every key that ties a row to one of its own tenant."""
    with admin() as outside:
        return outside.execute(
            "SELECT c.conrelid::regclass::text, a.attname, c.confrelid::regclass::text, c.conname"
            " FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[2]"
            " JOIN pg_attribute t ON t.attrelid = c.conrelid AND t.attnum = c.conkey[1]"
            " WHERE c.contype = 'f' AND cardinality(c.conkey) = 2 AND t.attname = 'tenant_id' ORDER BY 1, 2"
        ).fetchall()


@pytest.mark.django_db(transaction=True)
def test_every_id_of_a_row_is_tied_to_the_rows_tenant():
    tied = {(table, column) for table, column, _, _ in composite_keys()}
    shared = {"governance_user", "governance_tenant"}
    loose = set()
    for model in apps.get_models():
        table = model._meta.db_table
        for field in model._meta.fields if table in tables() else ():
            target = field.related_model._meta.db_table if field.related_model else ""
            if field.attname.endswith("_id") and field.attname != OWN_TENANT and target not in shared:
                loose.add((table, field.attname))
    assert loose - tied == {place for place in UNTIED if place in loose}
    assert set(UNTIED) - tied == set(UNTIED)


@pytest.mark.django_db(transaction=True)
def test_a_row_cannot_point_at_a_row_of_another_tenant(both):
    mine, theirs = both
    keys = composite_keys()
    assert len(keys) >= 18
    for table, column, target, name in keys:
        with undone() as outside:
            without_constraints(outside, target, "c")
            without_constraints(outside, target, "f", keep=name)
            outside.execute(f"ALTER TABLE {target} DISABLE TRIGGER USER")
            wanted = uuid4()
            outside.execute(statement_for(outside, target, {OWN_TENANT: theirs, "id": wanted}
                                          | ({column: wanted} if table == target else {})))  # fmt: skip
            without_constraints(outside, table, "cf", keep=name)
            outside.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            pointing = statement_for(outside, table, {OWN_TENANT: mine, column: wanted})
            with pytest.raises(errors.ForeignKeyViolation), outside.transaction():
                outside.execute(pointing)
                outside.execute("SET CONSTRAINTS ALL IMMEDIATE")
            outside.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
            outside.execute(pointing)  # The control: a key on the id alone would take it.
