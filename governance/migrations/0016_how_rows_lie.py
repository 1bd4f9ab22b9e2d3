"""How rows lie on their pages: manifests as they are, and room beside each head of a conversation for the next version of it.

Manifests are mostly hashes, and trying to compress one took longer than writing it. A head that is sealed anew or gets
another message stays on its page where there is room, and then none of its seven indexes is written.

Pre-deploy; it changes the catalogue only. What is stored stays as it is, and new pages follow it.
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
        migrations.RunSQL(
            "ALTER TABLE governance_conversation SET (fillfactor = 50)",
            "ALTER TABLE governance_conversation RESET (fillfactor)",
        ),
    ]
