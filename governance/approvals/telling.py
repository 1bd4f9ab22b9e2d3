"""Asks that people are told of something that waits for them: a job in the same transaction, so none is lost or told early.

Who is told, and how, is another part's.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from governance.jobs.bell import ring
from governance.jobs.leasing import TOPIC as QUEUE
from governance.jobs.leasing import create
from governance.jobs.models import Job

TOPIC: Final = "notice"


def ask_to_tell(*, tenant: UUID, of: str, subject: UUID, not_before: datetime | None = None) -> None:
    """Put the notice into the queue with the open transaction: its name, and the id of what it is about."""
    create(tenant=tenant, topic=TOPIC, spec={"of": of, "id": str(subject)}, not_before=not_before)


def tell_now(*, tenant: UUID, of: str, subject: UUID) -> None:
    """Bring a notice forward that was asked for a later time."""
    waiting = Job.objects.filter(topic=TOPIC, spec={"of": of, "id": str(subject)}, state=Job.State.WAITING)
    if waiting.update(not_before=None):
        ring(QUEUE, tenant)
