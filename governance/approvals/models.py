"""Four eyes: what was asked, by whom, and who agreed."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from governance.identity.identifiers import uuid7
from governance.identity.models import Tenant, User


class Approval(models.Model):
    """A grave act that waits for, or has, its second person.

    `details` says exactly what is asked, in ids, codes and numbers, for the second person to read; `digest` fixes it.
    """

    class State(models.TextChoices):
        ASKED = "asked", "Waiting for a second person"
        SECONDED = "seconded", "Agreed"
        REFUSED = "refused", "Refused"
        WITHDRAWN = "withdrawn", "Withdrawn"
        EXPIRED = "expired", "Expired"
        USED = "used", "Carried out"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    act = models.CharField(max_length=64)
    details = models.JSONField(default=dict)
    digest = models.BinaryField(max_length=32)
    subject_id = models.UUIDField()
    reason = models.CharField(max_length=500)
    state = models.CharField(max_length=9, choices=State.choices, default=State.ASKED)
    asker = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    seconder = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True)
    asked_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="approval_of_tenant"),
            models.CheckConstraint(condition=Q(seconder=None) | ~Q(seconder=F("asker")), name="approval_two_people"),
            models.CheckConstraint(
                condition=~Q(state__in=["seconded", "used"]) | Q(seconder__isnull=False), name="approval_has_seconder"
            ),
        ]
        ordering = ["-asked_at"]

    def __str__(self) -> str:
        return f"{self.act} {self.state}"
