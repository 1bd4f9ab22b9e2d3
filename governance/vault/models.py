"""Collections, people written about, conversations and messages.

Rows refer to key tables by value (UUID). Foreign keys between tenant tables are composite (tenant_id, x_id) in the
database; the migration makes them, Django's own constraint is switched off.
"""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from governance.identity.identifiers import uuid7
from governance.identity.models import Tenant
from governance.jobs.models import Claimable
from governance.vault.fields import SealedTextField


class Classification(models.IntegerChoices):
    """How sensitive a text is; a conversation has the highest of its messages."""

    PUBLIC = 0, "Public"
    INTERNAL = 1, "Internal"
    CONFIDENTIAL = 2, "Confidential"
    RESTRICTED = 3, "Restricted"


class State(models.IntegerChoices):
    """Where a sealed record stands on its way."""

    PENDING = 0, "pending"
    REDACTED = 1, "redacted"
    UNSCANNED = 2, "unscanned"
    QUARANTINED = 3, "quarantined"
    ERASED = 4, "erased"


class LawfulBasis(models.TextChoices):
    """Why a collection may be processed (GDPR, article 6(1))."""

    CONSENT = "consent", "Consent"
    CONTRACT = "contract", "Contract"
    LEGAL_OBLIGATION = "legal_obligation", "Legal obligation"
    VITAL_INTERESTS = "vital_interests", "Vital interests"
    PUBLIC_TASK = "public_task", "Public task"
    LEGITIMATE_INTERESTS = "legitimate_interests", "Legitimate interests"


class Collection(models.Model):
    """A set of conversations with one lawful basis and the purposes for which they may be opened."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=255)
    purposes = models.JSONField(default=list)
    lawful_basis = models.CharField(max_length=20, choices=LawfulBasis.choices, default=LawfulBasis.LEGITIMATE_INTERESTS)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="collection_of_tenant"),
            models.UniqueConstraint(fields=["tenant", "name"], name="collection_one_a_name"),
            models.CheckConstraint(condition=Q(lawful_basis__in=LawfulBasis.values), name="collection_lawful_basis"),
        ]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class DataSubject(models.Model):
    """A person whom conversations are about, known by a keyed hash of the reference that the application sent.

    `shared` owns what belongs to no one human of a conversation, `anonymous` stands for an unknown human of one.
    """

    class Kind(models.TextChoices):
        PERSON = "person", "Person"
        SHARED = "shared", "Shared by a conversation"
        ANONYMOUS = "anonymous", "Unknown human of a conversation"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=9, choices=Kind.choices, default=Kind.PERSON)
    reference_index = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(db_default=Now())
    erased_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "governance"
        default_permissions = ()
        verbose_name = "data subject"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="data_subject_of_tenant"),
            models.UniqueConstraint(fields=["tenant", "reference_index"], name="data_subject_one_a_reference"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class SealedRecord(Claimable):
    """A row with a sealed source and a sealed redacted form of the same structure.

    `*_revision` grows by one at each seal of its column and stands in the AAD, so an older envelope does not open.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant_id = models.UUIDField()
    state = models.PositiveSmallIntegerField(choices=State.choices, default=State.PENDING)
    classification = models.PositiveSmallIntegerField(choices=Classification.choices, default=Classification.INTERNAL)
    source_data_key_id = models.UUIDField()
    source_revision = models.PositiveIntegerField(default=1)
    redacted_data_key_id = models.UUIDField(null=True)
    redacted_revision = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True


class Conversation(SealedRecord):
    """A chat thread. `source` seals its head: external id, title and metadata."""

    collection = models.ForeignKey(Collection, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    subject = models.ForeignKey(DataSubject, on_delete=models.PROTECT, db_constraint=False, null=True, related_name="+")
    external_index = models.BinaryField(max_length=32)
    source = SealedTextField(label="conversation.source")
    redacted = SealedTextField(label="conversation.redacted", null=True)
    held = models.BooleanField(default=False)
    restricted = models.BooleanField(default=False)
    message_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "id"], name="conversation_of_tenant"),
            models.UniqueConstraint(fields=["tenant_id", "external_index"], name="conversation_one_a_source"),
        ]
        indexes = [
            models.Index(fields=["tenant_id", "id"], condition=Q(state=0), name="conversation_pending"),
            models.Index(fields=["tenant_id", "id"], condition=Q(state__in=[2, 3]), name="conversation_not_clean"),
            models.Index(fields=["tenant_id", "-created_at", "-id"], name="conversation_newest"),
            models.Index(
                fields=["tenant_id", "collection", "classification", "held", "restricted", "id"], name="conversation_cells"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Message(SealedRecord):
    """One message. `source` seals the untouched original item.

    The primary key in the database is (tenant_id, id): it serves the composite foreign keys and saves an index.
    """

    conversation = models.ForeignKey(
        Conversation, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    ordinal = models.PositiveIntegerField()
    parent_id = models.UUIDField(null=True)
    role = models.CharField(max_length=32)
    external_index = models.BinaryField(max_length=16)
    item_digest = models.BinaryField(max_length=16)
    source = SealedTextField(label="message.source")
    redacted = SealedTextField(label="message.redacted", null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["conversation", "ordinal"], name="message_one_an_ordinal"),
            models.UniqueConstraint(fields=["conversation", "external_index"], name="message_one_an_external_id"),
        ]
        indexes = [
            models.Index(fields=["tenant_id", "id"], condition=Q(state=0), name="message_pending"),
            models.Index(fields=["tenant_id", "id"], condition=Q(state__in=[2, 3]), name="message_not_clean"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class SealManifest(models.Model):
    """Which envelopes one transaction wrote: the leaves of the Merkle tree whose root the audit entry holds.

    `leaves` is a row of 53-byte records: record id (16), column number (1), revision (4), SHA-256 of the envelope (32).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant_id = models.UUIDField()
    leaves = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["tenant_id", "id"], name="seal_manifest_of_tenant")]

    def __str__(self) -> str:
        return str(self.id)


class IndexEntry(models.Model):
    """A keyed hash of a value found in a message: equality search without the value (blind index)."""

    id = models.BigAutoField(primary_key=True)
    tenant_id = models.UUIDField()
    message = models.ForeignKey(
        Message, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+", null=True
    )
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    value_index = models.BinaryField(max_length=16)

    class Meta:
        app_label = "governance"
        default_permissions = ()
        indexes = [
            models.Index(fields=["tenant_id", "value_index"], name="index_entry_value"),
            models.Index(fields=["message"], name="index_entry_message"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Consultation(models.Model):
    """What was in fact opened under a grant, one row a conversation."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant_id = models.UUIDField()
    grant_id = models.UUIDField()
    user_id = models.UUIDField()
    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    purpose = models.CharField(max_length=64)
    view = models.CharField(max_length=8)
    reason = models.CharField(max_length=500, blank=True)
    messages = models.PositiveIntegerField()
    opened_at = models.DateTimeField(db_default=Now())

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["tenant_id", "id"], name="consultation_of_tenant")]
        indexes = [models.Index(fields=["tenant_id", "purpose", "-opened_at"], name="consultation_by_purpose")]
        ordering = ["-opened_at"]

    def __str__(self) -> str:
        return str(self.id)
