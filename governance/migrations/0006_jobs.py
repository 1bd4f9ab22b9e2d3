"""Jobs get a cursor, times and a second view for the sweeper: which tenants have one that is due.

Pre-deploy: workers of the version before know no jobs, and none exist.
"""

from django.conf import settings
from django.db import migrations, models

P = "governance_"
DUE = (
    "state IN ('waiting', 'running') AND (not_before IS NULL OR not_before <= now())"
    " AND (lease_until IS NULL OR lease_until < now())"
)
TENANTS = f"""
GRANT SELECT (tenant_id, state, not_before, lease_until) ON {P}job TO threadvault_sweeper;
CREATE POLICY sweep ON {P}job FOR SELECT TO threadvault_sweeper USING (state IN ('waiting', 'running'));
CREATE FUNCTION job_tenants(p_limit integer) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $body$
    WITH RECURSIVE due(tenant) AS (
        (SELECT tenant_id FROM {P}job WHERE {DUE} ORDER BY tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT tenant_id FROM {P}job WHERE {DUE} AND tenant_id > due.tenant ORDER BY tenant_id LIMIT 1)
        FROM due WHERE due.tenant IS NOT NULL
    )
    SELECT tenant FROM due WHERE tenant IS NOT NULL LIMIT p_limit
$body$;
GRANT CREATE ON SCHEMA public TO threadvault_sweeper;
ALTER FUNCTION job_tenants(integer) OWNER TO threadvault_sweeper;
REVOKE CREATE ON SCHEMA public FROM threadvault_sweeper;
REVOKE ALL ON FUNCTION job_tenants(integer) FROM PUBLIC;
"""


def apply(apps, schema_editor):
    schema_editor.execute(TENANTS, None)
    schema_editor.execute(
        f'GRANT EXECUTE ON FUNCTION job_tenants(integer) TO "{settings.DATABASES["default"]["USER"]}"', None
    )


def revert(apps, schema_editor):
    for statement in (
        "DROP FUNCTION job_tenants(integer)",
        f"DROP POLICY sweep ON {P}job",
        f"REVOKE SELECT (tenant_id, state, not_before, lease_until) ON {P}job FROM threadvault_sweeper",
    ):
        schema_editor.execute(statement, None)


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0005_audit_checkpoints"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="asked_by",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="cursor",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="job",
            name="not_before",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="seconds",
            field=models.FloatField(default=0.0),
        ),
        migrations.AddField(
            model_name="job",
            name="worked_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["waiting", "running", "paused", "done", "cancelled", "quarantined"])),
                name="job_state",
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="source",
            field=models.CharField(
                choices=[("detector", "Detector"), ("person", "Person")], default="detector", max_length=8
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="state",
            field=models.CharField(
                choices=[("open", "Open"), ("confirmed", "Confirmed"), ("rejected", "Rejected")],
                default="open",
                max_length=9,
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(models.Q(("state", "open"), _negated=True), ("source", "person"), _connector="OR"),
                fields=["tenant_id", "rule"],
                name="finding_said",
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.CheckConstraint(
                condition=models.Q(("source__in", ["detector", "person"])), name="finding_source"
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["open", "confirmed", "rejected"])), name="finding_state"
            ),
        ),
        migrations.RunPython(apply, revert),
    ]
