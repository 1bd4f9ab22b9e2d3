"""The one way for a page to act. What it guarantees:

- only a POST that carries the token of its form acts; a GET shows the form, where the act has one, and changes nothing;
- the person is a member, and policies allow the action before the form is looked at (an act without `action` names none:
  the domain call decides by the row that it is about);
- the form is whole, what must be typed was typed, and a second factor is fresh where the act demands one;
- the act names the events that it leaves on the record, or says why it leaves none; a test holds every act to its word;
- what the domain refuses is said above the form, which shows how things are by then.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from governance.access.errors import AccessDenied
from governance.audit.events import EVENTS
from governance.console.factors import AskAgain, factor_context, show_factor
from governance.console.forms import NothingToSay, first_fault
from governance.console.gates import REFUSALS, Page, error_page, page
from governance.identity.principals import NotAMember, Principal
from governance.web.explanations import told
from governance.web.sessions import principal_of
from governance.web.statuses import status_of

_GONE: Final = 404


class UndeclaredAct(TypeError):
    """An act does not say what it leaves on the record, or has no form where it needs one; a fault of the program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The page on which a person decides about an act.

    `lead` says what will happen, `facts` what it touches, `button` names the act; a `grave` one is red and never the
    default. `tag` stands for the state that is shown, `typed` is what must be typed, `initial` fills the form.
    """

    title: str
    button: str
    back: str
    lead: str = ""
    facts: Sequence[tuple[str, str]] = ()
    warning: str = ""
    grave: bool = False
    tag: str = ""
    typed: str = ""
    initial: dict[str, Any] = field(default_factory=dict)
    template: str = "console/act.html"
    more: dict[str, Any] = field(default_factory=dict)


Showing = Callable[..., Sheet]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What an act declares. `factor_for` is the action under which a wrong code is recorded; empty: no factor is asked."""

    events: tuple[str, ...] = ()
    no_event: str = ""
    action: str = ""
    form: type[forms.Form] = NothingToSay
    factor_for: str = ""
    sheet: Showing | None = None
    asks: bool = True

    @property
    def shows(self) -> bool:
        """Whether a GET shows the form; else it is refused."""
        return self.asks and self.sheet is not None

    def check(self) -> None:
        """Raise UndeclaredAct where the declaration does not hold together."""
        if bool(self.events) == bool(self.no_event):
            raise UndeclaredAct("An act names the events that it leaves, or says why it leaves none.")
        if unknown := set(self.events) - EVENTS.keys():
            raise UndeclaredAct(f"There is no event {', '.join(sorted(unknown))}.")
        if self.sheet is None and (self.factor_for or "typed" in self.form.base_fields):
            raise UndeclaredAct("An act that asks for something has a sheet to ask on.")


def act(**declared: Any) -> Callable[[Page], Page]:
    """Wrap what acts: `view(request, principal, given, **ids)` is called with the checked form's values.

    The keywords are those of Act. With `asks=False` a GET is refused. Raises UndeclaredAct when the module is loaded.
    """
    spec = Act(**declared)
    spec.check()

    def wrap(view: Page) -> Page:
        @page(action=spec.action)
        @wraps(view)
        def inner(request: HttpRequest, principal: Principal, **ids: Any) -> HttpResponseBase:
            if request.method == "POST":
                return _run(spec, view, request, principal, ids)
            return _ask(spec, request, principal, ids, form=None)

        guarded: Any = require_http_methods(["GET", "POST"] if spec.shows else ["POST"])(inner)
        guarded.threadvault_act = spec
        return guarded  # type: ignore[no-any-return]

    return wrap


def done(request: HttpRequest, text: str, to: str) -> HttpResponseBase:
    """Say that an act is done and lead on to the address `to`, which a browser fetches by GET (RFC 9110, section 15.4.4)."""
    messages.success(request, text)
    return _SeeOther(to)


class _SeeOther(HttpResponseRedirect):
    status_code = 303


def _run(spec: Act, view: Page, request: HttpRequest, principal: Principal, ids: dict[str, Any]) -> HttpResponseBase:
    form = spec.form(request.POST)
    try:
        given = _given(form)
        _check_typed(spec, given, request, principal, ids)
        if spec.factor_for:
            purpose, scope = str(given.get("purpose", "")), [str(value) for value in ids.values()]
            show_factor(request, principal, action=spec.factor_for, purpose=purpose, scope=scope)
    except AskAgain as problem:
        return _ask(spec, request, principal, ids, form=form, problem=str(problem), status=problem.status)
    if not spec.asks:
        return view(request, principal_of(request), given, **ids)
    try:
        return view(request, principal_of(request), given, **ids)
    except REFUSALS as refusal:
        status = status_of(refusal.code)
        if status == _GONE or isinstance(refusal, AccessDenied | NotAMember):
            raise
        return _ask(
            spec,
            request,
            principal,
            ids,
            form=form,
            problem=told(refusal.code, str(refusal)),
            code=refusal.code,
            status=status,
        )


def _given(form: forms.Form) -> dict[str, Any]:
    if not form.is_valid():
        raise AskAgain(first_fault(form), 400)
    return form.cleaned_data


def _check_typed(spec: Act, given: dict[str, Any], request: HttpRequest, principal: Principal, ids: dict[str, Any]) -> None:
    if "typed" in given and spec.sheet is not None:
        wanted = spec.sheet(request, principal, **ids).typed
        if given["typed"] != wanted:
            raise AskAgain(_("Type %(wanted)s, exactly as it is written.") % {"wanted": wanted}, 400)


def _ask(
    spec: Act, request: HttpRequest, principal: Principal, ids: dict[str, Any], *, form: forms.Form | None,
    problem: str = "", code: str = "", status: int = 200,
) -> HttpResponseBase:  # fmt: skip
    """Show the form, with what was wrong with the last one; what must be typed is typed anew."""
    if spec.sheet is None:
        return error_page(request, code or "field.value", problem)
    sheet = spec.sheet(request, principal, **ids)
    shown = form or spec.form(initial=sheet.initial)
    context = {
        "title": sheet.title, "sheet": sheet, "form": shown, "problem": problem, "code": code,
        "needs_factor": bool(spec.factor_for), "factor_next": request.path, **sheet.more,
    }  # fmt: skip
    factor = factor_context(request) if spec.factor_for else {}
    return render(request, sheet.template, context | factor, status=status)
