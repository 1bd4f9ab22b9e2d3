"""Ingest: where chats come from, how many of late, and the messages that are not clean, by id; never a text.

What gives them back to the workers is the act that scans everything anew (`jobs.rescan`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from governance.audit.tallying import MESSAGES, told
from governance.console.cards import bounded
from governance.console.gates import current_time, page
from governance.console.words import MESSAGE_STATES, Status, span
from governance.identity.models import ApiToken
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.identity.tokens import producer_tokens
from governance.vault import counting
from governance.vault.models import Collection

RIGHT: Final = "manage_jobs"
LISTED: Final = 50
COLLECTIONS: Final = 200


@dataclass(frozen=True, slots=True)
class Source:
    """A collection, and when its newest conversation came; None where it has none."""

    name: str
    lawful_basis: str
    last: datetime | None


@dataclass(frozen=True, slots=True)
class TokenLine:
    """A token that may bring chats in; `is_over` where it was revoked or has expired."""

    token: ApiToken
    is_over: bool


@dataclass(frozen=True, slots=True)
class NotClean:
    """A message that is not clean, and why."""

    row: counting.NotClean
    status: Status
    reason: str


@require_GET
@page(action=RIGHT)
def ingest(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show sources, rates, and what is not clean."""
    tenant, now = principal.tenant_id, current_time()
    after = _uuid(request.GET.get("after", ""))
    with tenant_scope(tenant):
        backlog, last = counting.backlog(), counting.last_stored()
        sources = [
            Source(row.name, row.get_lawful_basis_display(), last.get(row.id))
            for row in Collection.objects.all()[:COLLECTIONS]
        ]
        rows = counting.not_clean(limit=LISTED, after=after)
        hours = told(tenant=tenant, kind=MESSAGES, since=now - timedelta(days=1))
    this_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    tokens = [
        TokenLine(one, one.revoked_at is not None or one.expires_at <= now)
        for one in producer_tokens(tenant=tenant, limit=LISTED)
    ]
    context = {
        "title": _("Ingest"),
        "sources": sources,
        "tokens": tokens,
        "not_clean": [_line(row) for row in rows],
        "older": rows[-1].id if len(rows) == LISTED else None,
        "newest": after is not None,
        "hour": sum(number for hour, _label, number in hours if hour >= this_hour - timedelta(hours=1)),
        "day": sum(number for _hour, _label, number in hours),
        "waiting": bounded(backlog.waiting),
        "oldest": span(None if backlog.since is None else (now - backlog.since).total_seconds()),
        "unscanned": bounded(backlog.unscanned),
        "aside": bounded(backlog.quarantined),
    }
    return render(request, "console/ingest.html", context)


def _line(row: counting.NotClean) -> NotClean:
    aside = row.state == "quarantined"
    reason = _("Three attempts of workers ended without a result.") if aside else _("It could not be scanned whole.")
    return NotClean(row, MESSAGE_STATES[row.state], reason)


def _uuid(given: str) -> UUID | None:
    try:
        return UUID(given)
    except ValueError:
        return None
