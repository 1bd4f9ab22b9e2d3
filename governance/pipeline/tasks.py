"""Celery tasks: ids in, one domain call each, in a context of their own."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from governance.approvals.asking import expire_due
from governance.audit.canonical import SYSTEM
from governance.custody.attesting import attest
from governance.custody.counting import keep_counts
from governance.custody.upkeep import keep_up
from governance.identity.models import Tenant
from governance.ingest.receiving import TOPIC as CLASSIFICATION
from governance.jobs.claiming import job_tenants, pending_tenants
from governance.jobs.leasing import TOPIC as JOBS
from governance.pipeline.fresh import task
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.heartbeat import beat
from governance.pipeline.ringing import ring
from governance.pipeline.running import classify_for_all
from governance.pipeline.schedules import CHECKPOINT
from governance.pipeline.working import work_for_all


@task("threadvault.classify")
def classify(tenant: str) -> None:
    """Work on pending records for a while, those of this tenant first."""
    classify_for_all(first=UUID(tenant))


@task("threadvault.jobs")
def jobs(tenant: str) -> None:
    """Work on jobs for a while, those of this tenant first."""
    work_for_all(HANDLERS, first=UUID(tenant))


@task("threadvault.sweep")
def sweep() -> None:
    """Ring where something waits: a lost ring loses nothing. One ring will do, for the work goes around all tenants.

    That it runs at all is the sign of life of schedule, broker and workers.
    """
    beat()
    for topic, waiting in ((CLASSIFICATION, pending_tenants), (JOBS, job_tenants)):
        for tenant in waiting(1):
            ring(topic, tenant)


@task("threadvault.expire")
def expire() -> None:
    """Mark the approvals that nobody used in time; what they allow has ended before."""
    now = datetime.now(UTC)
    for tenant in Tenant.objects.values_list("id", flat=True):
        expire_due(tenant=tenant, now=now)


@task("threadvault.keys")
def keys() -> None:
    """Rotate what is due, begin and end erasure epochs, and destroy what has waited."""
    now = datetime.now(UTC)
    for tenant in Tenant.objects.values_list("id", flat=True):
        keep_up(tenant=tenant, now=now)


@task("threadvault.figures")
def figures() -> None:
    """Count what pages show of the record and of data keys, so that no page counts it."""
    now = datetime.now(UTC)
    for tenant in Tenant.objects.values_list("id", flat=True):
        keep_counts(tenant=tenant, now=now)


@task("threadvault.checkpoint")
def checkpoint(tenant: str) -> None:
    """Sign and deliver what was written to one chain."""
    attest(tenants=[UUID(tenant)], now=datetime.now(UTC))


@task("threadvault.checkpoints")
def checkpoints() -> None:
    """Sign and deliver what was written to every chain, that of the system too."""
    tenants = [SYSTEM, *Tenant.objects.values_list("id", flat=True)]
    attest(tenants=tenants, now=datetime.now(UTC))


TASKS: dict[str, Any] = {CLASSIFICATION: classify, JOBS: jobs, CHECKPOINT: checkpoint}
