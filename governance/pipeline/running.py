"""The edge of a worker: runs batches until nothing waits or its time is up, and survives a bad one."""

import logging
import time
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from governance.privacy.classifying import Progress, classify_batch

logger = logging.getLogger(__name__)
SECONDS: Final = 20.0


def run_classification(tenant: UUID, *, seconds: float = SECONDS) -> Progress:
    """Work on the tenant's pending records for at most `seconds`; a batch that fails is tried again by whoever is next."""
    total = Progress()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            step = classify_batch(tenant=tenant, now=datetime.now(UTC))
        except Exception as error:  # noqa: BLE001 - the worker's edge: its row was counted, the others go on
            logger.error("A batch of %s failed: %s", tenant, type(error).__name__)  # noqa: TRY400 - no exception text
            time.sleep(0.05)
            continue
        total.redacted += step.redacted
        total.unscanned += step.unscanned
        total.quarantined += step.quarantined
        if not step.claimed and not step.quarantined:
            return total
    return total
