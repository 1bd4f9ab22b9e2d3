"""The roles that a member of a tenant may hold (INTERFACE.md); what each may do is said by policies, not here."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """A group of a tenant."""

    ANALYST = "analyst", _("Analyst")
    PRIVACY_OFFICER = "privacy_officer", _("Privacy officer")
    SECURITY_OFFICER = "security_officer", _("Security officer")
    AUDITOR = "auditor", _("Auditor")
    PRODUCER = "producer", _("Producer (service)")
    WORKER = "worker", _("Worker (service)")
