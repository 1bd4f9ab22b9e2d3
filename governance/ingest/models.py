"""What was received, so that the same request is answered the same way."""

from django.db import models
from django.db.models.functions import Now

from governance.identity.identifiers import uuid7


class Receipt(models.Model):
    """The answer to one idempotent request: statuses, ids, codes and numbers only, never what was sent.

    `request_index` is a keyed hash of (user, Idempotency-Key), `body_digest` one of the request. `status` is null while
    the request is being carried out, and stays so where it was cut off.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant_id = models.UUIDField()
    request_index = models.BinaryField(max_length=32)
    body_digest = models.BinaryField(max_length=32)
    results = models.JSONField(null=True)
    status = models.PositiveSmallIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        app_label = "governance"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["tenant_id", "request_index"], name="receipt_one_a_request")]
        indexes = [models.Index(fields=["tenant_id", "created_at"], name="receipt_by_age")]

    def __str__(self) -> str:
        return str(self.id)
