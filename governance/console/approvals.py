"""Four eyes: what waits for a second person, what one asked for, and the acts on it: agree, refuse, withdraw, carry out."""

from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from governance.access import seconding
from governance.approvals.asking import ApprovalRefused
from governance.console.acting import Sheet, Showing, act, done
from governance.console.carrying_out import ELSEWHERE, EVENTS, carry, is_here, may_carry
from governance.console.gates import Page, current_time, open_actions, page
from governance.console.inert import spelled
from governance.console.proposals import proposal_of
from governance.console.subjects import Subject, details_of, meaning_of, subjects_of
from governance.console.words import APPROVAL_STATES, Status
from governance.identity.principals import Principal

WAITS: Final = ("asked", "seconded")


@dataclass(frozen=True, slots=True)
class ApprovalLine:
    """An approval as pages show it to one person; `mine` says that this person asked for it."""

    shown: seconding.Shown
    meaning: str
    subject: Subject
    details: tuple[tuple[str, str], ...]
    status: Status
    mine: bool
    here: bool
    elsewhere: str
    carries: bool

    @property
    def acts(self) -> tuple[str, ...]:
        """What this person may do with it; an act that is carried out elsewhere is not among them."""
        state = self.shown.state
        if state not in WAITS:
            return ()
        decide = ("agree", "refuse") if state == "asked" and not self.mine else ()
        carry_out = ("carry-out",) if state == "seconded" and self.here and self.carries else ()
        return (*carry_out, *decide, *(("withdraw",) if self.mine else ()))


@require_GET
@page()
def inbox(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show what waits for this person, what two people agreed to, what this person asked for, and what is over."""
    lines = _lines(request, principal, seconding.approvals_for(principal=principal, now=current_time()))
    to_decide = [one for one in lines if one.shown.state == "asked" and not one.mine]
    agreed = [one for one in lines if one.shown.state == "seconded"]
    asked = [one for one in lines if one.shown.state == "asked" and one.mine]
    over = [one for one in lines if one.shown.state not in WAITS]
    context = {"title": _("Approvals"), "to_decide": to_decide, "agreed": agreed, "asked": asked, "over": over}
    return render(request, "console/approvals.html", context)


@require_GET
@page()
def approval(request: HttpRequest, principal: Principal, approval_id: UUID) -> HttpResponseBase:
    """Show one approval, with what exactly is asked."""
    line = _line(request, principal, approval_id)
    context = {"title": line.meaning, "one": line, "proposal": proposal_of(principal, line.shown, current_time())}
    return render(request, "console/approval.html", context)


def _lines(request: HttpRequest, principal: Principal, found: list[seconding.Shown]) -> list[ApprovalLine]:
    subjects = subjects_of(principal, ((one.act, one.subject_id) for one in found))
    name = request.user.get_username()
    opened = open_actions(request)
    return [
        ApprovalLine(
            shown=replace(one, reason=spelled(one.reason)),
            meaning=meaning_of(one.act),
            subject=subjects[one.subject_id],
            details=details_of(one.details),
            status=APPROVAL_STATES[one.state],
            mine=one.asker == name,
            here=is_here(one.act),
            elsewhere=ELSEWHERE.get(one.act, ""),
            carries=may_carry(one.act, opened),
        )
        for one in found
    ]


def _line(request: HttpRequest, principal: Principal, approval_id: UUID) -> ApprovalLine:
    found = seconding.approval(principal=principal, approval_id=approval_id, now=current_time())
    return _lines(request, principal, [found])[0]


def _sheet_for(words: dict[str, Any]) -> Showing:
    """Return what shows the page of one act on an approval."""

    def sheet(request: HttpRequest, principal: Principal, approval_id: UUID) -> Sheet:
        one = _line(request, principal, approval_id)
        facts = [
            (_("What is asked"), one.meaning),
            (_("Subject"), one.subject.name or str(one.shown.subject_id)),
            *one.details,
            (_("Reason"), one.shown.reason),
            (_("Asked by"), one.shown.asker),
        ]
        return Sheet(
            title=str(words["title"]), button=str(words["button"]), lead=str(words["lead"]), facts=facts,
            back=_back(approval_id), grave=words.get("grave", False),
            more={"proposal": proposal_of(principal, one.shown, current_time())},
        )  # fmt: skip

    return sheet


def _back(approval_id: UUID) -> str:
    return reverse("console:approval", args=[approval_id])


def _decision(*, agree: bool, event: str, **words: Any) -> Page:
    """Return the page on which a second person decides."""

    @act(events=(event,), factor_for="second", sheet=_sheet_for(words))
    def decide(request: HttpRequest, principal: Principal, given: dict[str, Any], approval_id: UUID) -> HttpResponseBase:
        """Agree or refuse, as a second person."""
        seconding.second(principal=principal, approval_id=approval_id, agree=agree, now=current_time())
        return done(request, str(words["said"]), _back(approval_id))

    return decide


agree = _decision(
    agree=True, event="approval.seconded",
    title=gettext_lazy("Agree, as the second person"), button=gettext_lazy("Agree"),
    said=gettext_lazy("You agreed. The act can be carried out now."), grave=True,
    lead=gettext_lazy("You and whoever asked answer for it together. The act is then carried out once, exactly as written."),
)  # fmt: skip
refuse = _decision(
    agree=False, event="approval.refused",
    title=gettext_lazy("Refuse, as the second person"), button=gettext_lazy("Refuse"),
    said=gettext_lazy("You refused."), lead=gettext_lazy("Nothing is done. The act can be asked for again."),
)  # fmt: skip


@act(
    events=("approval.withdrawn",),
    sheet=_sheet_for(
        {
            "title": gettext_lazy("Withdraw what you asked"),
            "button": gettext_lazy("Withdraw"),
            "lead": gettext_lazy("Nothing is done, even where a second person has agreed already."),
        }
    ),
)
def withdraw(request: HttpRequest, principal: Principal, given: dict[str, Any], approval_id: UUID) -> HttpResponseBase:
    """Take back what the person asked."""
    seconding.withdraw(principal=principal, approval_id=approval_id, now=current_time())
    return done(request, _("It is withdrawn."), _back(approval_id))


@act(
    events=EVENTS,
    factor_for="manage_keys",
    sheet=_sheet_for(
        {
            "title": gettext_lazy("Carry out what two people agreed to"),
            "button": gettext_lazy("Carry it out now"),
            "grave": True,
            "lead": gettext_lazy("It is done once, exactly as written here."),
        }
    ),
)
def carry_out(request: HttpRequest, principal: Principal, given: dict[str, Any], approval_id: UUID) -> HttpResponseBase:
    """Carry out an agreed act whose page is here. Raises ApprovalRefused for the others."""
    one = _line(request, principal, approval_id)
    if not one.here:
        raise ApprovalRefused(_("This act is not carried out in the console: %(where)s") % {"where": one.elsewhere or "-"})
    said = carry(act=one.shown.act, principal=principal, approval_id=approval_id, now=current_time())
    return done(request, said, one.subject.page or _back(approval_id))
