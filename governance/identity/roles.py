"""The roles that a member of a tenant may hold (INTERFACE.md); what each may do is said by policies, not here."""

from django.db import models


class Role(models.TextChoices):
    """A group of a tenant."""

    ANALYST = "analyst", "Analyst"
    PRIVACY_OFFICER = "privacy_officer", "Privacy officer"
    SECURITY_OFFICER = "security_officer", "Security officer"
    AUDITOR = "auditor", "Auditor"
    PRODUCER = "producer", "Producer (service)"
    WORKER = "worker", "Worker (service)"
