"""Verifies the tenant's chain for people: a short one at once, a long one as a job that walks it in steps.

A step reads outside any lock and any transaction of the job, and keeps its place afterwards under the job's fence. Where
the job goes is fixed when it is asked for; entries that come later are the next verification's. At the end of the walk
comes a second look at whether what was read was changed behind it: then the walk begins anew, and so finds what is wrong.
A broken chain is a verdict and no error: the job is done, and its verdict names the first bad entry.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from governance.access.acting import require
from governance.audit.attesting import attestation, heads_outside
from governance.audit.chain import ChainReport
from governance.audit.errors import UnknownVerification, VerdictUnsigned
from governance.audit.heads import SignedHead
from governance.audit.models import AuditEntry
from governance.audit.recording import record_now, record_with_effect
from governance.audit.rereading import is_settled, is_untouched, mark
from governance.audit.signers import audit_signer, trusted_keys
from governance.audit.verifying import close_walk, verify_chain, verify_stretch
from governance.custody.verdicts import Progress, begun, progress_of, signed_state
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.jobs.leasing import OPEN, Later, Leased, advance, create, lock_job
from governance.jobs.models import Job

TOPIC: Final = "verify"
ACTION: Final = "read_audit"
SHORT: Final = 20_000
STEP: Final = 25_000
LOOK: Final = 200_000
WALKS: Final = 3
OLDER: Final = "OlderTransactions"
AGAIN_SECONDS: Final = 1.0
SKEW: Final = timedelta(minutes=1)  # Between the clocks of a worker and of the database.


class Verdict(NamedTuple):
    """What a verification came to, and when: a signed time."""

    report: ChainReport
    at: datetime


def verify(*, principal: Principal, now: datetime) -> ChainReport | UUID:
    """Verify the chain and return the report; of more than 20,000 entries put a job into the queue and return its id.

    While such a job waits or works, whoever asks is given that one. Raises AccessDenied (recorded), RecordRefused,
    SignerMissing.
    """
    require(principal=principal, action=ACTION, now=now)
    with tenant_scope(principal.tenant_id):
        is_short = _end(principal.tenant_id) <= SHORT
    return _at_once(principal) if is_short else ask_verify(principal=principal, now=now)


def _at_once(principal: Principal) -> ChainReport:
    tenant = principal.tenant_id
    heads, unreadable = heads_outside(tenant=tenant)
    with tenant_scope(tenant):
        word = attestation(tenant=tenant)
    with tenant_scope(tenant, using="audit"):
        report = verify_chain(tenant=tenant, outside=heads, unreadable=unreadable, trusted=trusted_keys(), attestation=word)
    record_now(
        tenant=tenant, event="audit.verified", **principal.as_actor(), head=report.head.hex(), entries=report.entries,
        whole=report.whole,
    )  # fmt: skip
    return report


def ask_verify(*, principal: Principal, now: datetime) -> UUID:
    """Put a job into the queue that verifies the chain up to its newest entry; return its id, or that of one in the queue.

    Two who ask in one moment may get one each; both do nothing but read. Raises AccessDenied (recorded), SignerMissing.
    """
    require(principal=principal, action=ACTION, now=now)
    tenant = principal.tenant_id
    audit_signer()
    with tenant_scope(tenant):
        job = going_on() or _create(tenant, principal.user_id)
        record_with_effect(tenant=tenant, event="job.asked", **principal.as_actor(), job=str(job), topic=TOPIC)
    return job


def _create(tenant: UUID, asked_by: UUID) -> UUID:
    """Make the job; what it keeps is signed from the start, so that nobody sets it another end."""
    end = _end(tenant)
    job = create(tenant=tenant, topic=TOPIC, spec={"end": end}, total=end, asked_by=asked_by)
    Job.objects.filter(id=job).update(cursor=signed_state(job=job, progress=begun(tenant, end=end)))
    return job


def _end(tenant: UUID) -> int:
    numbers = AuditEntry.objects.filter(tenant_id=tenant).order_by("-sequence").values_list("sequence", flat=True)
    return numbers.first() or 0


def going_on() -> UUID | None:
    """Return the verification that waits or works, inside the tenant's scope; None where there is none."""
    rows = Job.objects.filter(topic=TOPIC, state__in=OPEN).order_by("-created_at")
    return rows.values_list("id", flat=True).first()


def verdict(*, principal: Principal, job_id: UUID, now: datetime) -> Verdict | None:
    """Return what a verification came to; None while it goes on, and where it was cancelled.

    A verdict of before the verification was last asked for is none: somebody brought an old job back. Raises AccessDenied
    (recorded), UnknownVerification, VerdictUnsigned.
    """
    require(principal=principal, action=ACTION, now=now)
    with tenant_scope(principal.tenant_id):
        row = Job.objects.filter(id=job_id, topic=TOPIC).first()
        asked = _last_asked(principal.tenant_id, job_id)
    if row is None:
        raise UnknownVerification("This tenant has no such verification.")
    if row.state != Job.State.DONE:
        return None
    progress = progress_of(job=row.id, tenant=row.tenant_id, cursor=row.cursor)
    if progress is None or progress.report is None:
        raise VerdictUnsigned("The verdict of this verification is not signed by this installation. Verify again.")
    at = datetime.fromisoformat(progress.closed)
    if asked is not None and at < asked - SKEW:
        raise VerdictUnsigned("The verdict of this verification is older than the request for it. Verify again.")
    return Verdict(progress.report, at)


def _last_asked(tenant: UUID, job: UUID) -> datetime | None:
    """Return when the record says that a verification was asked for last; None where it says so nowhere."""
    entries = AuditEntry.objects.filter(tenant_id=tenant, event="job.asked", body__contains=str(job))
    return entries.order_by("-sequence").values_list("recorded_at", flat=True).first()


def verify_step(job: Leased) -> None:
    """Do the next step. Raises LeaseLost, SignerMissing; Later while a transaction that is older than the walk may write."""
    progress = progress_of(job=job.id, tenant=job.tenant, cursor=job.cursor)
    done = 0
    if progress is None:
        with tenant_scope(job.tenant):
            progress, done = begun(job.tenant, end=_end(job.tenant)), -job.done
    heads, unreadable = heads_outside(tenant=job.tenant)
    before = progress.judgement.walk.size
    if before < progress.end:
        _walk(job, progress, heads)
        done += progress.judgement.walk.size - before
        is_over = progress.judgement.bad is not None
    else:
        again = _look(job, progress)
        progress, done, is_over = again or progress, -job.done if again else 0, again is None
    if is_over:
        _close(job, progress, heads, unreadable)
    _keep(job, progress, done)


def _walk(job: Leased, progress: Progress, heads: Sequence[SignedHead]) -> None:
    """Walk the next stretch; the first waits until nobody writes any more who began to before it."""
    judgement, end = progress.judgement, progress.end
    upto = min(judgement.walk.size + STEP, end)
    with tenant_scope(job.tenant, using="audit"):
        if judgement.walk.size == 0 and not _begin(progress):
            return
        verify_stretch(judgement=judgement, upto=upto, outside=heads)
    if judgement.bad is None and judgement.walk.size < upto:
        ends = f"the chain ends at entry {judgement.walk.size} and had {end} when this was asked for: entries were cut off"
        judgement.bad = (judgement.walk.size + 1, ends)


def _begin(progress: Progress) -> bool:
    """Return whether the walk may begin; where it may not, its moment is kept first. Raises Later."""
    was = progress.moment
    progress.moment = was or mark(using="audit")
    if is_settled(moment=progress.moment, using="audit"):
        return True
    if was:
        raise Later(OLDER, AGAIN_SECONDS)
    return False


def _look(job: Leased, progress: Progress) -> Progress | None:
    """Look whether all entries are as they were at the beginning; where not, return a new one, twice at most.

    All of it is one step: nobody can stop the job between the look at an entry and the verdict.
    """
    for looked in range(0, progress.end, LOOK):
        upto = min(looked + LOOK, progress.end)
        with tenant_scope(job.tenant, using="audit"):
            same = is_untouched(tenant=job.tenant, after=looked, upto=upto, moment=progress.moment, using="audit")
        if same:
            continue
        if progress.walks < WALKS:
            return begun(job.tenant, end=progress.end, walks=progress.walks + 1)
        changed = f"entries from here to {upto} were changed or taken away each time that the chain was walked"
        progress.judgement.bad = (looked + 1, changed)
        return None
    return None


def _close(job: Leased, progress: Progress, heads: Sequence[SignedHead], unreadable: int) -> None:
    """Judge what is lost and what was accepted, once and at the end."""
    with tenant_scope(job.tenant):
        word = attestation(tenant=job.tenant)
    with tenant_scope(job.tenant, using="audit"):
        found = close_walk(judgement=progress.judgement, outside=heads)
    progress.report = replace(found, unreadable=unreadable, attestation=word)
    progress.closed = datetime.now(UTC).isoformat()


def _keep(job: Leased, progress: Progress, done: int) -> None:
    cursor = signed_state(job=job.id, progress=progress)
    report = progress.report
    with tenant_scope(job.tenant):
        lock_job(job)
        advance(job, done=done, cursor=cursor, finished=report is not None, total=progress.end)
        if report is not None:
            record_with_effect(
                tenant=job.tenant, event="audit.verified", actor_kind="worker", job=str(job.id), head=report.head.hex(),
                entries=report.entries, whole=report.whole, bad=report.bad_sequence or 0,
            )  # fmt: skip
