"""Checkpoints over the Merkle tree, how far each sink has them, and a record that its own owner does not change by mistake.

Pre-deploy. Nothing has signed a checkpoint before, so there are none to carry over.
"""

from django.conf import settings
from django.db import migrations, models

P = "governance_"
TENANT = "nullif(current_setting('governance.tenant', true), '')::uuid"
ONLY_GROWS = ("auditentry", "checkpoint")

# Whoever owns the tables can drop a trigger again: it stops mistakes and shows intent, the checkpoints outside prove.
REFUSE = """
CREATE FUNCTION record_only_grows() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $body$
BEGIN
    RAISE EXCEPTION 'the record only grows: % on %', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$body$;
"""


def apply(apps, schema_editor):
    app = settings.DATABASES["default"]["USER"]
    statements = [
        "SET LOCAL lock_timeout = '10s'",
        f"ALTER TABLE {P}sinkposition ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {P}sinkposition FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY of_tenant ON {P}sinkposition USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})",
        f'REVOKE DELETE ON {P}sinkposition FROM "{app}"',
        REFUSE,
    ]
    for table in ONLY_GROWS:
        rows, whole = f"{table}_only_grows BEFORE UPDATE OR DELETE", f"{table}_is_not_emptied BEFORE TRUNCATE"
        statements += [
            f"CREATE TRIGGER {rows} ON {P}{table} FOR EACH ROW EXECUTE FUNCTION record_only_grows()",
            f"CREATE TRIGGER {whole} ON {P}{table} FOR EACH STATEMENT EXECUTE FUNCTION record_only_grows()",
        ]
    for statement in statements:
        schema_editor.execute(statement, None)


def revert(apps, schema_editor):
    drop = [
        drop
        for table in ONLY_GROWS
        for drop in (
            f"DROP TRIGGER {table}_only_grows ON {P}{table}",
            f"DROP TRIGGER {table}_is_not_emptied ON {P}{table}",
        )
    ]
    drop += ["DROP FUNCTION record_only_grows()", f"DROP POLICY of_tenant ON {P}sinkposition"]
    for statement in drop:
        schema_editor.execute(statement, None)


class Migration(migrations.Migration):
    dependencies = [("governance", "0004_cells")]
    operations = [
        migrations.AddField(
            "checkpoint", "merkle_root", models.BinaryField(max_length=32, default=b""), preserve_default=False
        ),
        migrations.AddField(
            "checkpoint", "frontier", models.BinaryField(max_length=2048, default=b""), preserve_default=False
        ),
        migrations.CreateModel(
            name="SinkPosition",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField()),
                ("sink", models.CharField(max_length=64)),
                ("sequence", models.BigIntegerField()),
                ("delivered_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["tenant_id", "sink"],
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=["tenant_id", "sink"], name="sink_one_position_a_tenant")],
            },
        ),
        migrations.RunPython(apply, revert, elidable=False),
    ]
