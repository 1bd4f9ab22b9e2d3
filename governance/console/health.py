"""Health for people: what /healthz says in one word each, and how far the record, the workers and the keys are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from governance.audit.attesting import Delivery, attestation, deliveries
from governance.audit.models import AuditEntry, Checkpoint
from governance.console.cards import bounded
from governance.console.gates import current_time, page
from governance.console.hierarchy import provider_names
from governance.console.words import DOWN, LATE, WORKS, Status, attested, span
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.keys.providers import ask_all
from governance.pipeline import heartbeat
from governance.pipeline.measuring import open_jobs
from governance.vault import counting
from governance.web import probes

LOOK: Final = ("manage_jobs", "read_audit")
_WORDS: Final = {
    "ok": WORKS,
    "down": DOWN,
    "late": LATE,
    "none": Status(gettext_lazy("No sign of life"), "heart_broken", "bad"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the installation: its name, how it is, what that means for people, and what helps where it is not well."""

    name: str
    status: Status
    says: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Trail:
    """How far the record of the tenant is; numbers are 0 and times None where there is nothing yet."""

    newest: int
    signed: int
    signed_at: datetime | None
    attestation: str
    sinks: list[Delivery]

    @property
    def unsigned(self) -> int:
        """How many entries stand after the last signed head."""
        return self.newest - self.signed


@require_GET
@page(any_of=LOOK)
def health(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show how each part of the installation is, and what waits for workers."""
    with tenant_scope(principal.tenant_id):
        found, jobs = counting.backlog(), open_jobs()
    waits = None if found.since is None else (current_time() - found.since).total_seconds()
    context = {
        "title": _("Health"),
        "parts": [*_parts(), *_providers()],
        "trail": _trail(principal.tenant_id),
        "pending": found.waiting.number,
        "waiting": bounded(found.waiting),
        "oldest": span(waits),
        "aside": found.quarantined.number,
        "set_aside": bounded(found.quarantined),
        "jobs": sum(number for _topic, _state, number in jobs),
    }
    return render(request, "console/health.html", context)


def _parts() -> list[Part]:
    since = heartbeat.age()
    last = _("The last sign of life was %(time)s ago.") % {"time": span(since)} if since is not None else ""
    return [
        Part(_("Database"), _WORDS[probes.database()], _("Keeps everything; without it nothing goes on.")),
        Part(
            _("Broker"), _WORDS[probes.broker()], _("Rings for workers and counts tries; nothing is lost without it."),
            _("The schedule rings again by itself once it answers."),
        ),
        Part(
            _("Workers"), _WORDS[probes.worker()], last or _("Detect, redact and do long work."),
            _("Chats are taken in and wait meanwhile. Start workers and schedule: make run, or the units of your machine."),
        ),
        Part(
            _("Record"), _WORDS[probes.audit()], _("Nothing is read where nothing can be recorded."),
            _("A standby only reads: promote it, or point the application at the primary."),
        ),
    ]  # fmt: skip


def _providers() -> list[Part]:
    names = provider_names()
    return [
        Part(
            _("Key provider: %(name)s") % {"name": names[uri]}, DOWN if fault else WORKS,
            str(fault or _("Wraps and unwraps key versions.")), _("manage.py providers list says more."),
        )
        for uri, fault in ask_all().items()
    ]  # fmt: skip


def _trail(tenant: UUID) -> Trail:
    with tenant_scope(tenant):
        newest = AuditEntry.objects.filter(tenant_id=tenant).order_by("-sequence").values_list("sequence", flat=True).first()
        head = Checkpoint.objects.filter(tenant_id=tenant).order_by("-sequence").values_list("sequence", "signed_at").first()
        sequence, at = head or (0, None)
        return Trail(newest or 0, sequence, at, attested(attestation(tenant=tenant)), deliveries(tenant=tenant))
