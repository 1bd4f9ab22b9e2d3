"""Tenants, users, memberships and API tokens.

These tables lie outside tenant row security: a token or a session is looked up before the tenant is known.
"""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from governance.identity.identifiers import uuid7
from governance.identity.roles import Role


class Tenant(models.Model):
    """An organisation whose chats are kept apart from every other's.

    `epoch` is a number that triggers of the database renew with every change of policies, purposes, members and
    break-glass: a grant of an older epoch opens nothing.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=63, unique=True)
    name = models.CharField(max_length=255)
    epoch = models.BigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        app_label = "governance"
        default_permissions = ()
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class User(AbstractUser):
    """A person or a service account. The id is random: it is what the audit trail keeps of a person."""

    class Kind(models.TextChoices):
        PERSON = "person", "Person"
        SERVICE = "service", "Service account"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.PERSON)

    class Meta:
        app_label = "governance"
        default_permissions = ()
        ordering = ["username"]


class Membership(models.Model):
    """One role of one user in one tenant."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=32, choices=Role.choices)
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "user", "role"], condition=Q(ended_at=None), name="membership_one_open_role"
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_known_role"),
        ]

    def __str__(self) -> str:
        return f"{self.role} in {self.tenant_id}"


class ApiToken(models.Model):
    """A bearer token of one user in one tenant: only its SHA-256 is kept.

    A step-up token is minted by a fresh second factor, lives minutes and carries the time of that factor.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="tokens")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=255)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.BinaryField(max_length=32)
    scopes = models.JSONField(default=list)
    purposes = models.JSONField(default=list)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    second_factor_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "governance"
        default_permissions = ()
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.prefix
