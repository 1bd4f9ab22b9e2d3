"""States of key versions change only as NIST SP 800-57 lists it, and each change is kept.

Pre-deploy. The version before makes no other changes than the listed ones; what it changed before has no history.
"""

from django.db import migrations, models

import governance.identity.identifiers

P = "governance_"
TENANT = "nullif(current_setting('governance.tenant', true), '')::uuid"
# As governance/keys/states.py has it; a test compares the two.
FOLLOWS = {
    "pre-activation": ("active", "compromised", "destroyed"),
    "active": ("suspended", "deactivated", "compromised"),
    "suspended": ("active", "deactivated", "compromised"),
    "deactivated": ("compromised", "destroyed"),
    "compromised": ("destroyed",),
}
PAIRS = ", ".join(f"('{before}', '{after}')" for before, listed in FOLLOWS.items() for after in listed)
CHANGED = f"AFTER UPDATE ON {P}keyversion FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state"
GUARDS = f"""
ALTER TABLE {P}keytransition ENABLE ROW LEVEL SECURITY;
ALTER TABLE {P}keytransition FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON {P}keytransition USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT});
ALTER TABLE {P}keytransition ADD CONSTRAINT keytransition_version_id_of_tenant
    FOREIGN KEY (tenant_id, version_id) REFERENCES {P}keyversion (tenant_id, id);
CREATE TRIGGER keytransition_only_grows BEFORE UPDATE OR DELETE ON {P}keytransition
    FOR EACH ROW EXECUTE FUNCTION record_only_grows();
CREATE TRIGGER keytransition_is_not_emptied BEFORE TRUNCATE ON {P}keytransition
    FOR EACH STATEMENT EXECUTE FUNCTION record_only_grows();
CREATE FUNCTION key_state_follows() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $body$
BEGIN
    IF (OLD.state, NEW.state) NOT IN ({PAIRS}) THEN
        RAISE EXCEPTION 'a key version that is % does not become %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'key_version_state_follows';
    END IF;
    RETURN NULL;
END
$body$;
CREATE TRIGGER keyversion_state_follows {CHANGED}) EXECUTE FUNCTION key_state_follows();
CREATE TRIGGER keyversion_renews_epoch {CHANGED} AND NEW.state IN ('suspended', 'compromised', 'destroyed'))
    EXECUTE FUNCTION renew_epoch();
"""


def apply(apps, schema_editor):
    schema_editor.execute(GUARDS, None)


def revert(apps, schema_editor):
    for statement in (
        f"DROP TRIGGER keyversion_renews_epoch ON {P}keyversion",
        f"DROP TRIGGER keyversion_state_follows ON {P}keyversion",
        "DROP FUNCTION key_state_follows()",
    ):
        schema_editor.execute(statement, None)


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0007_detection_profiles"),
    ]

    operations = [
        migrations.CreateModel(
            name="KeyTransition",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=governance.identity.identifiers.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("tenant_id", models.UUIDField()),
                ("version_id", models.UUIDField()),
                ("before", models.CharField(blank=True, max_length=14)),
                ("after", models.CharField(max_length=14)),
                ("at", models.DateTimeField()),
                ("actor", models.UUIDField(null=True)),
                ("reason", models.CharField(blank=True, max_length=500)),
            ],
            options={
                "verbose_name": "key transition",
                "ordering": ["at", "id"],
                "default_permissions": (),
                "indexes": [models.Index(fields=["tenant_id", "version_id", "at"], name="key_transition_by_version")],
                "constraints": [models.UniqueConstraint(fields=("tenant_id", "id"), name="key_transition_of_tenant")],
            },
        ),
        migrations.RunPython(apply, revert),
    ]
