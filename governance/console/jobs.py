"""Long work: the list, one job with its progress, and the acts on it: pause, resume, cancel, scan anew."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from governance.console.acting import Sheet, act, done
from governance.console.gates import Page, current_time, page
from governance.console.people import names_of
from governance.console.words import JOB_STATES, TOPICS, USES, Status, counted, share, span
from governance.identity.principals import Principal
from governance.pipeline import managing
from governance.privacy.rescanning import ask_rescan

RIGHT: Final = managing.ACTION
MOVING: Final = ("waiting", "running")
OVER: Final = ("done", "cancelled")
NOTICE: Final = "notice"
LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job as pages show it; `moves` says that its progress is looked at again and again."""

    shown: managing.Shown
    title: str
    status: Status
    asked_by: str
    share: str
    rate: str
    left: str

    @property
    def moves(self) -> bool:
        """Whether a worker has it or will have it."""
        return self.shown.state in MOVING

    @property
    def acts(self) -> tuple[str, ...]:
        """The acts that its state allows."""
        state = self.shown.state
        if state in OVER:
            return ()
        return ("pause", "cancel") if state in MOVING else ("resume", "cancel")


@require_GET
@page(action=RIGHT)
def job_list(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show the tenant's jobs: those that are not over first, then the newest of the others; notices by mail apart."""
    notices = request.GET.get("topic", "") == NOTICE
    now = current_time()
    unfinished = managing.jobs_for(principal=principal, now=now, open_only=True, limit=LISTED)
    newest = managing.jobs_for(principal=principal, now=now, limit=LISTED)
    rows = [*unfinished, *(one for one in newest if one.state in OVER)]
    lines = _lines(one for one in rows if (one.topic == NOTICE) == notices)
    apart = sum(one.topic == NOTICE for one in rows)
    context = {"title": _("Jobs"), "jobs": lines, "notices": notices, "apart": apart}
    return render(request, "console/jobs.html", context)


@require_GET
@page(action=RIGHT)
def job(request: HttpRequest, principal: Principal, job_id: UUID) -> HttpResponseBase:
    """Show one job with its progress."""
    (line,) = _lines([managing.job_of(principal=principal, job_id=job_id, now=current_time())])
    return render(request, "console/job.html", {"title": line.title, "job": line})


@require_GET
@page(action=RIGHT)
def progress(request: HttpRequest, principal: Principal, job_id: UUID) -> HttpResponseBase:
    """Return the part of a job's page that moves; where the state is another than `was`, the page is to be loaded anew.

    The part of a job that moves no more asks for nothing again.
    """
    (line,) = _lines([managing.job_of(principal=principal, job_id=job_id, now=current_time())])
    response: HttpResponse = render(request, "console/progress.html", {"job": line})
    if request.GET.get("was", "") != line.shown.state:
        response["HX-Refresh"] = "true"
    return response


def open_jobs(principal: Principal) -> list[JobLine]:
    """Return the jobs that are neither done nor cancelled, the newest first. Raises AccessDenied (recorded)."""
    return _lines(managing.jobs_for(principal=principal, now=current_time(), open_only=True, limit=LISTED))


def line_of(shown: managing.Shown) -> JobLine:
    """Return one job as pages show it."""
    return _line(shown, names_of([shown.asked_by]))


def _lines(rows: Iterable[managing.Shown]) -> list[JobLine]:
    shown = list(rows)
    names = names_of(one.asked_by for one in shown)
    return [_line(one, names) for one in shown]


def _line(shown: managing.Shown, names: dict[UUID, str]) -> JobLine:
    title = str(TOPICS.get(shown.topic, shown.topic))
    if shown.use in USES:
        title = f"{title}: {USES[shown.use][0]}"
    return JobLine(
        shown=shown,
        title=title,
        status=JOB_STATES[shown.state],
        asked_by=names.get(shown.asked_by, "") if shown.asked_by else _("nobody, by itself"),
        share=share(min(shown.done, shown.total), shown.total) if shown.total else "",
        rate="" if shown.rate is None else counted(round(shown.rate)) if shown.rate >= 1 else f"{shown.rate:.2f}",
        left=span(shown.seconds_left),
    )


def _change(change: Callable[..., managing.Shown], event: str, **words: Any) -> Page:
    """Return the page of one change of a job."""

    def sheet(request: HttpRequest, principal: Principal, job_id: UUID) -> Sheet:
        (line,) = _lines([managing.job_of(principal=principal, job_id=job_id, now=current_time())])
        facts = [(_("Job"), line.title), (_("State"), str(line.status.word)), (_("Done"), counted(line.shown.done))]
        facts += [(_("Of"), counted(line.shown.total))] if line.shown.total is not None else []
        return Sheet(
            title=str(words["title"]), button=str(words["button"]), lead=str(words["lead"]), facts=facts,
            back=_back(job_id), grave=words.get("grave", False),
        )  # fmt: skip

    @act(action=RIGHT, events=(event,), sheet=sheet)
    def view(request: HttpRequest, principal: Principal, given: dict[str, Any], job_id: UUID) -> HttpResponseBase:
        """Change the job's state."""
        change(principal=principal, job_id=job_id, now=current_time())
        return done(request, str(words["said"]), _back(job_id))

    return view


def _back(job_id: UUID) -> str:
    return reverse("console:job", args=[job_id])


pause = _change(
    managing.pause, "job.paused",
    title=gettext_lazy("Pause the job"), button=gettext_lazy("Pause"), said=gettext_lazy("The job is paused."),
    lead=gettext_lazy("No worker goes on with it until it is resumed; a step that runs is done first."),
)  # fmt: skip
resume = _change(
    managing.resume, "job.resumed",
    title=gettext_lazy("Resume the job"), button=gettext_lazy("Resume"), said=gettext_lazy("Workers go on with the job."),
    lead=gettext_lazy("Workers go on where its last step ended."),
)  # fmt: skip
cancel = _change(
    managing.cancel, "job.cancelled",
    title=gettext_lazy("Cancel the job"), button=gettext_lazy("Cancel this job for good"),
    said=gettext_lazy("The job is cancelled."), grave=True,
    lead=gettext_lazy("It ends for good. What it did stays done; the same work can be asked for again."),
)  # fmt: skip


def _rescan_sheet(request: HttpRequest, principal: Principal) -> Sheet:
    return Sheet(
        title=_("Scan everything anew"),
        button=_("Scan anew"),
        back=reverse("console:jobs"),
        lead=_(
            "A job scans all messages under the rules of now. The old redacted forms stay readable until the new ones take"
            " their places, what people said of findings stays, and what was set aside goes back to the workers."
        ),
    )


@act(action=RIGHT, events=("job.asked",), sheet=_rescan_sheet)
def rescan(request: HttpRequest, principal: Principal, given: dict[str, Any]) -> HttpResponseBase:
    """Ask for the job that scans all messages anew."""
    asked = ask_rescan(principal=principal, now=current_time())
    return done(request, _("The job is in the queue."), _back(asked))
