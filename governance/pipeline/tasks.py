"""Celery tasks: ids in, one domain call each, in a context of their own."""

from contextvars import Context
from typing import Any
from uuid import UUID

from celery import shared_task

from governance.ingest.receiving import TOPIC as CLASSIFICATION
from governance.jobs.claiming import pending_tenants
from governance.pipeline.ringing import ring
from governance.pipeline.running import run_classification


@shared_task(name="threadvault.classify", ignore_result=True)
def classify(tenant: str) -> None:
    """Work on a tenant's pending records for a while."""
    Context().run(run_classification, UUID(tenant))


@shared_task(name="threadvault.sweep", ignore_result=True)
def sweep() -> None:
    """Ring for every tenant that has pending records: a lost ring loses nothing."""
    for tenant in pending_tenants():
        ring(CLASSIFICATION, tenant)


TASKS: dict[str, Any] = {CLASSIFICATION: classify}
