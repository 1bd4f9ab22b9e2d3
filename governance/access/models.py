"""Purposes and policies as rows."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from governance.identity.identifiers import uuid7
from governance.identity.models import Tenant, User


class Purpose(models.Model):
    """A reason for which a tenant allows chats to be opened; every reading names one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    code = models.SlugField(max_length=64)
    description = models.CharField(max_length=255, blank=True)

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["tenant", "code"], name="purpose_one_a_code")]
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code


class AccessPolicy(models.Model):
    """One version of one Cedar policy text; only active ones decide."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        ACTIVE = "active", "Active"
        RETIRED = "retired", "Retired"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    name = models.SlugField(max_length=64)
    version = models.PositiveIntegerField(default=1)
    cedar = models.TextField()
    state = models.CharField(max_length=7, choices=State.choices, default=State.DRAFT)
    reason = models.CharField(max_length=500, blank=True)
    drafted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True)
    approval_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    activated_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "governance"
        default_permissions = ()
        verbose_name = "access policy"
        verbose_name_plural = "access policies"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name", "version"], name="policy_version"),
            models.UniqueConstraint(fields=["tenant", "name"], condition=Q(state="active"), name="policy_one_active"),
        ]
        ordering = ["name", "-version"]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class BreakGlass(models.Model):
    """An emergency: two people agreed that one of them may open some conversations until a moment, and why.

    `conversations` holds ids. Each of them needs a review by somebody else once it is over.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    approval_id = models.UUIDField()
    ticket = models.CharField(max_length=64)
    reason = models.CharField(max_length=500)
    conversations = models.JSONField()
    began_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True)
    reviewed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True)
    reviewed_at = models.DateTimeField(null=True)
    justified = models.BooleanField(null=True)
    review_note = models.CharField(max_length=500, blank=True)

    class Meta:
        app_label = "governance"
        default_permissions = ()
        verbose_name = "break-glass"
        verbose_name_plural = "break-glass"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "approval_id"], name="break_glass_one_an_approval"),
            models.CheckConstraint(condition=~Q(reviewed_by=F("user")), name="break_glass_reviewed_by_another"),
            models.CheckConstraint(condition=Q(ends_at__gte=F("began_at")), name="break_glass_ends_after_it_began"),
        ]
        indexes = [models.Index(fields=["tenant", "user", "ends_at"], name="break_glass_live")]
        ordering = ["-began_at"]

    def __str__(self) -> str:
        return str(self.id)
