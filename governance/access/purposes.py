"""Purposes: seed rows of a tenant, and what a collection allows."""

from typing import Final
from uuid import UUID

from governance.access.errors import AccessDenied
from governance.access.models import Purpose
from governance.identity.scoping import tenant_scope

BREAK_GLASS: Final = "break_glass"
SEED: Final = {
    "classification": "Workers detect and redact.",
    "support": "Help the person who wrote.",
    "quality": "Check the quality of answers.",
    "training": "Make training data from redacted chats.",
    "subject_request": "Answer a request of a data subject.",
    "security_incident": "Handle a security incident.",
    "break_glass": "An emergency, approved by a second person.",
}
DEFAULT_FOR_COLLECTION: Final = (
    "classification",
    "support",
    "quality",
    "subject_request",
    "security_incident",
    "break_glass",
)


def seed_purposes(tenant: UUID) -> None:
    """Make the seed rows of a new tenant; call it inside its scope."""
    Purpose.objects.bulk_create(
        Purpose(tenant_id=tenant, code=code, description=description) for code, description in SEED.items()
    )


def check_purpose(*, known: frozenset[str], purpose: str, limited_to: frozenset[str]) -> None:
    """Return where `purpose` is among the tenant's and the token's; raise AccessDenied otherwise."""
    if not purpose:
        raise AccessDenied("purpose.missing", "Name a purpose: header Threadvault-Purpose, or --purpose.")
    if purpose not in known:
        raise AccessDenied("purpose.unknown", f"This tenant does not know that purpose; it has: {', '.join(sorted(known))}.")
    if limited_to and purpose not in limited_to:
        raise AccessDenied("purpose.token", "This token may not be used for that purpose; mint one that names it.")


def purposes_of(tenant: UUID) -> list[Purpose]:
    """Return the purposes that the tenant knows."""
    with tenant_scope(tenant):
        return list(Purpose.objects.all())
