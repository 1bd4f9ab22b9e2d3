"""Jobs as officers manage them: list, look, pause, resume, cancel. Each act is on the record; what a job did stays done."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from governance.access.acting import require
from governance.audit.recording import record_with_effect
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.jobs.leasing import MAY_GO_ON
from governance.jobs.models import Job
from governance.vault.counting import Bounded

ACTION: Final = "manage_jobs"
MOST: Final = 1_000
_FROM: Final = {
    "job.paused": {Job.State.WAITING, Job.State.RUNNING},
    "job.resumed": {Job.State.PAUSED, Job.State.QUARANTINED},
    "job.cancelled": {Job.State.WAITING, Job.State.RUNNING, Job.State.PAUSED, Job.State.QUARANTINED},
}
_TO: Final = {"job.paused": Job.State.PAUSED, "job.resumed": Job.State.WAITING, "job.cancelled": Job.State.CANCELLED}


class UnknownJob(Exception):
    """This tenant has no such job."""

    code = "jobs.unknown"


class NotNow(Exception):
    """The job's state does not allow this."""

    code = "jobs.state"


@dataclass(frozen=True, slots=True)
class Shown:
    """A job as people see it: rates in units a second of work, `seconds_left` where total and rate are known.

    `use` is that of the ring that the job is about, empty where it is about none.
    """

    id: UUID
    topic: str
    state: str
    done: int
    total: int | None
    rate: float | None
    seconds_left: float | None
    attempt: int
    reason: str
    asked_by: UUID | None
    created_at: datetime
    finished_at: datetime | None
    use: str = ""


def jobs_for(
    *, principal: Principal, now: datetime, open_only: bool = False, before: UUID | None = None, limit: int = 100
) -> list[Shown]:
    """Return the newest jobs of the tenant; `before` is the last id seen. Raises AccessDenied (recorded), UnknownJob."""
    require(principal=principal, action=ACTION, now=now)
    with tenant_scope(principal.tenant_id):
        rows = Job.objects.order_by("-created_at", "-id")
        if open_only:
            rows = rows.filter(state__in=MAY_GO_ON)
        if before is not None:  # Ids of jobs are random, so the order is that of their making.
            seen = _find(before)
            rows = rows.filter(Q(created_at__lt=seen.created_at) | Q(created_at=seen.created_at, id__lt=before))
        return [_shown(row) for row in rows[:limit]]


def unfinished(*, tenant: UUID) -> Mapping[str, Bounded]:
    """Return how many jobs of the tenant wait, run, are paused or set aside, among the newest 1,000 that are not over."""
    with tenant_scope(tenant):
        rows = Job.objects.filter(state__in=MAY_GO_ON).order_by("-created_at", "-id")
        states = list(rows.values_list("state", flat=True)[: MOST + 1])
    return {state: Bounded(number, len(states) > MOST) for state, number in Counter(states[:MOST]).items()}


def job_of(*, principal: Principal, job_id: UUID, now: datetime) -> Shown:
    """Return one job. Raises UnknownJob, AccessDenied (recorded)."""
    require(principal=principal, action=ACTION, now=now)
    with tenant_scope(principal.tenant_id):
        return _shown(_find(job_id))


def job_of_topic(*, principal: Principal, job_id: UUID, topic: str, action: str, now: datetime) -> Shown:
    """Return a job of `topic` to whoever may do `action`, which is what the job does for him, without the right to jobs.

    Raises UnknownJob, AccessDenied (recorded).
    """
    require(principal=principal, action=action, now=now)
    with tenant_scope(principal.tenant_id):
        found = _find(job_id)
        if found.topic != topic:
            raise UnknownJob("This tenant has no such job.")
        return _shown(found)


def job_asked_by(*, principal: Principal, job_id: UUID) -> Shown:
    """Return a job to whoever has just asked for it, whatever else they may. Raises UnknownJob."""
    with tenant_scope(principal.tenant_id):
        found = _find(job_id)
        if found.asked_by != principal.user_id:
            raise UnknownJob("This tenant has no such job.")
        return _shown(found)


def pause(*, principal: Principal, job_id: UUID, now: datetime) -> Shown:
    """Let no worker go on with it; a step that runs is done first. Raises UnknownJob, NotNow, AccessDenied (recorded)."""
    return _change(principal, job_id, "job.paused", now)


def resume(*, principal: Principal, job_id: UUID, now: datetime) -> Shown:
    """Give a paused or quarantined job back to the workers. Raises UnknownJob, NotNow, AccessDenied (recorded)."""
    return _change(principal, job_id, "job.resumed", now)


def cancel(*, principal: Principal, job_id: UUID, now: datetime) -> Shown:
    """End it for good. Raises UnknownJob, NotNow, AccessDenied (recorded)."""
    return _change(principal, job_id, "job.cancelled", now)


def _change(principal: Principal, job_id: UUID, event: str, now: datetime) -> Shown:
    require(principal=principal, action=ACTION, now=now)
    with tenant_scope(principal.tenant_id):
        row = _find(job_id, lock=True)
        if row.state not in _FROM[event]:
            raise NotNow(f"A job that is {row.state} cannot be {event.removeprefix('job.')}.")
        values: dict[str, Any] = {"state": _TO[event], "lease_until": None, "not_before": None}
        if event == "job.resumed":
            values |= {"attempt": 0, "reason": "", "finished_at": None}
        if event == "job.cancelled":
            values |= {"finished_at": now}
        Job.objects.filter(id=job_id).update(**values)
        shown = _shown(_find(job_id))
        record_with_effect(tenant=principal.tenant_id, event=event, **principal.as_actor(), job=str(job_id), topic=row.topic)
    return shown


def _find(job_id: UUID, *, lock: bool = False) -> Job:
    rows = Job.objects.select_for_update(no_key=True) if lock else Job.objects
    found = rows.filter(id=job_id).first()
    if found is None:
        raise UnknownJob("This tenant has no such job.")
    return found


def _shown(row: Job) -> Shown:
    rate = row.done / row.seconds if row.seconds > 0 and row.done else None
    left = None if row.total is None or rate is None else max(row.total - row.done, 0) / rate
    return Shown(
        id=row.id,
        topic=row.topic,
        state=row.state,
        done=row.done,
        total=row.total,
        rate=rate,
        seconds_left=left if row.state in {Job.State.WAITING, Job.State.RUNNING, Job.State.PAUSED} else None,
        attempt=row.attempt,
        reason=row.reason,
        asked_by=row.asked_by,
        created_at=row.created_at,
        finished_at=row.finished_at,
        use=str(row.spec.get("use", "")),
    )
