"""The Celery side of the bell: a message holds a topic's task and a tenant id, never content."""

import logging
from typing import Final
from uuid import UUID

from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)
EXPIRES: Final = 60  # Older rings say nothing that the schedule has not said since.


def ring(topic: str, tenant: UUID) -> None:
    """Send the ring. A broker that is away is no error: the rows wait, and the schedule rings again."""
    from governance.pipeline.tasks import TASKS  # The tasks import this part's rules, which import the bell.

    try:
        TASKS[topic].apply_async(args=[str(tenant)], retry=False, ignore_result=True, expires=EXPIRES)
    except (OperationalError, OSError) as error:
        logger.warning("The broker did not take a ring for %s: %s", topic, type(error).__name__)
