"""Re-keying the blind index as a job: its values get a new key, all records are scanned anew, and the old key is destroyed.

A search goes on meanwhile: it looks under both keys. What names things is not re-keyed (references of data subjects,
external ids, marks): those must be found and shown as they were.
"""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from governance.access.acting import require
from governance.audit.recording import record_with_effect
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.jobs.leasing import MAY_GO_ON, Leased, advance, create, lock_job
from governance.jobs.models import Job
from governance.keys.errors import KeyWorkGoesOn
from governance.keys.models import DataKey, KeyUse
from governance.keys.replacing import replace, retire
from governance.keys.rings import lock_exclusive, rings_of
from governance.keys.warming import warm
from governance.keys.wrapped import NOBODY, VALUES
from governance.privacy.rescanning import count_scanned, scan_next

TOPIC: Final = "reindex"


def ask_reindex(*, principal: Principal, now: datetime) -> UUID:
    """Put a job into the queue that re-keys the blind index; takes a fresh second factor; return its id.

    Raises AccessDenied (recorded), KeyWorkGoesOn.
    """
    tenant = principal.tenant_id
    require(principal=principal, action="manage_keys", now=now, second_factor=True)
    with tenant_scope(tenant):
        ring = rings_of(tenant)[KeyUse.INDEX]
        lock_exclusive(ring)
        if Job.objects.filter(topic=TOPIC, state__in=MAY_GO_ON).exists():
            raise KeyWorkGoesOn(
                "The blind index is being re-keyed already; resume or cancel that job: manage.py jobs list --open."
            )
        job = create(tenant=tenant, topic=TOPIC, spec={}, total=count_scanned({}), asked_by=principal.user_id)
        record_with_effect(
            tenant=tenant, event="job.asked", **principal.as_actor(), job=str(job), topic=TOPIC, ring=str(ring),
            use=KeyUse.INDEX.value,
        )  # fmt: skip
    return job


def reindex_step(job: Leased) -> None:
    """Do the next step of the phase at hand. Raises LeaseLost, ProviderFailed, KeyUnavailable, CannotOpen, DetectorAway."""
    if "phase" not in job.cursor:
        _replace(job)
    elif not scan_next(job):
        _retire(job)


def _ring(job: Leased) -> UUID:
    with tenant_scope(job.tenant):
        warm(tenant=job.tenant, uses=frozenset({KeyUse.INDEX.value}), emergency=True)
        return rings_of(job.tenant)[KeyUse.INDEX]


def _replace(job: Leased) -> None:
    """Give the values a new key, alone: whoever wrote or looked under the old one only has committed by then."""
    ring = _ring(job)
    with tenant_scope(job.tenant):
        lock_job(job)
        lock_exclusive(ring)
        of_values = DataKey.objects.filter(conversation_id=NOBODY, owner_id=VALUES, use=KeyUse.INDEX, replaced=False)
        replace(ring=ring, keys=list(of_values.values_list("id", flat=True)))
        advance(job, done=0, cursor={"phase": "scan"})


def _retire(job: Leased) -> None:
    ring = _ring(job)
    with tenant_scope(job.tenant):
        lock_job(job)
        lock_exclusive(ring)
        retire(ring=ring, now=datetime.now(UTC))
        advance(job, done=0, cursor=job.cursor, finished=True)
        record_with_effect(
            tenant=job.tenant, event="key.reindexed", actor_kind="worker", job=str(job.id), ring=str(ring),
            records=job.done,
        )  # fmt: skip
