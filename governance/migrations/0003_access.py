"""Break-glass, details of approvals, and the policy epoch as a number that triggers renew.

Pre-deploy. The epoch comes from a sequence, so no number is used twice, not even by a transaction that rolls back.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import governance.identity.identifiers

P = "governance_"
TENANT = "nullif(current_setting('governance.tenant', true), '')::uuid"
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '10s'"

BREAK_GLASS = f"""
ALTER TABLE {P}breakglass ENABLE ROW LEVEL SECURITY;
ALTER TABLE {P}breakglass FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON {P}breakglass USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT});
ALTER TABLE {P}breakglass ADD CONSTRAINT breakglass_approval_id_of_tenant
    FOREIGN KEY (tenant_id, approval_id) REFERENCES {P}approval (tenant_id, id);
ALTER TABLE {P}accesspolicy ADD CONSTRAINT accesspolicy_approval_id_of_tenant
    FOREIGN KEY (tenant_id, approval_id) REFERENCES {P}approval (tenant_id, id);
"""

# (table, trigger's events, condition)
CHANGES = [
    ("membership", "INSERT OR UPDATE OR DELETE", ""),
    ("accesspolicy", "INSERT OR UPDATE OR DELETE", ""),
    ("purpose", "INSERT OR UPDATE OR DELETE", ""),
    ("breakglass", "INSERT OR UPDATE OR DELETE", ""),
    ("collection", "UPDATE", "WHEN (OLD.* IS DISTINCT FROM NEW.*)"),
]

EPOCHS = [
    f"CREATE SEQUENCE {P}epoch",
    f"""
    CREATE FUNCTION renew_epoch() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $body$
    BEGIN
        UPDATE {P}tenant SET epoch = nextval('{P}epoch')
            WHERE id = CASE WHEN TG_OP = 'DELETE' THEN OLD.tenant_id ELSE NEW.tenant_id END;
        RETURN NULL;
    END
    $body$
    """,
    f"""
    CREATE FUNCTION renew_epochs_of_user() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $body$
    BEGIN
        UPDATE {P}tenant SET epoch = nextval('{P}epoch')
            WHERE id IN (SELECT tenant_id FROM {P}membership WHERE user_id = NEW.id);
        RETURN NULL;
    END
    $body$
    """,
    *(
        f"CREATE TRIGGER {table}_renews_epoch AFTER {events} ON {P}{table} FOR EACH ROW {condition}"
        " EXECUTE FUNCTION renew_epoch()"
        for table, events, condition in CHANGES
    ),
    f"""
    CREATE TRIGGER user_renews_epoch AFTER UPDATE ON {P}user FOR EACH ROW
        WHEN (OLD.is_active IS DISTINCT FROM NEW.is_active OR OLD.kind IS DISTINCT FROM NEW.kind)
        EXECUTE FUNCTION renew_epochs_of_user()
    """,
    f"UPDATE {P}tenant SET epoch = nextval('{P}epoch')",
]

UNDO = [
    f"DROP TRIGGER user_renews_epoch ON {P}user",
    *(f"DROP TRIGGER {table}_renews_epoch ON {P}{table}" for table, _, _ in CHANGES),
    "DROP FUNCTION renew_epochs_of_user()",
    "DROP FUNCTION renew_epoch()",
    f"DROP SEQUENCE {P}epoch",
    f"ALTER TABLE {P}accesspolicy DROP CONSTRAINT accesspolicy_approval_id_of_tenant",
]

OLD_EPOCHS = f"""
ALTER TABLE {P}policyepoch ENABLE ROW LEVEL SECURITY;
ALTER TABLE {P}policyepoch FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON {P}policyepoch USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT});
"""


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0002_row_security"),
    ]

    operations = [
        migrations.CreateModel(
            name="BreakGlass",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=governance.identity.identifiers.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("approval_id", models.UUIDField()),
                ("ticket", models.CharField(max_length=64)),
                ("reason", models.CharField(max_length=500)),
                ("conversations", models.JSONField()),
                ("began_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("reviewed_at", models.DateTimeField(null=True)),
                ("justified", models.BooleanField(null=True)),
                ("review_note", models.CharField(blank=True, max_length=500)),
            ],
            options={
                "verbose_name": "break-glass",
                "verbose_name_plural": "break-glass",
                "ordering": ["-began_at"],
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="approval",
            name="details",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="approval",
            name="used_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="tenant",
            name="epoch",
            field=models.BigIntegerField(default=0, editable=False),
        ),
        migrations.AlterField(
            model_name="approval",
            name="state",
            field=models.CharField(
                choices=[
                    ("asked", "Waiting for a second person"),
                    ("seconded", "Agreed"),
                    ("refused", "Refused"),
                    ("withdrawn", "Withdrawn"),
                    ("expired", "Expired"),
                    ("used", "Carried out"),
                ],
                default="asked",
                max_length=9,
            ),
        ),
        migrations.AlterField(
            model_name="collection",
            name="lawful_basis",
            field=models.CharField(
                choices=[
                    ("consent", "Consent"),
                    ("contract", "Contract"),
                    ("legal_obligation", "Legal obligation"),
                    ("vital_interests", "Vital interests"),
                    ("public_task", "Public task"),
                    ("legitimate_interests", "Legitimate interests"),
                ],
                default="legitimate_interests",
                max_length=20,
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                fields=["tenant_id", "collection", "classification", "held", "restricted", "id"], name="conversation_cells"
            ),
        ),
        migrations.AddConstraint(
            model_name="collection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "lawful_basis__in",
                        [
                            "consent",
                            "contract",
                            "legal_obligation",
                            "vital_interests",
                            "public_task",
                            "legitimate_interests",
                        ],
                    )
                ),
                name="collection_lawful_basis",
            ),
        ),
        migrations.AddField(
            model_name="breakglass",
            name="ended_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="breakglass",
            name="reviewed_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="breakglass",
            name="tenant",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="governance.tenant"),
        ),
        migrations.AddField(
            model_name="breakglass",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, OLD_EPOCHS),
        migrations.DeleteModel(
            name="PolicyEpoch",
        ),
        migrations.AddIndex(
            model_name="breakglass",
            index=models.Index(fields=["tenant", "user", "ends_at"], name="break_glass_live"),
        ),
        migrations.AddConstraint(
            model_name="breakglass",
            constraint=models.UniqueConstraint(fields=("tenant", "approval_id"), name="break_glass_one_an_approval"),
        ),
        migrations.AddConstraint(
            model_name="breakglass",
            constraint=models.CheckConstraint(
                condition=models.Q(("reviewed_by", models.F("user")), _negated=True), name="break_glass_reviewed_by_another"
            ),
        ),
        migrations.AddConstraint(
            model_name="breakglass",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gte", models.F("began_at"))), name="break_glass_ends_after_it_began"
            ),
        ),
        migrations.RunSQL([LOCK_TIMEOUT, BREAK_GLASS, *EPOCHS], UNDO),
    ]
