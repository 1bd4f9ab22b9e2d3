"""Counts by the hour what the record tells: messages stored, openings by purpose, refusals by code. What it guarantees:

- every entry is counted once: the position moves in the transaction that counts;
- no writer pays for it: the schedule counts, at most 20,000 entries a time, so figures lag by seconds;
- nothing but the record is counted, so whoever doubts a figure counts the entries anew.

Call everything inside the tenant's scope.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection

from governance.audit.models import AuditEntry, Tally, TallyPosition

MESSAGES: Final = "messages"
OPENINGS: Final = "openings"
REFUSALS: Final = "refusals"
MOST: Final = 20_000
KEPT: Final = timedelta(days=400)
_COUNT: Final = """
WITH due AS MATERIALIZED (
    SELECT event, date_trunc('hour', recorded_at, 'UTC') AS hour, body::jsonb AS facts FROM governance_auditentry
    WHERE tenant_id = %(tenant)s AND sequence > %(after)s AND sequence <= %(until)s
), told AS (
    SELECT 'messages' AS kind, hour, '' AS label, (facts ->> 'messages')::bigint AS number FROM due
        WHERE event = 'batch.stored'
    UNION ALL
    SELECT 'openings', hour, facts ->> 'purpose', 1 FROM due WHERE event = 'grant.opened'
    UNION ALL
    SELECT 'refusals', hour, facts ->> 'code', 1 FROM due WHERE event IN ('grant.refused', 'opening.refused')
    UNION ALL
    SELECT 'refusals', hour, facts ->> 'code', (facts ->> 'count')::bigint FROM due WHERE event = 'refusals.repeated'
)
INSERT INTO governance_tally AS kept (tenant_id, kind, hour, label, number)
    SELECT %(tenant)s, kind, hour, left(coalesce(label, ''), 64), sum(number) FROM told WHERE number > 0 GROUP BY 2, 3, 4
ON CONFLICT (tenant_id, kind, hour, label) DO UPDATE SET number = kept.number + EXCLUDED.number
"""


def tally(*, tenant: UUID, now: datetime) -> int:
    """Count the entries that were not counted yet; return how many. 0: there are none, or another process counts them."""
    TallyPosition.objects.bulk_create([TallyPosition(tenant_id=tenant)], ignore_conflicts=True)
    position = TallyPosition.objects.select_for_update(skip_locked=True).filter(tenant_id=tenant).first()
    newest = AuditEntry.objects.filter(tenant_id=tenant).order_by("-sequence").values_list("sequence", flat=True).first()
    if position is None or (newest or 0) <= position.sequence:
        return 0
    until = min(newest or 0, position.sequence + MOST)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"tenant": tenant, "after": position.sequence, "until": until})
    Tally.objects.filter(tenant_id=tenant, hour__lt=now - KEPT).delete()
    TallyPosition.objects.filter(id=position.id).update(sequence=until)
    return until - position.sequence


def told(*, tenant: UUID, kind: str, since: datetime) -> list[tuple[datetime, str, int]]:
    """Return what was counted of a kind from the hour of `since` on, as (hour, label, number), by hour."""
    hour = since.replace(minute=0, second=0, microsecond=0)
    rows = Tally.objects.filter(tenant_id=tenant, kind=kind, hour__gte=hour).order_by("hour", "label")
    return list(rows.values_list("hour", "label", "number"))


def counted_until(*, tenant: UUID) -> int:
    """Return the number of the last entry that is counted, 0 where none is."""
    return TallyPosition.objects.filter(tenant_id=tenant).values_list("sequence", flat=True).first() or 0
