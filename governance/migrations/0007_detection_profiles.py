"""Detection profiles: what a tenant or a collection adds to the detectors, sealed, in versions.

Pre-deploy. Workers of the version before know no profiles, and none exist.
"""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import governance.identity.identifiers
import governance.vault.fields

TABLE = "governance_detectionprofile"
TENANT = "nullif(current_setting('governance.tenant', true), '')::uuid"
GUARDS = f"""
ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON {TABLE} USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT});
ALTER TABLE {TABLE} ADD CONSTRAINT detectionprofile_collection_id_of_tenant
    FOREIGN KEY (tenant_id, collection_id) REFERENCES governance_collection (tenant_id, id);
ALTER TABLE {TABLE} ADD CONSTRAINT detectionprofile_approval_id_of_tenant
    FOREIGN KEY (tenant_id, approval_id) REFERENCES governance_approval (tenant_id, id);
ALTER TABLE {TABLE} ADD CONSTRAINT detectionprofile_document_is_envelope CHECK (
    length(document) >= 62 AND substring(document from 1 for 4) = '\\x54564531'::bytea
    AND substring(document from 7 for 16) = uuid_send(document_data_key_id));
"""


def apply(apps, schema_editor):
    schema_editor.execute(GUARDS, None)


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0006_jobs"),
    ]

    operations = [
        migrations.CreateModel(
            name="DetectionProfile",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=governance.identity.identifiers.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField()),
                ("document", governance.vault.fields.SealedTextField(editable=False, label="detection_profile.document")),
                ("document_data_key_id", models.UUIDField()),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("active", "Active"), ("retired", "Retired")],
                        default="draft",
                        max_length=7,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("approval_id", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("activated_at", models.DateTimeField(null=True)),
                (
                    "collection",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="governance.collection",
                    ),
                ),
                (
                    "drafted_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="governance.tenant"),
                ),
            ],
            options={
                "verbose_name": "detection profile",
                "ordering": ["collection", "-version"],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "collection", "version"), name="detection_profile_version", nulls_distinct=False
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "active")),
                        fields=("tenant", "collection"),
                        name="detection_profile_one_active",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["draft", "active", "retired"])), name="detection_profile_state"
                    ),
                ],
            },
        ),
        migrations.RunPython(apply, migrations.RunPython.noop),
    ]
