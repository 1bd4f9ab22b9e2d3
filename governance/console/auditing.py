"""The audit trail: the newest entries of the tenant's chain, and its verification."""

import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET

from governance.audit.attesting import attestation, heads_outside
from governance.audit.events import EVENTS
from governance.audit.models import AuditEntry
from governance.audit.recording import record_now
from governance.audit.signers import trusted_keys
from governance.audit.verifying import verify_chain
from governance.console.acting import act
from governance.console.gates import open_actions, page
from governance.console.inert import spelled
from governance.identity.models import User
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope

ENTRIES: Final = 50
_LATEST: Final = 6
_REQUESTS: Final = frozenset({"grant.opened", "grant.refused"})
_SHOWN_APART: Final = frozenset({"event", "actor", "actor_kind"})


@dataclass(frozen=True, slots=True)
class Line:
    """One entry as a page shows it."""

    entry: AuditEntry
    meaning: str
    who: str
    facts: tuple[tuple[str, str], ...]
    explains: bool
    conversations: tuple[str, ...]


@require_GET
@page(action="read_audit")
def trail(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show the newest entries of the tenant's chain; who looked is on it, too."""
    record_now(tenant=principal.tenant_id, event="audit.read", **principal.as_actor())
    return _show(request, principal)


@act(action="read_audit", events=("audit.verified",))
def verify(request: HttpRequest, principal: Principal, given: dict[str, Any]) -> HttpResponseBase:
    """Verify the whole chain and show the result above its entries."""
    tenant = principal.tenant_id
    heads, unreadable = heads_outside(tenant=tenant)
    with tenant_scope(tenant):
        word = attestation(tenant=tenant)
    with tenant_scope(tenant, using="audit"):
        report = verify_chain(tenant=tenant, outside=heads, unreadable=unreadable, trusted=trusted_keys(), attestation=word)
    record_now(tenant=tenant, event="audit.verified", **principal.as_actor(), head=report.head.hex())
    return _show(request, principal, report=report, head=report.head.hex())


def latest(principal: Principal) -> list[Line]:
    """Return the last few entries, for the landing page."""
    return _lines(principal, limit=_LATEST)


def _show(request: HttpRequest, principal: Principal, **more: Any) -> HttpResponseBase:
    event = request.GET.get("event", "")
    event = event if event in EVENTS else ""
    given = request.GET.get("before", "")
    before = int(given) if given.isascii() and given.isdigit() and len(given) < 18 else None  # noqa: PLR2004 - fits a bigint
    lines = _lines(principal, event=event, before=before, limit=ENTRIES)
    older = urlencode({"event": event, "before": lines[-1].entry.sequence}) if len(lines) == ENTRIES else ""
    context: dict[str, Any] = {"title": "Audit trail", "lines": lines, "events": EVENTS, "event": event, "older": older}
    context |= {"newest": before is not None, "explains": open_actions(request), **more}
    return render(request, "console/audit.html", context)


def _lines(principal: Principal, *, event: str = "", before: int | None = None, limit: int) -> list[Line]:
    with tenant_scope(principal.tenant_id):
        entries = AuditEntry.objects.filter(tenant_id=principal.tenant_id).order_by("-sequence")
        entries = entries.filter(event=event) if event else entries
        rows = list((entries if before is None else entries.filter(sequence__lt=before))[:limit])
    names = _names(rows)
    return [_line(row, names) for row in rows]


def _names(rows: list[AuditEntry]) -> dict[str, str]:
    """Return the names of the people whom these entries name by id."""
    actors = {row.actor for row in rows if row.actor and _is_uuid(row.actor)}
    return {str(user): name for user, name in User.objects.filter(id__in=actors).values_list("id", "username")}


def _is_uuid(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True


def _line(row: AuditEntry, names: dict[str, str]) -> Line:
    body = json.loads(row.body)
    facts = tuple((name, _fact(value)) for name, value in body.items() if name not in _SHOWN_APART)
    who = names.get(row.actor or "") or row.actor or body.get("actor_kind", "")
    named = body.get("scope")
    return Line(
        entry=row,
        meaning=EVENTS.get(row.event or "", ""),
        who=who,
        facts=facts,
        explains=row.event in _REQUESTS and bool(body.get("cells")) and "roles" in body,
        conversations=tuple(one for one in named if _is_uuid(one)) if isinstance(named, list) else (),
    )


def _fact(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return spelled(text)
