"""Keys to look at: the hierarchy, one ring, one version, the providers. Acts on them stand in modules of their own."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from governance.conf.settings import vault_settings
from governance.console.gates import current_time, open_actions, page
from governance.console.hierarchy import (
    RingLine,
    VersionLine,
    age_of,
    branches,
    provider_names,
    ring_lines,
    version_line,
)
from governance.console.jobs import JobLine, open_jobs
from governance.console.people import names_of
from governance.console.words import DOWN, VERSION_STATES, WORKS, Status, span
from governance.custody import showing
from governance.identity.principals import Principal
from governance.keys.errors import ProviderFailed
from governance.keys.listing import Shown, Step
from governance.keys.providers import ask_all, listed_uris, provider
from governance.keys.states import FOLLOWS, State

LOOK: Final = ("manage_keys", "read_audit")
REENCRYPTED: Final = ("content", "redacted", "index")


@dataclass(frozen=True, slots=True)
class ProviderLine:
    """A provider as its page shows it."""

    name: str
    place: str
    status: Status
    fault: str
    is_root: bool
    versions: tuple[VersionLine, ...]


@dataclass(frozen=True, slots=True)
class StepLine:
    """A change of state as the version's page shows it; `before` is None where the version was made."""

    step: Step
    before: Status | None
    after: Status
    who: str


@require_GET
@page(any_of=LOOK)
def keys(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show the hierarchy: what wraps what, from the root key down to the data keys."""
    rings = rings_of(principal)
    context = {"title": _("Keys"), "rings": rings, "branches": branches(rings), "may_act": _may_act(request)}
    return render(request, "console/keys.html", context)


@require_GET
@page(any_of=LOOK)
def ring(request: HttpRequest, principal: Principal, ring_id: UUID) -> HttpResponseBase:
    """Show one ring: its versions, how many data keys are not where they should be, and what works on it now."""
    line = ring_line(principal, ring_id)
    use = line.shown.use
    context: dict[str, Any] = {"title": _("Keys: %(use)s") % {"use": line.use}, "ring": line, "may_act": _may_act(request)}
    context |= {"reencrypted": use in REENCRYPTED, "due": _rotation_due(line), "jobs": _jobs_of(request, principal, use)}
    return render(request, "console/ring.html", context)


@require_GET
@page(any_of=LOOK)
def version(request: HttpRequest, principal: Principal, version_id: UUID) -> HttpResponseBase:
    """Show one version: its state and how it came to it, and what may be done with it; each act says what it touches."""
    now = current_time()
    shown, steps = showing.version_for(principal=principal, version_id=version_id, now=now)
    line, may_act = version_line(shown, provider_names()), _may_act(request)
    of_use = [one for one in showing.rings_for(principal=principal, now=now) if one.use == shown.use]
    context: dict[str, Any] = {"title": line.name, "line": line, "may_act": may_act, "ring_id": of_use[0].id}
    context |= {"steps": _step_lines(steps), "age": span(age_of(shown, now)), "acts": acts_of(shown) if may_act else ()}
    return render(request, "console/version.html", context)


@require_GET
@page(any_of=LOOK)
def providers(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show the listed key providers, whether they work now, and which versions name them."""
    names, root = provider_names(), vault_settings().root_key_uri
    shown = showing.versions_for(principal=principal, now=current_time())
    of_uri: dict[str, list[VersionLine]] = {}
    for one in shown:
        if one.state != State.DESTROYED:
            of_uri.setdefault(one.provider, []).append(version_line(one, names))
    faults = ask_all()
    lines = [_provider_line(uri, names[uri], faults[uri], uri == root, of_uri.pop(uri, [])) for uri in listed_uris()]
    strays = [one for versions in of_uri.values() for one in versions]
    context = {"title": _("Key providers"), "providers": lines, "strays": strays}
    return render(request, "console/providers.html", context)


def rings_of(principal: Principal) -> list[RingLine]:
    """Return the tenant's rings with their versions. Raises AccessDenied (recorded)."""
    now = current_time()
    return ring_lines(showing.rings_for(principal=principal, now=now), showing.versions_for(principal=principal, now=now))


def ring_line(principal: Principal, ring_id: UUID) -> RingLine:
    """Return one ring with its versions. Raises AccessDenied (recorded), UnknownKey."""
    now = current_time()
    shown = showing.ring_for(principal=principal, ring_id=ring_id, now=now)
    return ring_lines([shown], showing.versions_for(principal=principal, now=now, use=shown.use))[0]


def acts_of(shown: Shown) -> tuple[str, ...]:
    """Return the acts that the state of a version allows, the gravest last."""
    follows = FOLLOWS[shown.state]
    allowed = {
        "cancel": shown.destroy_at is not None,
        "resume": shown.state == State.SUSPENDED,
        "suspend": State.SUSPENDED in follows,
        "deactivate": State.DEACTIVATED in follows,
        "compromise": State.COMPROMISED in follows,
        "ask-destroy": State.DESTROYED in follows and shown.destroy_at is None and not shown.data_keys,
    }
    return tuple(name for name, open_now in allowed.items() if open_now)


def _may_act(request: HttpRequest) -> bool:
    return "manage_keys" in open_actions(request)


def _jobs_of(request: HttpRequest, principal: Principal, use: str) -> list[JobLine]:
    if "manage_jobs" not in open_actions(request):
        return []
    topics = {"reindex"} if use == "index" else set()
    return [one for one in open_jobs(principal) if one.shown.use == use or one.shown.topic in topics]


def _rotation_due(line: RingLine) -> datetime | None:
    """Return when the active version is old enough to be replaced by itself; None where age replaces none."""
    days, active = vault_settings().key_days, line.active
    since = active.shown.activated_at if active else None
    return since + timedelta(days=days) if since and days else None


def _step_lines(steps: list[Step]) -> list[StepLine]:
    names = names_of(step.actor for step in steps)
    return [
        StepLine(
            step,
            VERSION_STATES.get(step.before),
            VERSION_STATES[step.after],
            names.get(step.actor, str(step.actor)) if step.actor else _("nobody, by itself"),
        )
        for step in steps
    ]


def _provider_line(
    uri: str, name: str, fault: ProviderFailed | None, is_root: bool, versions: list[VersionLine]
) -> ProviderLine:
    try:
        place = provider(uri).describe()
    except ProviderFailed:
        place = ""
    return ProviderLine(name, place, DOWN if fault else WORKS, str(fault or ""), is_root, tuple(versions))
