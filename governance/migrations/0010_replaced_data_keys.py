"""Data keys may have a successor: one an owner that is not replaced.

Pre-deploy. The version before knows no replaced keys; as long as it runs, nobody re-encrypts.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0009_rewrapping"),
    ]

    operations = [
        migrations.AddField(
            model_name="datakey", name="replaced", field=models.BooleanField(db_default=False, default=False)
        ),
        migrations.RemoveConstraint(model_name="datakey", name="data_key_one_an_owner"),
        migrations.AddConstraint(
            model_name="datakey",
            constraint=models.UniqueConstraint(
                condition=models.Q(("replaced", False)),
                fields=("tenant_id", "conversation_id", "owner_id", "use"),
                name="data_key_one_an_owner",
            ),
        ),
    ]
