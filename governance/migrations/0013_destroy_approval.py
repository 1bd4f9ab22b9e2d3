"""The approval under which a version waits for its destruction is one of the version's own tenant.

Pre-deploy. A version waits for one at most, so the column is short, and its check walks few rows.
"""

from django.db import migrations

LOCK_TIMEOUT = "SET LOCAL lock_timeout = '10s'"
OF_TENANT = """
ALTER TABLE governance_keyversion ADD CONSTRAINT keyversion_destroy_approval_id_of_tenant
    FOREIGN KEY (tenant_id, destroy_approval_id) REFERENCES governance_approval (tenant_id, id);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0012_receipts"),
    ]

    operations = [
        migrations.RunSQL(LOCK_TIMEOUT, migrations.RunSQL.noop),
        migrations.RunSQL(
            OF_TENANT, "ALTER TABLE governance_keyversion DROP CONSTRAINT keyversion_destroy_approval_id_of_tenant"
        ),
    ]
