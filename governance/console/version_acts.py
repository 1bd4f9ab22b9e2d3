"""Acts on a version: suspend, resume, deactivate, compromise; ask for its destruction, and take it out of its waiting."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.console.acting import Sheet, act, done
from governance.console.forms import DestroyForm, ReasonForm, TypedForm
from governance.console.gates import Page, current_time
from governance.console.hierarchy import name_of, provider_names, version_line
from governance.console.words import VERSION_STATES, counted
from governance.custody import destroying, showing
from governance.custody.changing import change_version
from governance.custody.planning import blast_radius
from governance.identity.principals import Principal
from governance.keys.listing import Shown
from governance.keys.states import FOLLOWS, State

_CALLED_BACK = gettext_lazy("Suspend it instead where you are in doubt: that can be taken back.")


def _shown(principal: Principal, version_id: UUID) -> Shown:
    return showing.version_for(principal=principal, version_id=version_id, now=current_time())[0]


def _back(version_id: UUID) -> str:
    return reverse("console:version", args=[version_id])


def _facts(shown: Shown) -> list[tuple[str, str]]:
    line = version_line(shown, provider_names())
    return [
        (_("Version"), line.name),
        (_("State"), str(line.status.word)),
        (_("Live data keys that it wraps"), counted(shown.data_keys)),
        (_("Root key"), line.provider),
    ]


def _radius_facts(principal: Principal, version_id: UUID) -> list[tuple[str, str]]:
    found = blast_radius(principal=principal, version_id=version_id, now=current_time())
    return [
        (_("Conversations that need it"), counted(found.conversations)),
        (_("People who wrote in them"), counted(found.owners)),
        (_("Conversations under a legal hold"), counted(found.held)),
    ]


def _change(name: str, *, title: Any, button: Any, lead: Any, grave: bool = False, warning: Any = "") -> Page:
    """Return the page of one change of state; a grave one shows what hangs from the version and takes its name, typed."""

    def sheet(request: HttpRequest, principal: Principal, version_id: UUID) -> Sheet:
        shown = _shown(principal, version_id)
        typed = name_of(shown.use, shown.version)
        shown_warning = str(warning) if State.SUSPENDED in FOLLOWS[shown.state] else ""
        facts = _facts(shown) + (_radius_facts(principal, version_id) if grave else [])
        return Sheet(
            title=str(title) % {"name": typed}, button=str(button), back=_back(version_id), lead=str(lead), facts=facts,
            warning=shown_warning, grave=grave, tag=shown.tag, typed=typed if grave else "",
        )  # fmt: skip

    @act(
        action="manage_keys", events=("key.state_changed",), form=TypedForm if grave else ReasonForm,
        factor_for="manage_keys", sheet=sheet,
    )  # fmt: skip
    def change(request: HttpRequest, principal: Principal, given: dict[str, Any], version_id: UUID) -> HttpResponseBase:
        """Change the state of the version."""
        state = change_version(
            principal=principal, version_id=version_id, act=name, reason=given["reason"], expected=given["expected"],
            now=current_time(),
        )  # fmt: skip
        text = _("The version is %(state)s now.") % {"state": str(VERSION_STATES[state].word).lower()}
        return done(request, text, _back(version_id))

    return change


suspend = _change(
    "suspend",
    title=gettext_lazy("Suspend %(name)s"),
    button=gettext_lazy("Suspend"),
    lead=gettext_lazy(
        "What it wraps opens no more and open grants end, until it is resumed. While the active version of a ring is"
        " suspended, writers wait."
    ),
)
resume = _change(
    "resume",
    title=gettext_lazy("Resume %(name)s"),
    button=gettext_lazy("Resume"),
    lead=gettext_lazy(
        "What it wraps opens again. It becomes active again where the ring has no newer active version, and is deactivated"
        " otherwise."
    ),
)
deactivate = _change(
    "deactivate",
    title=gettext_lazy("Deactivate %(name)s"),
    button=gettext_lazy("Deactivate"),
    lead=gettext_lazy(
        "It seals no more and still opens. A ring whose active version goes gets a new one at the same moment, so writers go"
        " on. A deactivated version never becomes active again."
    ),
)
compromise = _change(
    "compromise",
    title=gettext_lazy("Call %(name)s compromised"),
    button=gettext_lazy("Call it compromised"),
    lead=gettext_lazy(
        "Others may know it: what it wraps opens for break-glass only and open grants end. A ring whose active version goes"
        " gets a new one at the same moment. A rewrap then brings its data keys, and readers, back; a re-encryption makes"
        " what was stolen worthless. It cannot be taken back."
    ),
    warning=_CALLED_BACK,
    grave=True,
)


def _destroy_sheet(request: HttpRequest, principal: Principal, version_id: UUID) -> Sheet:
    shown = _shown(principal, version_id)
    name = name_of(shown.use, shown.version)
    return Sheet(
        title=_("Destroy %(name)s") % {"name": name},
        button=_("Ask to destroy %(name)s for ever") % {"name": name},
        back=_back(version_id),
        lead=_(
            "A second person agrees, one of you begins the waiting, and after it the version is destroyed for ever, where it"
            " still wraps nothing. Until then any one officer cancels it."
        ),
        facts=_facts(shown) + _radius_facts(principal, version_id),
        warning=_("Rows that somebody kept a copy of, wrapped under it, open no more in this vault."),
        grave=True,
        typed=name,
    )


@act(action="manage_keys", events=("approval.asked",), form=DestroyForm, factor_for="manage_keys", sheet=_destroy_sheet)
def ask_destroy(request: HttpRequest, principal: Principal, given: dict[str, Any], version_id: UUID) -> HttpResponseBase:
    """Ask a second person for the destruction of a version that wraps nothing."""
    asked = destroying.ask_destroy(
        principal=principal, version_id=version_id, days=given["days"], reason=given["reason"], now=current_time()
    )
    return done(request, _("A second person is asked."), reverse("console:approval", args=[asked]))


def _cancel_sheet(request: HttpRequest, principal: Principal, version_id: UUID) -> Sheet:
    shown = _shown(principal, version_id)
    return Sheet(
        title=_("Keep %(name)s") % {"name": name_of(shown.use, shown.version)},
        button=_("Cancel the destruction"),
        back=_back(version_id),
        lead=_("The version leaves its waiting and stays as it is. Destroying it later takes two people anew."),
        facts=_facts(shown),
        tag=shown.tag,
    )


@act(action="manage_keys", events=("key.destroy_cancelled",), form=ReasonForm, factor_for="manage_keys", sheet=_cancel_sheet)
def cancel_destroy(request: HttpRequest, principal: Principal, given: dict[str, Any], version_id: UUID) -> HttpResponseBase:
    """Take the version out of its waiting."""
    destroying.cancel_destroy(
        principal=principal, version_id=version_id, reason=given["reason"], expected=given["expected"], now=current_time()
    )
    return done(request, _("The destruction is cancelled."), _back(version_id))
