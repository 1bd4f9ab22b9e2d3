"""Celery tasks: ids in, one domain call each, in a context of their own."""

from contextvars import Context
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from celery import shared_task

from governance.audit.canonical import SYSTEM
from governance.custody.attesting import attest
from governance.identity.models import Tenant
from governance.ingest.receiving import TOPIC as CLASSIFICATION
from governance.jobs.claiming import pending_tenants
from governance.notices.mailing import tell_of_approvals
from governance.pipeline.ringing import ring
from governance.pipeline.running import run_classification
from governance.pipeline.schedules import CHECKPOINT, NOTICE_SECONDS


@shared_task(name="threadvault.classify", ignore_result=True)
def classify(tenant: str) -> None:
    """Work on a tenant's pending records for a while."""
    Context().run(run_classification, UUID(tenant))


@shared_task(name="threadvault.sweep", ignore_result=True)
def sweep() -> None:
    """Ring for every tenant that has pending records: a lost ring loses nothing."""
    for tenant in pending_tenants():
        ring(CLASSIFICATION, tenant)


@shared_task(name="threadvault.notices", ignore_result=True)
def notices() -> None:
    """Mail who may second what was asked for since the last run."""
    now = datetime.now(UTC)
    for tenant in Tenant.objects.values_list("id", flat=True):
        tell_of_approvals(tenant=tenant, since=now - timedelta(seconds=NOTICE_SECONDS), now=now)


@shared_task(name="threadvault.checkpoint", ignore_result=True)
def checkpoint(tenant: str) -> None:
    """Sign and deliver what was written to one chain."""
    Context().run(attest, tenants=[UUID(tenant)], now=datetime.now(UTC))


@shared_task(name="threadvault.checkpoints", ignore_result=True)
def checkpoints() -> None:
    """Sign and deliver what was written to every chain, that of the system too."""
    tenants = [SYSTEM, *Tenant.objects.values_list("id", flat=True)]
    Context().run(attest, tenants=tenants, now=datetime.now(UTC))


TASKS: dict[str, Any] = {CLASSIFICATION: classify, CHECKPOINT: checkpoint}
