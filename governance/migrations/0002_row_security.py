"""The second wall: rights of the application role, row security, composite keys, envelope checks, audit chain.

Pre-deploy. Everything here is a rule that the database holds on its own, whatever the Python code forgets.
"""

from django.conf import settings
from django.db import migrations

P = "governance_"

TENANT_TABLES = [
    "accesspolicy", "approval", "auditentry", "checkpoint", "collection", "consultation", "conversation", "datakey",
    "datasubject", "finding", "indexentry", "job", "keyring", "keyversion", "legalhold", "message", "policyepoch",
    "purpose", "receipt", "retentionrule", "sealmanifest", "subjectrequest", "tombstone",
]  # fmt: skip

# (table, column, referenced table, on delete)
COMPOSITE_KEYS = [
    ("message", "conversation_id", "conversation", "NO ACTION"),
    ("message", "parent_id", "message", "NO ACTION"),
    ("conversation", "collection_id", "collection", "NO ACTION"),
    ("conversation", "subject_id", "datasubject", "NO ACTION"),
    ("indexentry", "conversation_id", "conversation", "CASCADE"),
    ("indexentry", "message_id", "message", "CASCADE"),
    ("finding", "conversation_id", "conversation", "CASCADE"),
    ("finding", "message_id", "message", "CASCADE"),
    ("consultation", "conversation_id", "conversation", "NO ACTION"),
    ("retentionrule", "collection_id", "collection", "NO ACTION"),
    ("legalhold", "subject_id", "datasubject", "NO ACTION"),
    ("legalhold", "conversation_id", "conversation", "NO ACTION"),
    ("subjectrequest", "subject_id", "datasubject", "NO ACTION"),
    ("tombstone", "subject_id", "datasubject", "NO ACTION"),
    ("keyversion", "ring_id", "keyring", "NO ACTION"),
    ("datakey", "version_id", "keyversion", "NO ACTION"),
]

SEALED = [("conversation", "source"), ("conversation", "redacted"), ("message", "source"), ("message", "redacted")]

TENANT = "nullif(current_setting('governance.tenant', true), '')::uuid"


def row_security(table):
    name = P + table
    return f"""
    ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE {name} FORCE ROW LEVEL SECURITY;
    CREATE POLICY of_tenant ON {name} USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT});
    """


def composite_key(table, column, target, on_delete):
    return f"""
    ALTER TABLE {P}{table} ADD CONSTRAINT {table}_{column}_of_tenant
        FOREIGN KEY (tenant_id, {column}) REFERENCES {P}{target} (tenant_id, id) ON DELETE {on_delete};
    """


def envelope_check(table, column):
    """A sealed column holds an envelope of version 1 that names the data key which the row keeps beside it."""
    body, key = column, f"{column}_data_key_id"
    absent = f"{body} IS NULL AND {key} IS NULL OR " if column == "redacted" else ""
    return f"""
    ALTER TABLE {P}{table} ALTER COLUMN {body} SET STORAGE EXTERNAL;
    ALTER TABLE {P}{table} ADD CONSTRAINT {table}_{column}_is_envelope CHECK (
        {absent}{body} IS NOT NULL AND length({body}) >= 62 AND substring({body} from 1 for 4) = '\\x54564531'::bytea
        AND {key} IS NOT NULL AND substring({body} from 7 for 16) = uuid_send({key}));
    """


MESSAGE_KEY = f"""
ALTER TABLE {P}message DROP CONSTRAINT {P}message_pkey;
ALTER TABLE {P}message ADD CONSTRAINT {P}message_pkey PRIMARY KEY (tenant_id, id);
"""

# The lock is taken in one statement and the head is read in the next, so that its snapshot follows the lock.
AUDIT_APPEND = f"""
CREATE FUNCTION audit_append(p_tenant uuid, p_body text,
    OUT o_sequence bigint, OUT o_hash bytea, OUT o_recorded_at timestamptz)
LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $body$
DECLARE
    v_scope text := nullif(current_setting('governance.tenant', true), '');
    v_previous bytea;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'audit_append needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    IF v_scope IS NULL THEN
        PERFORM set_config('governance.tenant', p_tenant::text, true);
    ELSIF v_scope::uuid <> p_tenant THEN
        RAISE EXCEPTION 'audit_append for another tenant' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM pg_advisory_xact_lock(1414940977, hashtext(p_tenant::text));
    SELECT sequence, hash INTO o_sequence, v_previous FROM {P}auditentry
        WHERE tenant_id = p_tenant ORDER BY sequence DESC LIMIT 1;
    o_sequence := coalesce(o_sequence, 0) + 1;
    v_previous := coalesce(v_previous, decode(repeat('00', 32), 'hex'));
    o_recorded_at := clock_timestamp();
    o_hash := sha256(convert_to('TVA1', 'UTF8') || uuid_send(p_tenant) || int8send(o_sequence)
        || int8send((extract(epoch from o_recorded_at) * 1000000)::bigint) || v_previous || convert_to(p_body, 'UTF8'));
    INSERT INTO {P}auditentry (tenant_id, sequence, recorded_at, previous_hash, hash, body)
        VALUES (p_tenant, o_sequence, o_recorded_at, v_previous, o_hash, p_body);
END
$body$;
"""

# Which tenants have work, as ids only, by a loose index scan on the partial indexes of pending rows.
PENDING_TENANTS = f"""
DO $do$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'threadvault_sweeper') THEN
        CREATE ROLE threadvault_sweeper NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $do$;
GRANT threadvault_sweeper TO CURRENT_USER;
GRANT SELECT (tenant_id, state) ON {P}message, {P}conversation TO threadvault_sweeper;
CREATE POLICY sweep ON {P}message FOR SELECT TO threadvault_sweeper USING (state = 0);
CREATE POLICY sweep ON {P}conversation FOR SELECT TO threadvault_sweeper USING (state = 0);
CREATE FUNCTION pending_tenants(p_limit integer) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $body$
    WITH RECURSIVE of_message(tenant) AS (
        (SELECT tenant_id FROM {P}message WHERE state = 0 ORDER BY tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT tenant_id FROM {P}message WHERE state = 0 AND tenant_id > of_message.tenant
                ORDER BY tenant_id LIMIT 1) FROM of_message WHERE of_message.tenant IS NOT NULL
    ), of_conversation(tenant) AS (
        (SELECT tenant_id FROM {P}conversation WHERE state = 0 ORDER BY tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT tenant_id FROM {P}conversation WHERE state = 0 AND tenant_id > of_conversation.tenant
                ORDER BY tenant_id LIMIT 1) FROM of_conversation WHERE of_conversation.tenant IS NOT NULL
    )
    SELECT tenant FROM of_message WHERE tenant IS NOT NULL
    UNION SELECT tenant FROM of_conversation WHERE tenant IS NOT NULL
    LIMIT p_limit
$body$;
GRANT CREATE ON SCHEMA public TO threadvault_sweeper;
ALTER FUNCTION pending_tenants(integer) OWNER TO threadvault_sweeper;
REVOKE CREATE ON SCHEMA public FROM threadvault_sweeper;
"""


def grants(app):
    """The application reads and writes rows; it makes no tables, and the audit trail only grows."""
    return f"""
    REVOKE ALL ON FUNCTION pending_tenants(integer) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION pending_tenants(integer) TO "{app}";
    GRANT USAGE ON SCHEMA public TO "{app}", threadvault_sweeper;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "{app}";
    GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO "{app}";
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "{app}";
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO "{app}";
    REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM "{app}";
    REVOKE UPDATE, DELETE ON {P}auditentry, {P}checkpoint, {P}sealmanifest, {P}consultation FROM "{app}";
    """


def apply(apps, schema_editor):
    app = settings.DATABASES["default"]["USER"]
    if app == schema_editor.connection.settings_dict["USER"]:
        message = (
            "DATABASE_URL and DATABASE_OWNER_URL name the same role. Row security needs two: an application role "
            "without rights of its own (CREATE ROLE threadvault_app LOGIN) and an owner role that migrates."
        )
        raise RuntimeError(message)
    statements = [MESSAGE_KEY]
    statements += [composite_key(*key) for key in COMPOSITE_KEYS]
    statements += [envelope_check(*column) for column in SEALED]
    statements += [row_security(table) for table in TENANT_TABLES]
    statements += [AUDIT_APPEND, PENDING_TENANTS, grants(app)]
    for statement in statements:
        schema_editor.execute(statement)


def revert(apps, schema_editor):
    app = settings.DATABASES["default"]["USER"]
    drop = [
        "DROP FUNCTION pending_tenants(integer)",
        "DROP FUNCTION audit_append(uuid, text)",
        f"DROP POLICY sweep ON {P}message",
        f"DROP POLICY sweep ON {P}conversation",
    ]
    for table in TENANT_TABLES:
        drop.append(f"DROP POLICY of_tenant ON {P}{table}")
        drop.append(f"ALTER TABLE {P}{table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY")
    drop += [f"ALTER TABLE {P}{t} DROP CONSTRAINT {t}_{c}_is_envelope" for t, c in SEALED]
    drop += [f"ALTER TABLE {P}{t} DROP CONSTRAINT {t}_{c}_of_tenant" for t, c, _, _ in COMPOSITE_KEYS]
    drop += [
        f"ALTER TABLE {P}message DROP CONSTRAINT {P}message_pkey",
        f"ALTER TABLE {P}message ADD CONSTRAINT {P}message_pkey PRIMARY KEY (id)",
        f'ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM "{app}"',
        f'ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM "{app}"',
        f'REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "{app}", threadvault_sweeper',
        f'REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM "{app}"',
        f'REVOKE USAGE ON SCHEMA public FROM "{app}", threadvault_sweeper',
    ]
    for statement in drop:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("governance", "0001_initial")]
    operations = [migrations.RunPython(apply, revert, elidable=False)]
