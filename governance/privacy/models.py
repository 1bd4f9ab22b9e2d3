"""Findings, retention, holds, requests of data subjects and tombstones."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from governance.identity.identifiers import uuid7
from governance.identity.models import Tenant, User
from governance.vault.fields import SealedTextField
from governance.vault.models import Collection, Conversation, DataSubject, Message


class Finding(models.Model):
    """Where something sensitive stands in a message, and of which type; never the match, never a key name.

    `leaf` is the number of the string leaf in reading order, `start` and `end` count code points in it. A finding in
    the head of a conversation has no message. What a person said of one, or marked, outlives every new scan.
    """

    class Source(models.TextChoices):
        DETECTOR = "detector", "Detector"
        PERSON = "person", "Person"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        CONFIRMED = "confirmed", "Confirmed"
        REJECTED = "rejected", "Rejected"

    id = models.BigAutoField(primary_key=True)
    tenant_id = models.UUIDField()
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    message = models.ForeignKey(
        Message, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+", null=True
    )
    leaf = models.PositiveIntegerField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    type = models.CharField(max_length=32)
    tier = models.CharField(max_length=10)
    rule = models.CharField(max_length=64)
    ruleset = models.PositiveIntegerField()
    source = models.CharField(max_length=8, choices=Source.choices, default=Source.DETECTOR)
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(source__in=["detector", "person"]), name="finding_source"),
            models.CheckConstraint(condition=Q(state__in=["open", "confirmed", "rejected"]), name="finding_state"),
        ]
        indexes = [
            models.Index(fields=["conversation", "message"], name="finding_by_message"),
            models.Index(fields=["tenant_id", "rule"], condition=~Q(state="open") | Q(source="person"), name="finding_said"),
        ]

    def __str__(self) -> str:
        return f"{self.type} ({self.rule})"


class DetectionProfile(models.Model):
    """One version of what a tenant, or one of its collections, adds to the detectors; only active ones are at work.

    `document` seals the settings as JSON: a list of terms to mask tells as much as a text that holds them.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        ACTIVE = "active", "Active"
        RETIRED = "retired", "Retired"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    collection = models.ForeignKey(
        Collection, on_delete=models.PROTECT, db_constraint=False, db_index=False, null=True, related_name="+"
    )
    version = models.PositiveIntegerField()
    document = SealedTextField(label="detection_profile.document")
    document_data_key_id = models.UUIDField()
    state = models.CharField(max_length=7, choices=State.choices, default=State.DRAFT)
    reason = models.CharField(max_length=500, blank=True)
    drafted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    approval_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    activated_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "governance"
        default_permissions = ()
        verbose_name = "detection profile"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "collection", "version"], nulls_distinct=False, name="detection_profile_version"
            ),
            models.UniqueConstraint(
                fields=["tenant", "collection"], condition=Q(state="active"), nulls_distinct=False,
                name="detection_profile_one_active",
            ),
            models.CheckConstraint(condition=Q(state__in=["draft", "active", "retired"]), name="detection_profile_state"),
        ]  # fmt: skip
        ordering = ["collection", "-version"]

    def __str__(self) -> str:
        return f"version {self.version}"


class RetentionRule(models.Model):
    """How many days conversations of a collection are kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    collection = models.ForeignKey(Collection, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    days = models.PositiveIntegerField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["tenant", "collection"], name="retention_one_a_collection"),
            models.CheckConstraint(condition=Q(days__gte=1), name="retention_at_least_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.days} days"


class LegalHold(models.Model):
    """Conversations of one person, or one conversation, that must not be destroyed until the hold is released."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    subject = models.ForeignKey(DataSubject, on_delete=models.PROTECT, db_constraint=False, null=True, related_name="+")
    conversation = models.ForeignKey(
        Conversation, on_delete=models.PROTECT, db_constraint=False, null=True, related_name="+"
    )
    reason = models.CharField(max_length=500)
    placed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    placed_at = models.DateTimeField(db_default=Now())
    released_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="legal_hold_of_tenant"),
            models.CheckConstraint(
                condition=Q(subject=None, conversation__isnull=False) | Q(subject__isnull=False, conversation=None),
                name="legal_hold_one_target",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class SubjectRequest(models.Model):
    """What a data subject asked for (GDPR articles 15 to 17; PIPL articles 44 to 47) and how far it is."""

    class Kind(models.TextChoices):
        ACCESS = "access", "Access"
        ERASURE = "erasure", "Erasure"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        HELD = "held", "Refused: a legal hold"
        UNREADABLE = "unreadable", "Data keys destroyed"
        PURGED = "purged", "No copy can be unwrapped"
        ANSWERED = "answered", "Answered"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    subject = models.ForeignKey(DataSubject, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    received_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["tenant", "id"], name="subject_request_of_tenant")]
        ordering = ["due_at"]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class Tombstone(models.Model):
    """Says that a reference was erased, by a keyed hash, so that it is not taken in again; with the certificate."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    reference_index = models.BinaryField(max_length=32)
    subject_id = models.UUIDField()
    erased_at = models.DateTimeField()
    certificate = models.BinaryField()
    signature = models.BinaryField(max_length=64)
    public_key = models.BinaryField(max_length=32)

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["tenant", "reference_index"], name="tombstone_one_a_reference")]

    def __str__(self) -> str:
        return str(self.id)
