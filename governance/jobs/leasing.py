"""Long work: a job is leased, worked on in steps, and left where the next worker finds it. What this guarantees:

- a step's effect and the job's progress are one transaction, which begins by locking the job under the lease's fence:
  a worker whose lease was taken over, paused or cancelled changes nothing any more;
- the attempt is counted and committed before the work; progress sets it back, so that three attempts on the same step
  quarantine the job and three deploys do not;
- waiting for something outside, such as a key provider, burns no attempt.

Call everything inside the tenant's scope.
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now

from governance.jobs.bell import ring
from governance.jobs.models import Claimable, Job

LEASE: Final = timedelta(seconds=60)
TOPIC: Final = "jobs"
OPEN: Final = (Job.State.WAITING, Job.State.RUNNING)
MAY_GO_ON: Final = (*OPEN, Job.State.PAUSED, Job.State.QUARANTINED)  # People resume the last two.


class LeaseLost(Exception):
    """The job is somebody else's now, or was paused or cancelled; leave it."""


class Later(Exception):
    """Something outside is away that this one job needs; the attempt is not counted. `reason` is a code for people."""

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.reason, self.seconds = reason, seconds


@dataclass(slots=True)
class Leased:
    """A job that this worker holds until its lease ends."""

    id: UUID
    tenant: UUID
    topic: str
    spec: Mapping[str, Any]
    cursor: Mapping[str, Any]
    done: int
    total: int | None
    fence: int
    finished: bool = False
    _since: float = field(default_factory=time.monotonic)
    _held: tuple[int, Mapping[str, Any], bool] = field(init=False)

    def __post_init__(self) -> None:
        """Keep what the database holds."""
        self.committed()

    def committed(self) -> None:
        """Keep the progress as what the database holds, once it does."""
        self._held = self.done, self.cursor, self.finished

    def rolled_back(self) -> None:
        """Take the progress back that a transaction had written down and did not commit."""
        self.done, self.cursor, self.finished = self._held

    def worked(self) -> float:
        """Return the seconds since the last call."""
        since, self._since = self._since, time.monotonic()
        return self._since - since


def create(
    *,
    tenant: UUID,
    topic: str,
    spec: Mapping[str, Any],
    total: int | None = None,
    asked_by: UUID | None = None,
    not_before: datetime | None = None,
) -> UUID:
    """Put a job into the queue with the open transaction, and ring after its commit; return its id."""
    job = Job.objects.create(
        tenant_id=tenant, topic=topic, spec=dict(spec), total=total, asked_by=asked_by, not_before=not_before
    )
    ring(TOPIC, tenant)
    return job.id


def rate_of_last(topic: str) -> float | None:
    """Return how many units a second the last finished job of a topic did, or None where there is none."""
    done = Job.objects.filter(topic=topic, state=Job.State.DONE, done__gt=0, seconds__gt=0).order_by("-finished_at")
    last = done.values_list("done", "seconds").first()
    return None if last is None else last[0] / last[1]


def claim_job(topics: Collection[str]) -> tuple[Leased | None, tuple[UUID, ...]]:
    """Lease the job that was worked on longest ago; return it and those set aside after three attempts. Commit after it.

    A topic that this process does not know stays for a process that does.
    """
    now = Now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    due = Q(not_before=None) | Q(not_before__lte=now)
    rows = Job.objects.select_for_update(skip_locked=True, no_key=True).filter(free, due, state__in=OPEN, topic__in=topics)
    spent: list[UUID] = []
    for job in rows.order_by(Coalesce("worked_at", "created_at"), "id")[:20]:
        if job.attempt >= Claimable.LAST_ATTEMPT:
            _set_aside(job.id, "The last three workers that held it ended without a step forward.")
            spent.append(job.id)
            continue
        Job.objects.filter(id=job.id).update(
            state=Job.State.RUNNING, attempt=F("attempt") + 1, fence=F("fence") + 1, lease_until=now + LEASE, worked_at=now
        )
        leased = Leased(job.id, job.tenant_id, job.topic, job.spec, job.cursor, job.done, job.total, job.fence + 1)
        return leased, tuple(spent)
    return None, tuple(spent)


def _set_aside(job: UUID, reason: str) -> None:
    Job.objects.filter(id=job).update(state=Job.State.QUARANTINED, reason=reason[:255], lease_until=None, finished_at=Now())


def _ours(leased: Leased) -> Any:
    return Job.objects.filter(id=leased.id, fence=leased.fence, state=Job.State.RUNNING)


def lock_job(leased: Leased) -> None:
    """Begin a step: lock the job for the open transaction. Raises LeaseLost."""
    if not _ours(leased).select_for_update(no_key=True).values_list("id").first():
        raise LeaseLost("The job went to another worker, or was paused or cancelled.")


def advance(
    leased: Leased, *, done: int, cursor: Mapping[str, Any], finished: bool = False, total: int | None = None
) -> None:
    """End a step, in its transaction, after `lock_job`: the progress, and a new lease. Raises LeaseLost."""
    values: dict[str, Any] = {"done": F("done") + done, "cursor": dict(cursor), "attempt": 0, "reason": ""}
    values |= {"lease_until": Now() + LEASE, "worked_at": Now(), "seconds": F("seconds") + leased.worked()}
    if total is not None:
        values["total"] = total
    if finished:
        values |= {"state": Job.State.DONE, "finished_at": Now(), "lease_until": None}
    if not _ours(leased).update(**values):
        raise LeaseLost("The job went to another worker, or was paused or cancelled.")
    leased.done, leased.cursor, leased.finished = leased.done + done, cursor, finished
    transaction.on_commit(leased.committed)


def extend(leased: Leased) -> None:
    """Begin the lease anew before slow work outside the database. Raises LeaseLost."""
    if not _ours(leased).update(lease_until=Now() + LEASE):
        raise LeaseLost("The job went to another worker, or was paused or cancelled.")


def release(leased: Leased) -> None:
    """Give the job back with no attempt burnt: the worker's time is up, not the job's fault."""
    _ours(leased).update(state=Job.State.WAITING, attempt=0, lease_until=None, seconds=F("seconds") + leased.worked())


def postpone(leased: Leased, *, reason: str, seconds: float) -> None:
    """Give the job back for later because something outside is away; the attempt is not counted."""
    _ours(leased).update(
        state=Job.State.WAITING, attempt=F("attempt") - 1, lease_until=None, reason=reason[:255],
        not_before=Now() + timedelta(seconds=seconds),
    )  # fmt: skip


def fail(leased: Leased, *, reason: str) -> bool:
    """Give the job back after an error: later and later, and after the third set aside; return whether it was."""
    job = _ours(leased).select_for_update(no_key=True).first()
    if job is None:
        return False
    if job.attempt >= Claimable.LAST_ATTEMPT:
        _set_aside(job.id, reason)
        return True
    wait = timedelta(seconds=2.0**job.attempt)
    _ours(leased).update(state=Job.State.WAITING, lease_until=None, reason=reason[:255], not_before=Now() + wait)
    return False
