"""Data keys change their version in place: no index on the version, and room on each page for the row that replaces one.

Pre-deploy; it holds back writers for as long as an index takes to go.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0008_key_states"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="datakey", name="data_key_by_version"),
        migrations.RunSQL(
            "ALTER TABLE governance_datakey SET (fillfactor = 50)", "ALTER TABLE governance_datakey RESET (fillfactor)"
        ),
    ]
