"""Manifests are stored as they are: they are mostly hashes, and trying to compress one took longer than writing it.

Pre-deploy; it changes the catalogue only, and what is stored stays as it is.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0015_jobs_by_time"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '10s'", migrations.RunSQL.noop),
        migrations.RunSQL(
            "ALTER TABLE governance_sealmanifest ALTER COLUMN leaves SET STORAGE EXTERNAL",
            "ALTER TABLE governance_sealmanifest ALTER COLUMN leaves SET STORAGE EXTENDED",
        ),
    ]
