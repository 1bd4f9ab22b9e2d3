"""Celery tasks: ids in, one domain call each, in a context of their own."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from governance.approvals.asking import expire_due
from governance.audit.canonical import SYSTEM
from governance.custody.attesting import attest
from governance.identity.models import Tenant
from governance.ingest.receiving import TOPIC as CLASSIFICATION
from governance.jobs.claiming import pending_tenants
from governance.notices.mailing import tell_of_approvals, tell_of_break_glass
from governance.pipeline.fresh import task
from governance.pipeline.ringing import ring
from governance.pipeline.running import run_classification
from governance.pipeline.schedules import CHECKPOINT, NOTICE_SECONDS


@task("threadvault.classify")
def classify(tenant: str) -> None:
    """Work on a tenant's pending records for a while."""
    run_classification(UUID(tenant))


@task("threadvault.sweep")
def sweep() -> None:
    """Ring for every tenant that has pending records: a lost ring loses nothing."""
    for tenant in pending_tenants():
        ring(CLASSIFICATION, tenant)


@task("threadvault.notices")
def notices() -> None:
    """Mail what waits for people since the last run, and mark the approvals that nobody used in time."""
    now = datetime.now(UTC)
    since = now - timedelta(seconds=NOTICE_SECONDS)
    for tenant in Tenant.objects.values_list("id", flat=True):
        expire_due(tenant=tenant, now=now)
        tell_of_approvals(tenant=tenant, since=since, now=now)
        tell_of_break_glass(tenant=tenant, since=since, now=now)


@task("threadvault.checkpoint")
def checkpoint(tenant: str) -> None:
    """Sign and deliver what was written to one chain."""
    attest(tenants=[UUID(tenant)], now=datetime.now(UTC))


@task("threadvault.checkpoints")
def checkpoints() -> None:
    """Sign and deliver what was written to every chain, that of the system too."""
    tenants = [SYSTEM, *Tenant.objects.values_list("id", flat=True)]
    attest(tenants=tenants, now=datetime.now(UTC))


TASKS: dict[str, Any] = {CLASSIFICATION: classify, CHECKPOINT: checkpoint}
