"""Uses of key versions are counted and only grow, rings have a minimum version, and what wraps something is not destroyed.

Pre-deploy. The version before counts nothing and waits with nothing, so what it wraps meanwhile is not counted.
"""

from django.db import migrations, models

P = "governance_"
GUARDS = f"""
CREATE FUNCTION key_uses_grow() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $body$
BEGIN
    RAISE EXCEPTION 'the count of uses only grows' USING ERRCODE = 'check_violation', CONSTRAINT = 'key_version_uses_grow';
END
$body$;
CREATE TRIGGER keyversion_uses_grow BEFORE UPDATE ON {P}keyversion FOR EACH ROW WHEN (NEW.uses < OLD.uses)
    EXECUTE FUNCTION key_uses_grow();
CREATE FUNCTION key_version_wraps_nothing() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $body$
BEGIN
    IF EXISTS (SELECT FROM {P}datakey WHERE tenant_id = NEW.tenant_id AND version_id = NEW.id AND wrapped IS NOT NULL) THEN
        RAISE EXCEPTION 'a key version that wraps data keys is not destroyed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'key_version_wraps_nothing';
    END IF;
    RETURN NULL;
END
$body$;
CREATE TRIGGER keyversion_destroyed_wraps_nothing AFTER UPDATE ON {P}keyversion FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state AND NEW.state = 'destroyed') EXECUTE FUNCTION key_version_wraps_nothing();
"""


def apply(apps, schema_editor):
    schema_editor.execute(GUARDS, None)


def revert(apps, schema_editor):
    for statement in (
        f"DROP TRIGGER keyversion_destroyed_wraps_nothing ON {P}keyversion",
        "DROP FUNCTION key_version_wraps_nothing()",
        f"DROP TRIGGER keyversion_uses_grow ON {P}keyversion",
        "DROP FUNCTION key_uses_grow()",
    ):
        schema_editor.execute(statement, None)


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0010_replaced_data_keys"),
    ]

    operations = [
        migrations.AddField(
            model_name="keyring",
            name="minimum_version",
            field=models.PositiveIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name="keyversion",
            name="uses",
            field=models.PositiveBigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(model_name="keyversion", name="destroy_at", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="keyversion", name="destroy_approval_id", field=models.UUIDField(null=True)),
        migrations.AddConstraint(
            model_name="keyversion",
            constraint=models.CheckConstraint(condition=models.Q(("uses__lte", 4294967296)), name="key_version_uses"),
        ),
        migrations.AddConstraint(
            model_name="keyversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("destroy_at", None), models.Q(("state__in", ["active", "suspended"]), _negated=True), _connector="OR"
                ),
                name="key_version_destroyed_unused",
            ),
        ),
        migrations.RunPython(apply, revert),
    ]
