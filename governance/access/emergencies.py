"""Break-glass: two people agree that one of them may open single conversations for a while.

It lifts a lack of permission and nothing else: a forbid still forbids, the collection's purposes still bind, a fresh
second factor is needed each time, and every use is on the record. When it is over, somebody else reviews it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from governance.access.errors import AccessDenied, EmergencyRefused
from governance.access.models import BreakGlass
from governance.identity.principals import Principal

ACT: Final = "break_glass"
MOST_CONVERSATIONS: Final = 50
LONGEST_TICKET: Final = 64
LONGEST: Final = timedelta(hours=8)
_ACTIONS: Final = frozenset({"list", "read_redacted", "read_source"})


@dataclass(frozen=True, slots=True)
class Emergency:
    """A live break-glass as grants see it."""

    id: UUID
    ends_at: datetime
    conversations: frozenset[UUID]


def live_emergencies(*, principal: Principal, action: str, fresh: bool, now: datetime) -> list[Emergency]:
    """Return the break-glass that lets the principal do `action` now; call it inside the tenant's scope.

    `fresh` says whether the second factor is; without it there is none.
    """
    if not fresh or action not in _ACTIONS:
        return []
    rows = BreakGlass.objects.filter(user_id=principal.user_id, began_at__lte=now, ends_at__gt=now)
    return [Emergency(row.id, row.ends_at, frozenset(map(UUID, row.conversations))) for row in rows]


def live_emergency(
    *, principal: Principal, action: str, conversations: Iterable[UUID], fresh: bool, now: datetime
) -> Emergency:
    """Return the open break-glass that covers all of `conversations`. Raises AccessDenied."""
    if not fresh:
        raise AccessDenied("second_factor.needed", "Show your second factor first; it counts for a few minutes.")
    wanted = frozenset(conversations)
    for emergency in live_emergencies(principal=principal, action=action, fresh=fresh, now=now):
        if wanted <= emergency.conversations:
            return emergency
    raise AccessDenied(
        "break_glass.needed", "Nobody has opened break-glass for you on this; ask for it, with a reason and a ticket."
    )


def details_of(*, conversations: Iterable[UUID], ticket: str, minutes: int) -> dict[str, Any]:
    """Return what the second person reads and the digest fixes. Raises EmergencyRefused for what cannot be asked."""
    ids = sorted({str(one) for one in conversations})
    if not 1 <= len(ids) <= MOST_CONVERSATIONS:
        raise EmergencyRefused(f"Break-glass opens 1 to {MOST_CONVERSATIONS} conversations; name them by id.")
    if not timedelta(minutes=1) <= timedelta(minutes=minutes) <= LONGEST:
        raise EmergencyRefused(f"Break-glass lasts 1 to {int(LONGEST.total_seconds() // 60)} minutes.")
    if not ticket.strip() or len(ticket) > LONGEST_TICKET:
        raise EmergencyRefused(f"Name the ticket of the emergency, in at most {LONGEST_TICKET} characters.")
    return {"conversations": ids, "ticket": ticket.strip(), "minutes": minutes}


def open_until(details: Mapping[str, Any], now: datetime) -> datetime:
    """Return when a break-glass that opens now ends."""
    return now + timedelta(minutes=int(details["minutes"]))
