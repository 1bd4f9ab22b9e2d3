"""Does jobs: leases them, hands them to their topic's handler step by step, and decides what an error means.

A handler does one step in transactions of its own: it locks the job, does the work, calls `advance`, and records last.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from governance.audit.recording import record_with_effect
from governance.identity.scoping import tenant_scope
from governance.jobs.claiming import job_tenants
from governance.jobs.leasing import Later, Leased, LeaseLost, claim_job, fail, postpone, release
from governance.keys.errors import KeyNotWarm
from governance.pipeline.running import SECONDS
from governance.pipeline.turns import drop_broken_connections, in_turns, is_outside, rests
from governance.pipeline.watchdog import at_most
from governance.privacy.plugins.asking import seconds_at_most

logger = logging.getLogger(__name__)
Handler = Callable[[Leased], None]
STEP_SECONDS: Final = 50.0
_TRIES: Final = 3


def work_for_all(handlers: Mapping[str, Handler], *, first: UUID | None = None, seconds: float = SECONDS) -> int:
    """Work on the jobs of all tenants in turns, for at most `seconds`; return how many steps were done."""
    steps = 0

    def turn(tenant: UUID, until: float) -> bool:
        nonlocal steps
        done = _turn(handlers, tenant, until)
        steps += done
        return done > 0

    in_turns(job_tenants, turn, first=first, seconds=seconds)
    return steps


def _turn(handlers: Mapping[str, Handler], tenant: UUID, until: float) -> int:
    with tenant_scope(tenant):
        leased, spent = claim_job(handlers)
        if spent:
            _record_quarantine(tenant, spent)
    if leased is None:
        return len(spent)
    try:
        steps = _steps(handlers[leased.topic], leased, until)
    except LeaseLost:
        return 1
    except Later as later:
        with tenant_scope(tenant):
            postpone(leased, reason=later.reason, seconds=later.seconds)
        return 1
    except Exception as error:  # noqa: BLE001 - the worker's edge: the attempt was counted, other jobs go on
        return _give_back(tenant, leased, error)
    if not leased.finished:
        with tenant_scope(tenant):
            release(leased)
    return steps


def _steps(handler: Handler, leased: Leased, until: float) -> int:
    steps = 0
    while not leased.finished and (steps == 0 or time.monotonic() < until):
        with at_most(STEP_SECONDS + 2 * seconds_at_most()):
            _step(handler, leased)
        steps += 1
        rests.end(leased.tenant)
    return steps


def _step(handler: Handler, leased: Leased) -> None:
    """Do one step; once more where a rotation came between the warming of its keys and its transaction."""
    for _ in range(_TRIES - 1):
        try:
            return handler(leased)
        except KeyNotWarm:
            leased.rolled_back()
    return handler(leased)


def _give_back(tenant: UUID, leased: Leased, error: Exception) -> int:
    """Leave a job that failed to whoever is next; return how many steps that counts for."""
    name = type(error).__name__
    drop_broken_connections()
    with tenant_scope(tenant):
        if is_outside(error):
            postpone(leased, reason=name, seconds=rests.begin(tenant))
            return 0
        logger.error("Job %s (%s) failed: %s", leased.id, leased.topic, name)  # No text of the exception.
        if fail(leased, reason=f"{name}, three times without a step forward"):
            _record_quarantine(tenant, (leased.id,))
    return 1


def _record_quarantine(tenant: UUID, jobs: tuple[UUID, ...]) -> None:
    record_with_effect(tenant=tenant, event="job.quarantined", actor_kind="worker", jobs=[str(job) for job in jobs])
