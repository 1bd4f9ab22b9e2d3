"""Binds the ports of lower parts: called once, when the app registry is ready."""

from uuid import UUID

from governance.audit import marking
from governance.jobs import bell
from governance.pipeline import ringing
from governance.pipeline.schedules import CHECKPOINT


def bind() -> None:
    """Let `jobs.bell` ring through Celery, and each thousandth audit entry ask for its checkpoint."""
    bell.bind(ringing.ring)
    marking.bind(_checkpoint)


def _checkpoint(tenant: UUID) -> None:
    ringing.ring(CHECKPOINT, tenant)
