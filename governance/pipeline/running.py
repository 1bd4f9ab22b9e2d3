"""The edge of a worker: gives tenants turns until nothing waits or its time is up, and survives a bad batch."""

import logging
import time
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from governance.jobs.claiming import pending_tenants
from governance.pipeline.measuring import count, timed
from governance.pipeline.turns import drop_broken_connections, in_turns, is_outside, rests
from governance.pipeline.watchdog import at_most
from governance.privacy.classifying import Progress, classify_batch
from governance.privacy.plugins.asking import seconds_at_most

logger = logging.getLogger(__name__)
SECONDS: Final = 20.0
BATCH_SECONDS: Final = 30.0


def classify_for_all(*, first: UUID | None = None, seconds: float = SECONDS) -> Progress:
    """Work on the pending records of all tenants in turns, for at most `seconds`."""
    total = Progress()
    in_turns(pending_tenants, lambda tenant, until: _turn(tenant, until, total), first=first, seconds=seconds)
    return total


def run_classification(tenant: UUID, *, seconds: float = SECONDS) -> Progress:
    """Work on one tenant's pending records for at most `seconds`."""
    total = Progress()
    _turn(tenant, time.monotonic() + seconds, total)
    return total


def _turn(tenant: UUID, until: float, total: Progress) -> bool:
    """Do batches until then; a batch that fails is tried again by whoever is next. Return whether any row was touched."""
    worked = False
    while True:
        try:
            with at_most(BATCH_SECONDS + seconds_at_most()), timed():
                step = classify_batch(tenant=tenant, now=datetime.now(UTC))
        except Exception as error:  # noqa: BLE001 - the worker's edge: its row was counted, the others go on
            drop_broken_connections()
            if is_outside(error):
                logger.warning("%s rests for %d s: %s", tenant, rests.begin(tenant), type(error).__name__)
                return worked
            logger.error("A batch of %s failed: %s", tenant, type(error).__name__)  # noqa: TRY400 - no exception text
            time.sleep(0.05)
            worked = True
        else:
            total.add(step)
            count(step)
            if not step.claimed and not step.quarantined:
                return worked
            worked = True
            rests.end(tenant)
        if time.monotonic() >= until:
            return worked
