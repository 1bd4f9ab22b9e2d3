"""Acts on policies: check what is typed, draft a policy or a version, try it on recorded requests, ask a second person."""

from collections import Counter
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.access import policies
from governance.access.errors import PolicyInvalid
from governance.access.models import AccessPolicy
from governance.access.rules import validate
from governance.console.acting import Sheet, act, done
from governance.console.forms import NothingToSay, ReasonField
from governance.console.gates import choices_of, current_time
from governance.console.people import names_of
from governance.console.policy_forms import BY_FORM, DraftForm, DryRunForm, VersionForm, WritingForm, filled_from
from governance.console.policy_words import said_of_text
from governance.console.words import Status
from governance.identity.principals import Principal
from governance.vault.explaining import try_draft
from governance.web.explanations import told
from governance.web.limits import LimiterAway, TooMany, count
from governance.web.statuses import status_of

CHECKS_A_MINUTE: Final = 120
_SHOWN_CHANGES: Final = 200
_KINDS: Final[dict[str, Status]] = {
    "newly_allowed": Status(gettext_lazy("Newly allowed"), "lock_open", "warn"),
    "newly_refused": Status(gettext_lazy("Newly refused"), "block", "bad"),
    "view_changed": Status(gettext_lazy("Other masks"), "visibility", "warn"),
}
_OUTCOMES: Final[dict[str, Promise]] = {
    "allowed": gettext_lazy("allowed"),
    "refused": gettext_lazy("refused"),
    "redacted": gettext_lazy("redacted view"),
    "source": gettext_lazy("source"),
}


class AskForm(NothingToSay):
    """Why a second person is asked."""

    reason = ReasonField()


@act(action="manage_policies", no_event="It checks what somebody types and keeps nothing of it.")
def check(request: HttpRequest, principal: Principal, given: dict[str, Any]) -> HttpResponseBase:
    """Judge a policy while it is typed: a part of the page on which it is drafted. Nothing is stored."""
    try:
        count("policy-check", str(principal.user_id), most=CHECKS_A_MINUTE, seconds=60)
    except (TooMany, LimiterAway) as refusal:
        return render(
            request, "console/policy_check.html", {"fault": told(refusal.code, str(refusal))}, status=status_of(refusal.code)
        )
    return render(request, "console/policy_check.html", checked(WritingForm(request.POST), request.POST.get("name", "")))


def checked(form: WritingForm, name: str) -> dict[str, Any]:
    """Return what the part of the page shows of a form: what is wrong, or the Cedar and what it says."""
    if not form.is_valid():
        field, faults = next(iter(form.errors.items()))
        return {"fault": f"{form.fields[field].label}: {faults[0]}"}
    try:
        cedar = form.written(name)
    except PolicyInvalid as fault:
        return {"fault": told(fault.code, str(fault))}
    shown = {"cedar": cedar, "by_form": form.cleaned_data["writing"] == BY_FORM}
    try:
        validate(cedar)
    except PolicyInvalid as fault:
        return {"fault": told(fault.code, str(fault)), **shown}
    return {"said": said_of_text(name, cedar), "good": True, **shown}


def _new_sheet(request: HttpRequest, principal: Principal) -> Sheet:
    return Sheet(
        title=_("Draft a policy"),
        button=_("Keep the draft"),
        back=reverse("console:policies"),
        lead=_("A draft decides nothing. It takes force when a second person has agreed."),
        template="console/policy_draft.html",
        more=_more(principal),
    )


def _more(principal: Principal, **more: Any) -> dict[str, Any]:
    """Return what the page of a draft needs beside its form: the names that it offers."""
    found = choices_of(principal)
    return {"all_purposes": [one.code for one in found["purposes"]], "all_collections": found["collections"], **more}


@act(
    action="manage_policies", events=("policy.drafted",), form=DraftForm, factor_for="manage_policies", sheet=_new_sheet
)  # fmt: skip
def draft(request: HttpRequest, principal: Principal, given: dict[str, Any]) -> HttpResponseBase:
    """Keep a new policy as a draft."""
    return _keep(request, principal, DraftForm(request.POST), given["name"])


def _keep(request: HttpRequest, principal: Principal, form: VersionForm, name: str) -> HttpResponseBase:
    form.full_clean()
    row = policies.draft(
        principal=principal, name=name, cedar=form.written(name), reason=form.cleaned_data["reason"], now=current_time()
    )
    said = _("Version %(number)s of %(name)s is drafted. It decides nothing yet: look at what it changes, then ask.")
    return done(request, said % {"number": row.version, "name": row.name}, _page_of(row.id))


def _page_of(policy_id: UUID) -> str:
    return reverse("console:policy", args=[policy_id])


def _row(principal: Principal, policy_id: UUID) -> AccessPolicy:
    return policies.policy(principal=principal, policy_id=policy_id, now=current_time())


def _version_sheet(request: HttpRequest, principal: Principal, policy_id: UUID) -> Sheet:
    row = _row(principal, policy_id)
    return Sheet(
        title=_("A new version of %(name)s") % {"name": row.name},
        button=_("Keep the draft"),
        back=_page_of(policy_id),
        lead=_("It begins as version %(number)s says it, which stays as it is.") % {"number": row.version},
        initial=filled_from(row.name, row.cedar),
        template="console/policy_draft.html",
        more=_more(principal, policy_name=row.name),
    )


@act(
    action="manage_policies", events=("policy.drafted",), form=VersionForm, factor_for="manage_policies",
    sheet=_version_sheet,
)  # fmt: skip
def version(request: HttpRequest, principal: Principal, given: dict[str, Any], policy_id: UUID) -> HttpResponseBase:
    """Keep a new version of a policy as a draft."""
    return _keep(request, principal, VersionForm(request.POST), _row(principal, policy_id).name)


@act(events=("access.explained",), form=DryRunForm)
def dry_run(request: HttpRequest, principal: Principal, given: dict[str, Any], policy_id: UUID) -> HttpResponseBase:
    """Decide the last recorded requests again as if the version were in force, and show which it would decide otherwise."""
    row = _row(principal, policy_id)
    found = try_draft(principal=principal, policy_id=policy_id, last=given["last"], now=current_time())
    names = names_of(one.actor for one in found.changes[:_SHOWN_CHANGES])
    totals = Counter(one.kind for one in found.changes)
    context = {
        "title": _("What version %(number)s of %(name)s would change") % {"number": row.version, "name": row.name},
        "row": row,
        "found": found,
        "totals": [(status, totals[kind]) for kind, status in _KINDS.items()],
        "lines": [
            {"one": one, "status": _KINDS[one.kind], "who": names.get(one.actor, str(one.actor)),
             "before": _OUTCOMES.get(one.before, one.before), "after": _OUTCOMES.get(one.after, one.after)}
            for one in found.changes[:_SHOWN_CHANGES]
        ],
        "more": max(0, len(found.changes) - _SHOWN_CHANGES),
    }  # fmt: skip
    return render(request, "console/dry_run.html", context)


def _ask_sheet(request: HttpRequest, principal: Principal, policy_id: UUID) -> Sheet:
    row = _row(principal, policy_id)
    retires = row.state == AccessPolicy.State.ACTIVE
    title = _("Ask to take %(name)s out of force") if retires else _("Ask to put %(name)s in force")
    lead = (
        _("What it forbids is then decided by the other policies alone, and what only it permits is refused.")
        if retires
        else _("It then decides in place of the version before it, and every open grant of the tenant ends.")
    )
    return Sheet(
        title=title % {"name": row.name},
        button=_("Ask a second person"),
        back=_page_of(policy_id),
        lead=lead,
        facts=[(_("Policy"), row.name), (_("Version"), str(row.version)), (_("Reason of the draft"), row.reason or "–")],
        grave=True,
    )


@act(
    action="manage_policies", events=("approval.asked",), form=AskForm, factor_for="manage_policies", sheet=_ask_sheet
)  # fmt: skip
def ask(request: HttpRequest, principal: Principal, given: dict[str, Any], policy_id: UUID) -> HttpResponseBase:
    """Ask a second person: to put a draft in force, or to take an active version out of it."""
    retires = _row(principal, policy_id).state == AccessPolicy.State.ACTIVE
    ask_for = policies.ask_retirement if retires else policies.ask_activation
    asked = ask_for(principal=principal, policy_id=policy_id, reason=given["reason"], now=current_time())
    return done(request, _("You asked. A second person decides; it waits in the approvals."), _approval_page(asked))


def _approval_page(approval_id: UUID) -> str:
    return reverse("console:approval", args=[approval_id])
