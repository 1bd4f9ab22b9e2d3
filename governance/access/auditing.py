"""The audit trail as auditors read it: entries of the tenant's chain, newest first. Who looks is on the record before."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.access.acting import require
from governance.audit.models import AuditEntry
from governance.audit.recording import record_now
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry: its number, when and what, by whom, its facts, and the hashes that chain it to the one before."""

    sequence: int
    recorded_at: datetime
    event: str
    actor: str
    facts: Mapping[str, Any]
    previous_hash: str
    hash: str


def entries(
    *, principal: Principal, now: datetime, event: str = "", before: int | None = None, limit: int = 50
) -> list[Entry]:
    """Return the newest entries of the tenant's chain, of one event where it is named; `before` is the last number seen.

    Raises AccessDenied (recorded), RecordRefused.
    """
    require(principal=principal, action="read_audit", now=now)
    record_now(tenant=principal.tenant_id, event="audit.read", **principal.as_actor())
    with tenant_scope(principal.tenant_id):
        rows = AuditEntry.objects.filter(tenant_id=principal.tenant_id).order_by("-sequence")
        rows = rows.filter(event=event) if event else rows
        rows = rows if before is None else rows.filter(sequence__lt=before)
        return [_entry(row) for row in rows[:limit]]


def _entry(row: AuditEntry) -> Entry:
    facts = json.loads(row.body)
    return Entry(
        sequence=row.sequence,
        recorded_at=row.recorded_at,
        event=facts.pop("event", ""),
        actor=facts.pop("actor", ""),
        facts=facts,
        previous_hash=bytes(row.previous_hash).hex(),
        hash=bytes(row.hash).hex(),
    )
