"""The append-only chained record."""

from django.db import models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Now


def _fact(name: str, field: models.Field) -> models.GeneratedField:  # type: ignore[type-arg]
    """A column that PostgreSQL makes from the body, so that it cannot say anything else than what is hashed."""
    return models.GeneratedField(
        expression=KeyTextTransform(name, Cast("body", models.JSONField())), output_field=field, db_persist=True
    )


class AuditEntry(models.Model):
    """One entry of a tenant's chain; `body` holds the facts, the other columns are made from it or by the database.

    It holds ids, codes and random UUIDs of persons, never content. The application may insert and select, and
    inserting goes by the function `audit_append` alone.
    """

    id = models.BigAutoField(primary_key=True)
    tenant_id = models.UUIDField()
    sequence = models.BigIntegerField()
    recorded_at = models.DateTimeField(db_default=Now())
    previous_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)
    body = models.TextField()
    event = _fact("event", models.TextField())
    actor = _fact("actor", models.TextField())

    class Meta:
        app_label = "governance"
        default_permissions = ()
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "sequence"], name="audit_one_entry_a_number"),
            models.UniqueConstraint(fields=["tenant_id", "previous_hash"], name="audit_no_fork"),
        ]
        indexes = [models.Index(fields=["tenant_id", "event", "sequence"], name="audit_by_event_and_number")]
        ordering = ["tenant_id", "sequence"]

    def __str__(self) -> str:
        return f"#{self.sequence}"


class Checkpoint(models.Model):
    """A signed head of a chain: whoever keeps a copy outside can tell whether the chain was cut or rewritten."""

    id = models.BigAutoField(primary_key=True)
    tenant_id = models.UUIDField()
    sequence = models.BigIntegerField()
    head_hash = models.BinaryField(max_length=32)
    merkle_root = models.BinaryField(max_length=32)
    frontier = models.BinaryField(max_length=2048)
    signed_at = models.DateTimeField()
    public_key = models.BinaryField(max_length=32)
    signature = models.BinaryField(max_length=64)

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "sequence"], name="checkpoint_one_a_number"),
        ]
        ordering = ["tenant_id", "sequence"]

    def __str__(self) -> str:
        return f"#{self.sequence}"


class SinkPosition(models.Model):
    """Up to which checkpoint a sink has taken them; `sink` is the SHA-256 of its URI, which may hold a secret path."""

    id = models.BigAutoField(primary_key=True)
    tenant_id = models.UUIDField()
    sink = models.CharField(max_length=64)
    sequence = models.BigIntegerField()
    delivered_at = models.DateTimeField()

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["tenant_id", "sink"], name="sink_one_position_a_tenant")]
        ordering = ["tenant_id", "sink"]

    def __str__(self) -> str:
        return f"#{self.sequence}"


class Tally(models.Model):
    """How much of a kind the record tells of an hour; counted from the entries, so it can be counted anew from them.

    `label` is a purpose or a code, empty where the kind has none.
    """

    id = models.BigAutoField(primary_key=True)
    tenant_id = models.UUIDField()
    kind = models.CharField(max_length=16)
    hour = models.DateTimeField()
    label = models.CharField(max_length=64, blank=True)
    number = models.BigIntegerField()

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "kind", "hour", "label"], name="tally_one_an_hour"),
        ]
        ordering = ["kind", "hour", "label"]

    def __str__(self) -> str:
        return f"{self.kind} {self.label}"


class TallyPosition(models.Model):
    """Up to which entry the record of a tenant is counted."""

    id = models.BigAutoField(primary_key=True)
    tenant_id = models.UUIDField()
    sequence = models.BigIntegerField(default=0)

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["tenant_id"], name="tally_one_position_a_tenant")]

    def __str__(self) -> str:
        return f"#{self.sequence}"
