"""What pages count is kept, or is found by an index, so that they take no longer the more is stored.

Pre-deploy. The version before neither fills nor reads the new tables; what it records meanwhile is counted later.
"""

from django.db import migrations, models

import governance.identity.identifiers

P = "governance_"
TENANT = "nullif(current_setting('governance.tenant', true), '')::uuid"
TABLES = ("tally", "tallyposition", "keycensus")


def apply(apps, schema_editor):
    for table in TABLES:
        for statement in (
            f"ALTER TABLE {P}{table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {P}{table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY of_tenant ON {P}{table} USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})",
        ):
            schema_editor.execute(statement, None)


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0013_destroy_approval"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '10s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField()),
                ("kind", models.CharField(max_length=16)),
                ("hour", models.DateTimeField()),
                ("label", models.CharField(blank=True, max_length=64)),
                ("number", models.BigIntegerField()),
            ],
            options={
                "ordering": ["kind", "hour", "label"],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "kind", "hour", "label"), name="tally_one_an_hour")
                ],
            },
        ),
        migrations.CreateModel(
            name="TallyPosition",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField()),
                ("sequence", models.BigIntegerField(default=0)),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("tenant_id",), name="tally_one_position_a_tenant")],
            },
        ),
        migrations.CreateModel(
            name="KeyCensus",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=governance.identity.identifiers.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("tenant_id", models.UUIDField()),
                ("version", models.UUIDField()),
                ("data_keys", models.BigIntegerField()),
                ("conversations", models.BigIntegerField()),
                ("owners", models.BigIntegerField()),
                ("held", models.BigIntegerField()),
                ("seconds", models.FloatField()),
                ("counted_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "census of data keys",
                "verbose_name_plural": "censuses of data keys",
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("tenant_id", "version"), name="key_census_one_a_version")],
            },
        ),
        migrations.RunPython(apply, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["tenant_id", "event", "sequence"], name="audit_by_event_and_number"),
        ),
        migrations.RemoveIndex(model_name="auditentry", name="audit_by_event"),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("state__in", [2, 3])), fields=["tenant_id", "id"], name="message_not_clean"
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("state__in", [2, 3])), fields=["tenant_id", "id"], name="conversation_not_clean"
            ),
        ),
        migrations.AddIndex(
            model_name="consultation",
            index=models.Index(fields=["tenant_id", "purpose", "-opened_at"], name="consultation_by_purpose"),
        ),
    ]
