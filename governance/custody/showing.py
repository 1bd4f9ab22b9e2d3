"""Rings and versions for those who run keys or audit: ids, states and counts, never key bytes."""

from datetime import datetime
from uuid import UUID

from governance.access.acting import require
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.keys import listing
from governance.keys.errors import UnknownKey
from governance.keys.listing import Shown, ShownRing, Step


def rings_for(*, principal: Principal, now: datetime) -> list[ShownRing]:
    """Return the tenant's rings, by use. Raises AccessDenied (recorded)."""
    _require(principal, now)
    with tenant_scope(principal.tenant_id):
        return listing.rings()


def ring_for(*, principal: Principal, ring_id: UUID, now: datetime) -> ShownRing:
    """Return one ring. Raises AccessDenied (recorded), UnknownKey."""
    found = [ring for ring in rings_for(principal=principal, now=now) if ring.id == ring_id]
    if not found:
        raise UnknownKey("This tenant has no such ring.")
    return found[0]


def versions_for(*, principal: Principal, now: datetime, use: str = "") -> list[Shown]:
    """Return the versions, by use and number; with `use` those of one ring. Raises AccessDenied (recorded)."""
    _require(principal, now)
    with tenant_scope(principal.tenant_id):
        return [row for row in listing.versions() if use in {"", row.use}]


def version_for(*, principal: Principal, version_id: UUID, now: datetime) -> tuple[Shown, list[Step]]:
    """Return one version and how it came to its state. Raises AccessDenied (recorded), UnknownKey."""
    _require(principal, now)
    with tenant_scope(principal.tenant_id):
        return listing.describe(version_id)


def _require(principal: Principal, now: datetime) -> None:
    require(principal=principal, action="manage_keys", instead="read_audit", now=now)
