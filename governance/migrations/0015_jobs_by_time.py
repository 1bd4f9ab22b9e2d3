"""Jobs are listed and counted by an index, so that pages take no longer the more jobs there were.

Pre-deploy. The version before reads the same rows without them.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0014_figures"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '10s'", migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("state__in", ["waiting", "running", "paused", "quarantined"])),
                fields=["tenant_id", "created_at", "id"],
                name="job_unfinished",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["tenant_id", "created_at", "id"], name="job_by_time"),
        ),
    ]
