"""Rewrapping a ring as a job: after it the active version wraps every live data key, and the older ones wrap none.

Writers go on: each step holds the ring's lock shared, as they do. A job that is killed goes on where its last step ended.
"""

import time
from datetime import datetime
from typing import Final
from uuid import UUID

from governance.access.acting import require
from governance.audit.recording import record_with_effect
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.jobs.leasing import OPEN, Leased, advance, create, lock_job
from governance.jobs.models import Job
from governance.keys.errors import KeyWorkGoesOn, UnknownKey
from governance.keys.rewrapping import count_left, rewrap_next
from governance.keys.rings import lock_exclusive, lock_shared, others_inside, rings_of
from governance.keys.warming import warm
from governance.keys.wrapped import NOBODY

TOPIC: Final = "rewrap"
REST: Final = 0.8  # Of the time of a step, where writers are inside: they use the same cores.


def ask_rewrap(*, principal: Principal, use: str, now: datetime) -> UUID:
    """Put a job into the queue that rewraps the ring for `use`, with a fresh second factor; return its id.

    Raises AccessDenied (recorded), UnknownKey, KeyWorkGoesOn.
    """
    tenant = principal.tenant_id
    require(principal=principal, action="manage_keys", now=now, second_factor=True)
    with tenant_scope(tenant):
        ring = rings_of(tenant).get(use)
        if ring is None:
            raise UnknownKey(f"This tenant has no ring for {use!r}.")
        lock_exclusive(ring)  # Two who ask at once are one after the other.
        job = queue_rewrap(tenant=tenant, ring=ring, use=use, asked_by=principal.user_id)
        if job is None:
            raise KeyWorkGoesOn("This ring is being rewrapped already: manage.py jobs list --open.")
        record_with_effect(
            tenant=tenant, event="job.asked", **principal.as_actor(), job=str(job), topic=TOPIC, ring=str(ring), use=use
        )
    return job


def queue_rewrap(*, tenant: UUID, ring: UUID, use: str, asked_by: UUID | None) -> UUID | None:
    """Put the job into the queue with the ring's lock held alone; return its id, None where one waits or works already."""
    if Job.objects.filter(topic=TOPIC, spec__use=use, state__in=[*OPEN, Job.State.PAUSED]).exists():
        return None
    return create(tenant=tenant, topic=TOPIC, spec={"use": use}, total=count_left(ring).movable, asked_by=asked_by)


def rewrap_step(job: Leased) -> None:
    """Move the next data keys. Raises LeaseLost, ProviderFailed, KeyUnavailable."""
    use = job.spec["use"]
    with tenant_scope(job.tenant):
        ring = rings_of(job.tenant)[use]
        warm(tenant=job.tenant, uses=frozenset({use}), emergency=True)
    began = time.monotonic()
    with tenant_scope(job.tenant):
        lock_job(job)
        others = others_inside(ring)
        moved = rewrap_next(ring=ring, after=UUID(job.cursor.get("after", str(NOBODY))))
        if moved.last is not None:
            advance(job, done=moved.keys, cursor={"after": str(moved.last)})
    if moved.last is not None:
        if others:
            time.sleep(REST * (time.monotonic() - began))
        return
    with tenant_scope(job.tenant):
        lock_job(job)
        lock_shared([ring])
        left = count_left(ring)  # None can be made under an older version meanwhile: the ring's lock is held.
        advance(job, done=0, cursor={}, finished=left.movable == 0)
        if job.finished:
            record_with_effect(
                tenant=job.tenant, event="key.rewrapped", actor_kind="worker", job=str(job.id), ring=str(ring), use=use,
                version=moved.version, data_keys=job.done, kept=left.kept,
            )  # fmt: skip
