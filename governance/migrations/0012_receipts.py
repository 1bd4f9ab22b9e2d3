"""Receipts of requests that act: their status, null while they are carried out; and an index by age, for their deletion.

Pre-deploy. Receipts until now are those of batches; nothing reads their status.
"""

from django.db import migrations, models


def revert_open(apps, schema_editor):
    """Receipts of acts are not known to the code before: they go, and for that moment row security is not forced upon their owner."""
    schema_editor.execute(REVERT, None)


REVERT = """
ALTER TABLE governance_receipt NO FORCE ROW LEVEL SECURITY;
DELETE FROM governance_receipt WHERE results IS NULL OR status IS DISTINCT FROM 207;
ALTER TABLE governance_receipt FORCE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0011_key_limits"),
    ]

    operations = [
        migrations.AddField(
            model_name="receipt",
            name="status",
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name="receipt",
            name="results",
            field=models.JSONField(null=True),
        ),
        migrations.AddIndex(
            model_name="receipt",
            index=models.Index(fields=["tenant_id", "created_at"], name="receipt_by_age"),
        ),
        migrations.RunPython(migrations.RunPython.noop, revert_open),
    ]
