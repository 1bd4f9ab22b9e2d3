"""The audit trail: the newest entries of the tenant's chain, its verification and verdict, and the chain as a file."""

import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from governance.audit.attesting import deliveries
from governance.audit.chain import ChainReport
from governance.audit.events import EVENTS
from governance.audit.models import AuditEntry, Checkpoint
from governance.audit.recording import record_now
from governance.console.acting import act, done
from governance.console.faults import verdict_of
from governance.console.gates import current_time, open_actions, page
from governance.console.inert import spelled
from governance.console.jobs import JobLine, line_of
from governance.console.words import attested
from governance.custody import verifying
from governance.custody.carrying import carry
from governance.identity.models import User
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.pipeline.managing import job_of_topic
from governance.web.sessions import tenant_of
from governance.web.streams import NDJSON

ENTRIES: Final = 50
LOOKED: Final = 20_000
HEADS: Final = 5
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
    """Show the newest entries of the tenant's chain, and a verification that goes on; who looked is on it, too."""
    record_now(tenant=principal.tenant_id, event="audit.read", **principal.as_actor())
    return _show(request, principal, **_verification(request, principal))


@act(action="read_audit", events=("audit.verified", "job.asked"))
def verify(request: HttpRequest, principal: Principal, given: dict[str, Any]) -> HttpResponseBase:
    """Verify a short chain and show the result above its entries; lead to the verification of a long one."""
    found = verifying.verify(principal=principal, now=current_time())
    if isinstance(found, UUID):
        return done(request, _("The verification is in the queue."), _address(found))
    return _show(request, principal, **_result(found))


@require_GET
@page(action="read_audit")
def verification(request: HttpRequest, principal: Principal, job_id: UUID) -> HttpResponseBase:
    """Return the part of the page that moves while a verification does; where it moves no more, lead to its verdict."""
    line = _job(principal, job_id)
    response: HttpResponse = render(request, "console/progress.html", {"job": line, "look": _look(job_id)})
    if not line.moves:
        response["HX-Redirect"] = _address(job_id)
    return response


@act(action="read_audit", events=("audit.exported",))
def export(request: HttpRequest, principal: Principal, given: dict[str, Any]) -> HttpResponseBase:
    """Send the whole chain with its signed heads, as the offline tool reads it."""
    lines = carry(principal=principal, now=current_time())
    name = f"audit-{tenant_of(request).slug}.jsonl"
    kept = {"Content-Disposition": content_disposition_header(as_attachment=True, filename=name) or "attachment"}
    return StreamingHttpResponse(lines, content_type=NDJSON, headers=kept)


def _verification(request: HttpRequest, principal: Principal) -> dict[str, Any]:
    """Return the verification that the address names, else one that goes on. Raises UnknownJob, VerdictUnsigned."""
    job_id = _uuid(request.GET.get("verification", ""))
    if job_id is None:
        with tenant_scope(principal.tenant_id):
            job_id = verifying.going_on()
    if job_id is None:
        return {}
    found = verifying.verdict(principal=principal, job_id=job_id, now=current_time())
    context = {"verification": _job(principal, job_id), "look": _look(job_id), "address": _address(job_id)}
    return context if found is None else {**context, **_result(found.report), "verified_at": found.at}


def _job(principal: Principal, job_id: UUID) -> JobLine:
    topic, action = verifying.TOPIC, verifying.ACTION
    return line_of(job_of_topic(principal=principal, job_id=job_id, topic=topic, action=action, now=current_time()))


def _result(report: ChainReport) -> dict[str, Any]:
    there = "" if report.bad_sequence is None else f"{reverse('console:audit')}?before={report.bad_sequence + 1}"
    shown = {"report": report, "verdict": verdict_of(report), "head": report.head.hex()}
    return {**shown, "vouched": attested(report.attestation), "there": there}


def _address(job_id: UUID) -> str:
    return f"{reverse('console:audit')}?{urlencode({'verification': job_id})}"


def _look(job_id: UUID) -> str:
    return reverse("console:verification", args=[job_id])


def latest(principal: Principal) -> list[Line]:
    """Return the last few entries, for the landing page."""
    return _lines(principal, limit=_LATEST)[0]


def _show(request: HttpRequest, principal: Principal, **more: Any) -> HttpResponseBase:
    event = request.GET.get("event", "")
    event = event if event in EVENTS else ""
    given = request.GET.get("before", "")
    before = int(given) if given.isascii() and given.isdigit() and len(given) < 18 else None  # noqa: PLR2004 - fits a bigint
    about = _uuid(request.GET.get("about", ""))
    lines, further = _lines(principal, event=event, about=about, before=before, limit=ENTRIES)
    chosen = {name: value for name, value in {"event": event, "about": str(about or "")}.items() if value}
    older = urlencode({**chosen, "before": further}) if further else ""
    context: dict[str, Any] = {"title": _("Audit trail"), "lines": lines, "events": EVENTS, "event": event, "older": older}
    context |= {"about": about, "looked": LOOKED, "filtered": bool(chosen), **_outside(principal), **more}
    context |= {"verdict": verdict_of(more["report"])} if "report" in more else {}
    context |= {"newest": before is not None, "explains": open_actions(request)}
    return render(request, "console/audit.html", context)


def _lines(
    principal: Principal, *, event: str = "", about: UUID | None = None, before: int | None = None, limit: int
) -> tuple[list[Line], int]:
    """Return entries, the newest first, and before which number to go on; 0 at the end.

    Nothing finds an entry by an id in it but reading it, so of the entries about one thing a page looks at 20,000.
    """
    with tenant_scope(principal.tenant_id):
        entries = AuditEntry.objects.filter(tenant_id=principal.tenant_id).order_by("-sequence")
        entries = entries.filter(event=event) if event else entries
        entries = entries if before is None else entries.filter(sequence__lt=before)
        begin = 0
        if about is not None:
            begin = _begin(principal, before)
            entries = entries.filter(sequence__gte=begin, body__contains=str(about))
        rows = list(entries[:limit])
    names = _names(rows)
    further = rows[-1].sequence if len(rows) == limit else begin if begin > 1 else 0
    return [_line(row, names) for row in rows], further


def _begin(principal: Principal, before: int | None) -> int:
    newest = (
        AuditEntry.objects.filter(tenant_id=principal.tenant_id).order_by("-sequence").values_list("sequence", flat=True)
    )
    return max((before or (newest.first() or 0) + 1) - LOOKED, 0)


def _outside(principal: Principal) -> dict[str, Any]:
    """Return the newest signed heads, and how far the sinks are."""
    tenant = principal.tenant_id
    with tenant_scope(tenant):
        rows = list(Checkpoint.objects.filter(tenant_id=tenant).order_by("-sequence")[:HEADS])
        sinks = deliveries(tenant=tenant)
    heads = [(row.sequence, row.signed_at, bytes(row.head_hash).hex()) for row in rows]
    return {"heads": heads, "sinks": sinks, "signed": heads[0][0] if heads else 0}


def _names(rows: list[AuditEntry]) -> dict[str, str]:
    """Return the names of the people whom these entries name by id."""
    actors = {row.actor for row in rows if row.actor and _uuid(row.actor)}
    return {str(user): name for user, name in User.objects.filter(id__in=actors).values_list("id", "username")}


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None


def _line(row: AuditEntry, names: dict[str, str]) -> Line:
    body = json.loads(row.body)
    facts = tuple((name, _fact(value)) for name, value in body.items() if name not in _SHOWN_APART)
    who = names.get(row.actor or "") or row.actor or _(body.get("actor_kind", "") or "unknown")
    named = body.get("scope")
    return Line(
        entry=row,
        meaning=_(EVENTS[row.event]) if row.event in EVENTS else "",
        who=who,
        facts=facts,
        explains=row.event in _REQUESTS and bool(body.get("cells")) and "roles" in body,
        conversations=tuple(one for one in named if _uuid(one)) if isinstance(named, list) else (),
    )


def _fact(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return spelled(text)
