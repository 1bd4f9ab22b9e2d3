"""Key rings, their versions, and data keys. Other parts refer to these tables by value (UUID) only."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from governance.crypto.derivation import fingerprint, join_parts
from governance.identity.identifiers import uuid7
from governance.keys.limits import MOST_USES


class KeyUse(models.TextChoices):
    """What the keys of a ring are for; a key never serves two uses (NIST SP 800-57 part 1, section 5.2)."""

    CONTENT = "content", "Content"
    REDACTED = "redacted", "Redacted forms"
    INDEX = "index", "Blind index"
    TOMBSTONE = "tombstone", "Tombstones"
    INBOX = "inbox", "Inbox"
    SIGNING = "signing", "Signing"


def tag_of(*parts: object) -> str:
    """Return 16 hexadecimal digits that stand for the parts (an entity tag, RFC 9110 section 8.8.3)."""
    return fingerprint(join_parts(*(str(part).encode() for part in parts))).hex()[:16]


class KeyRing(models.Model):
    """All versions of one tenant's key-encryption key for one use; those below `minimum_version` open nothing."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant_id = models.UUIDField()
    use = models.CharField(max_length=9, choices=KeyUse.choices)
    minimum_version = models.PositiveIntegerField(default=1, db_default=1)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        app_label = "governance"
        default_permissions = ()
        verbose_name = "key ring"
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "id"], name="key_ring_of_tenant"),
            models.UniqueConstraint(fields=["tenant_id", "use"], name="key_ring_one_a_use"),
        ]
        ordering = ["use"]

    def __str__(self) -> str:
        return self.use

    @property
    def tag(self) -> str:
        """What stands for the ring's own state, for whoever changes it only as they saw it."""
        active = next((one.number for one in self.versions.all() if one.state == KeyVersion.State.ACTIVE), 0)
        return tag_of(self.id, self.minimum_version, active)


class KeyVersion(models.Model):
    """One version of a ring: 32 bytes that wrap data keys, themselves wrapped by the provider's root key.

    `uses` counts the wraps that processes have reserved, never fewer than were done, and only grows. `destroy_at` is
    the moment from which a version may be destroyed that two people agreed to destroy; any one may cancel until then, and
    the approval that stays behind keeps epochs away.
    """

    class State(models.TextChoices):
        """The states of NIST SP 800-57 part 1 revision 5, section 7."""

        PRE_ACTIVATION = "pre-activation", "Pre-activation"
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"
        DEACTIVATED = "deactivated", "Deactivated"
        COMPROMISED = "compromised", "Compromised"
        DESTROYED = "destroyed", "Destroyed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant_id = models.UUIDField()
    ring = models.ForeignKey(KeyRing, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=14, choices=State.choices)
    provider_uri = models.CharField(max_length=500)
    wrapped = models.BinaryField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    activated_at = models.DateTimeField(null=True)
    state_changed_at = models.DateTimeField(null=True)
    uses = models.PositiveBigIntegerField(default=0, db_default=0)
    destroy_at = models.DateTimeField(null=True)
    destroy_approval_id = models.UUIDField(null=True)

    class Meta:
        app_label = "governance"
        default_permissions = ()
        verbose_name = "key version"
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "id"], name="key_version_of_tenant"),
            models.UniqueConstraint(fields=["ring", "number"], name="key_version_number"),
            models.UniqueConstraint(fields=["ring"], condition=Q(state="active"), name="key_version_one_active"),
            models.CheckConstraint(
                condition=Q(state="destroyed", wrapped__isnull=True) | ~Q(state="destroyed") & Q(wrapped__isnull=False),
                name="key_version_destroyed_has_no_bytes",
            ),
            models.CheckConstraint(condition=Q(uses__lte=MOST_USES), name="key_version_uses"),
            models.CheckConstraint(
                condition=Q(destroy_at=None) | ~Q(state__in=["active", "suspended"]), name="key_version_destroyed_unused"
            ),
        ]
        ordering = ["ring", "-number"]

    def __str__(self) -> str:
        return f"version {self.number}"

    @property
    def tag(self) -> str:
        """What stands for the version's state, for whoever changes it only as they saw it."""
        return tag_of(self.id, self.state, self.state_changed_at, self.destroy_at)


class KeyTransition(models.Model):
    """That a version came into a state: when, by whom (None: by nobody, as at the founding) and why. Only grows."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant_id = models.UUIDField()
    version_id = models.UUIDField()
    before = models.CharField(max_length=14, blank=True)
    after = models.CharField(max_length=14)
    at = models.DateTimeField()
    actor = models.UUIDField(null=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        app_label = "governance"
        default_permissions = ()
        verbose_name = "key transition"
        constraints = [models.UniqueConstraint(fields=["tenant_id", "id"], name="key_transition_of_tenant")]
        indexes = [models.Index(fields=["tenant_id", "version_id", "at"], name="key_transition_by_version")]
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.before} to {self.after}"


class DataKey(models.Model):
    """The key of one owner's texts in one conversation for one use, wrapped by a key version.

    `conversation_id` and `owner_id` are NOBODY (the nil UUID) for keys of the tenant as a whole. A destroyed key keeps
    its row, so that "destroyed" and "unknown" differ. One that is `replaced` seals no more; it opens until all that it
    sealed is under its successor, and is destroyed then.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant_id = models.UUIDField()
    version_id = models.UUIDField()
    conversation_id = models.UUIDField()
    owner_id = models.UUIDField()
    use = models.CharField(max_length=9, choices=KeyUse.choices)
    wrapped = models.BinaryField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    destroyed_at = models.DateTimeField(null=True)
    replaced = models.BooleanField(default=False, db_default=False)

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "id"], name="data_key_of_tenant"),
            models.UniqueConstraint(
                fields=["tenant_id", "conversation_id", "owner_id", "use"],
                condition=Q(replaced=False),
                name="data_key_one_an_owner",
            ),
            models.CheckConstraint(
                condition=Q(wrapped__isnull=False, destroyed_at=None) | Q(wrapped=None, destroyed_at__isnull=False),
                name="data_key_destroyed_has_no_bytes",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant_id", "owner_id"], name="data_key_by_owner"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class KeyCensus(models.Model):
    """What was counted of a version's live data keys the last time; pages look here where there are many.

    `seconds` is how long the count of all versions of the tenant took.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant_id = models.UUIDField()
    version = models.UUIDField()
    data_keys = models.BigIntegerField()
    conversations = models.BigIntegerField()
    owners = models.BigIntegerField()
    held = models.BigIntegerField()
    seconds = models.FloatField()
    counted_at = models.DateTimeField()

    class Meta:
        app_label = "governance"
        default_permissions = ()
        verbose_name = "census of data keys"
        verbose_name_plural = "censuses of data keys"
        constraints = [models.UniqueConstraint(fields=["tenant_id", "version"], name="key_census_one_a_version")]

    def __str__(self) -> str:
        return f"{self.data_keys} data keys"
