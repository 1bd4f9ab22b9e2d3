"""Durable work in PostgreSQL: rows are the truth, the broker only rings."""

import uuid

from django.db import models
from django.db.models.functions import Now


class Claimable(models.Model):
    """What a worker may claim: a count of attempts and a short lease that are committed before the work begins.

    Were the count written in the working transaction, a SIGKILL would roll it back and a poisonous row would kill
    workers for ever.
    """

    LAST_ATTEMPT = 3

    attempt = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True


class Job(Claimable):
    """Long work with a lease: `fence` grows at each claim, so a worker that comes back late changes nothing.

    `spec` says what is to be done and never changes, `cursor` how far it is, `seconds` how long it was worked on. Ids,
    codes and counts only.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"
        QUARANTINED = "quarantined", "Quarantined"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant_id = models.UUIDField()
    topic = models.CharField(max_length=32)
    asked_by = models.UUIDField(null=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.WAITING)
    spec = models.JSONField(default=dict)
    cursor = models.JSONField(default=dict)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(null=True)
    fence = models.PositiveBigIntegerField(default=0)
    reason = models.CharField(max_length=255, blank=True)
    seconds = models.FloatField(default=0.0)
    created_at = models.DateTimeField(db_default=Now())
    not_before = models.DateTimeField(null=True)
    worked_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "id"], name="job_of_tenant"),
            models.CheckConstraint(
                condition=models.Q(state__in=["waiting", "running", "paused", "done", "cancelled", "quarantined"]),
                name="job_state",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant_id", "created_at"],
                condition=models.Q(state__in=["waiting", "running"]),
                name="job_open",
            ),
            models.Index(
                fields=["tenant_id", "created_at", "id"],
                condition=models.Q(state__in=["waiting", "running", "paused", "quarantined"]),
                name="job_unfinished",
            ),
            models.Index(fields=["tenant_id", "created_at", "id"], name="job_by_time"),
        ]
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.topic} {self.state}"
