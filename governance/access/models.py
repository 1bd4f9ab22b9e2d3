"""Purposes and policies as rows."""

from django.db import models
from django.db.models import Q
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


class PolicyEpoch(models.Model):
    """Counts the changes of a tenant's policies and members; a grant of an older epoch opens nothing."""

    tenant = models.OneToOneField(Tenant, on_delete=models.PROTECT, primary_key=True, related_name="+")
    number = models.PositiveBigIntegerField(default=1)

    class Meta:
        app_label = "governance"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.number)
