"""Acts on detection profiles: check what is typed, draft one or a version, try it, put it in force, ask a second person."""

import json
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from governance.console.acting import Sheet, act, done
from governance.console.forms import first_fault
from governance.console.gates import current_time, error_page
from governance.console.inert import plain
from governance.console.marks import said_by
from governance.console.profile_forms import (
    ActivateForm,
    AskForm,
    DraftForm,
    SettingsForm,
    TryForm,
    VersionForm,
    filled_from,
)
from governance.console.profile_words import ProfileLine, lines_of, weakening
from governance.console.profiles import scopes_without_a_profile
from governance.console.words import kind_word
from governance.identity.principals import Principal
from governance.privacy import profiling
from governance.privacy.detecting import DetectionInputError
from governance.web.explanations import told
from governance.web.limits import LimiterAway, TooMany, count
from governance.web.statuses import status_of

RIGHT: Final = profiling.ACTION
CHECKS_A_MINUTE: Final = 120
TRIES_A_MINUTE: Final = 30


@act(action=RIGHT, no_event="It checks what somebody types and keeps nothing of it.")
def check(request: HttpRequest, principal: Principal, given: dict[str, Any]) -> HttpResponseBase:
    """Judge settings while they are typed: a part of the page on which they are drafted. Nothing is stored."""
    try:
        count("profile-check", str(principal.user_id), most=CHECKS_A_MINUTE, seconds=60)
    except (TooMany, LimiterAway) as refusal:
        context = {"faults": [told(refusal.code, str(refusal))]}
        return render(request, "console/profile_check.html", context, status=status_of(refusal.code))
    return render(request, "console/profile_check.html", checked(SettingsForm(request.POST)))


def checked(form: SettingsForm) -> dict[str, Any]:
    """Return what the part of the page shows of a form: what is wrong and where, or the settings in JSON."""
    if not form.is_valid():
        return {"faults": form.non_field_errors() or [first_fault(form)]}
    return {"written": json.dumps(form.cleaned_data["settings"], ensure_ascii=False, indent=2)}


def _draft_sheet(request: HttpRequest, principal: Principal) -> Sheet:
    lines = lines_of(principal.tenant_id, profiling.profiles_of(principal=principal, now=current_time()))
    return Sheet(
        title=_("Draft a detection profile"),
        button=_("Keep the draft"),
        back=reverse("console:profiles"),
        lead=_(
            "A draft masks nothing. What masks or protects less than before takes force when a second person has agreed."
        ),
        template="console/profile_draft.html",
        more={"scopes": scopes_without_a_profile(principal, lines)},
    )


@act(action=RIGHT, events=("profile.drafted",), form=DraftForm, factor_for=RIGHT, sheet=_draft_sheet)
def draft(request: HttpRequest, principal: Principal, given: dict[str, Any]) -> HttpResponseBase:
    """Keep a new profile as a draft."""
    return _keep(request, principal, given, given["collection"])


def _keep(
    request: HttpRequest, principal: Principal, given: dict[str, Any], collection: UUID | None
) -> HttpResponseBase:  # fmt: skip
    row, _found = profiling.draft(
        principal=principal, settings=given["settings"], collection_id=collection, reason=given["reason"], now=current_time()
    )
    said = _("Version %(number)s is drafted. It masks nothing yet: look at what it changes, and try it.")
    return done(request, said % {"number": row.version}, _page_of(row.id))


def _page_of(profile_id: UUID) -> str:
    return reverse("console:profile", args=[profile_id])


def _line(principal: Principal, profile_id: UUID) -> ProfileLine:
    shown = profiling.profile(principal=principal, profile_id=profile_id, now=current_time())
    return lines_of(principal.tenant_id, [shown])[0]


def _version_sheet(request: HttpRequest, principal: Principal, profile_id: UUID) -> Sheet:
    line = _line(principal, profile_id)
    return Sheet(
        title=_("A new version for %(scope)s") % {"scope": line.scope},
        button=_("Keep the draft"),
        back=_page_of(profile_id),
        lead=_("It begins as version %(number)s says it, which stays as it is.") % {"number": line.shown.version},
        initial=filled_from(line.shown.settings or {}),
        template="console/profile_draft.html",
    )


@act(action=RIGHT, events=("profile.drafted",), form=VersionForm, factor_for=RIGHT, sheet=_version_sheet)
def version(request: HttpRequest, principal: Principal, given: dict[str, Any], profile_id: UUID) -> HttpResponseBase:
    """Keep a new version of a profile as a draft."""
    return _keep(request, principal, given, _line(principal, profile_id).shown.collection)


@act(no_event="It scans what somebody types and keeps nothing of it.", form=TryForm)
def try_out(request: HttpRequest, principal: Principal, given: dict[str, Any], profile_id: UUID) -> HttpResponseBase:
    """Scan a text that is typed here under one version, and show what it finds; the text is kept nowhere."""
    line = _line(principal, profile_id)
    try:
        count("profile-try", str(principal.user_id), most=TRIES_A_MINUTE, seconds=60)
        found = profiling.try_out(principal=principal, profile_id=profile_id, item=given["text"], now=current_time())
    except (TooMany, LimiterAway, DetectionInputError) as refusal:
        return error_page(request, refusal.code, str(refusal))
    context = {
        "title": _("What version %(number)s finds") % {"number": line.shown.version},
        "line": line,
        "findings": [
            {"place": one, "kind": kind_word(str(one.type)), "by": said_by(one.rule, str(one.tier))}
            for one in found.findings
        ],
        "redacted": plain(str(found.redacted)),
    }
    return render(request, "console/profile_tried.html", context)


def _facts(line: ProfileLine) -> list[tuple[str, str]]:
    shown = line.shown
    return [
        (_("Applies to"), line.scope),
        (_("Version"), str(shown.version)),
        (_("Reason of the draft"), shown.reason or "–"),
    ]


def _activate_sheet(request: HttpRequest, principal: Principal, profile_id: UUID) -> Sheet:
    line = _line(principal, profile_id)
    return Sheet(
        title=_("Put version %(number)s in force") % {"number": line.shown.version},
        button=_("Put it in force"),
        back=_page_of(profile_id),
        lead=_("It takes the place of the version before it, and a job scans anew what was scanned under that one."),
        facts=_facts(line),
        tag=line.shown.tag,
        grave=True,
    )


@act(action=RIGHT, events=("profile.activated",), form=ActivateForm, factor_for=RIGHT, sheet=_activate_sheet)
def activate(request: HttpRequest, principal: Principal, given: dict[str, Any], profile_id: UUID) -> HttpResponseBase:
    """Put a draft in force that masks or protects no less than the version before it."""
    row, _job = profiling.activate(
        principal=principal, profile_id=profile_id, expected=given["expected"], now=current_time()
    )  # fmt: skip
    said = _("Version %(number)s is in force. A job scans anew what was scanned before.") % {"number": row.version}
    return done(request, said, _page_of(profile_id))


def _ask_sheet(request: HttpRequest, principal: Principal, profile_id: UUID) -> Sheet:
    line = _line(principal, profile_id)
    found = profiling.compare(principal=principal, profile_id=profile_id, now=current_time())
    less = [(_("Masks or protects less"), weakening(way)) for way in found.weakens]
    return Sheet(
        title=_("Ask to put version %(number)s in force") % {"number": line.shown.version},
        button=_("Ask a second person"),
        back=_page_of(profile_id),
        lead=_("A second person reads what changes and agrees; then it is carried out, and a job scans anew."),
        facts=[*_facts(line), *less],
        grave=True,
    )


@act(action=RIGHT, events=("approval.asked",), form=AskForm, factor_for=RIGHT, sheet=_ask_sheet)
def ask(request: HttpRequest, principal: Principal, given: dict[str, Any], profile_id: UUID) -> HttpResponseBase:
    """Ask a second person to let a draft take force that masks or protects less."""
    asked = profiling.ask_activation(
        principal=principal, profile_id=profile_id, reason=given["reason"], now=current_time()
    )  # fmt: skip
    said = _("You asked. A second person decides; it waits in the approvals.")
    return done(request, said, reverse("console:approval", args=[asked]))
