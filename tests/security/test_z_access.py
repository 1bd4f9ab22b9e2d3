"""ATTACKS.md, rows Z: guessed ids, and what the application's database role may do. Each row has its control."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, connections
from rest_framework.test import APIClient

from governance.identity.scoping import tenant_scope
from governance.identity.tokens import mint
from governance.vault.models import Conversation
from tests.conftest import make_person, make_tenant, now
from tests.security.test_c_ciphertext import admin, sql


def client_of(tenant, user):
    token = mint(tenant=tenant, user=user, name="t", now=now(), life=timedelta(hours=1)).plain
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}", HTTP_THREADVAULT_PURPOSE="support")
    return client


PATHS = ["/api/v1/conversations/{}", "/api/v1/conversations/{}/messages", "/api/v1/conversations/{}/messages?view=source"]


@pytest.mark.parametrize("path", PATHS)
def test_z02_a_foreign_id_and_an_unknown_one_have_the_same_answer(tenant, stored, path):
    other = make_tenant()
    outsider = client_of(other, make_person(other, "privacy_officer"))
    foreign, unknown = outsider.get(path.format(stored[0])), outsider.get(path.format(uuid4()))
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.content == unknown.content
    assert str(stored[0]) not in foreign.content.decode()


def test_z02_control_a_member_reads_the_same_address(tenant, people, stored):
    answer = client_of(tenant, people["analyst"]).get(PATHS[1].format(stored[0]))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store, private"
    assert answer.json()["results"][0]["text"][0].startswith("Mail me at [EMAIL")


def test_z02_control_without_row_security_the_row_is_there(tenant, stored):
    assert sql("SELECT count(*) FROM governance_conversation WHERE id = %s", stored[0]) == [(1,)]
    other = make_tenant()
    with tenant_scope(other.id):
        assert not Conversation.objects.filter(id=stored[0]).exists()


FORBIDDEN = [
    pytest.param("CREATE TABLE mine (id int)", id="create"),
    pytest.param("DROP TABLE governance_message", id="drop"),
    pytest.param("ALTER TABLE governance_message DISABLE ROW LEVEL SECURITY", id="switch row security off"),
    pytest.param("UPDATE governance_auditentry SET body = ''", id="change the record"),
    pytest.param("DELETE FROM governance_auditentry", id="cut the record"),
    pytest.param("TRUNCATE governance_auditentry", id="empty the record"),
    pytest.param("SET ROLE threadvault_owner", id="become the owner"),
    pytest.param("COPY governance_message FROM STDIN", id="copy in"),
    pytest.param("SELECT pg_read_file('/etc/hostname')", id="read files"),
    pytest.param("INSERT INTO django_migrations (app, name, applied) VALUES ('x', 'x', now())", id="fake a migration"),
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_z16_the_application_role_is_small(tenant, statement):
    with pytest.raises(DatabaseError) as refusal, connection.cursor() as cursor:
        cursor.execute(statement)
    assert "InsufficientPrivilege" in repr(refusal.value.__cause__) or "FeatureNotSupported" in repr(refusal.value.__cause__)


def test_z16_its_attributes_are_off(tenant):
    role = connections["default"].settings_dict["USER"]
    found = sql(
        "SELECT rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolinherit FROM pg_roles WHERE rolname = %s", role
    )
    assert found == [(False,) * 5]


def test_z16_every_table_with_a_tenant_forces_row_security(tenant):
    unforced = sql(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'"
        " WHERE c.relkind = 'r' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
    )
    assert {row[0] for row in unforced} == {"governance_membership", "governance_apitoken"}, "read before a tenant is known"


def test_z16_control_the_owner_and_the_superuser_may(tenant):
    with admin() as outside, outside.transaction(force_rollback=True):
        outside.execute("SET LOCAL session_replication_role = replica")
        outside.execute("UPDATE governance_auditentry SET body = '{}'")
        outside.execute("CREATE TABLE mine (id int)")
