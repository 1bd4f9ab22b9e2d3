"""Does in the foreground what the workers do, in processes of its own."""

import multiprocessing
import time
from collections.abc import Callable
from typing import Final

from django.db import connections

from governance.identity.scoping import tenant_scope
from governance.jobs.claiming import pending_tenants
from governance.pipeline.running import classify_for_all
from governance.pipeline.slices import drain_slice
from governance.privacy.classifying import Progress
from governance.vault.pending import count_pending

IDLE_SECONDS: Final = 90.0  # Longer than what is away lets a tenant rest.


class DrainFailed(Exception):
    """A process of the drain ended early, or what waits needs something that is away."""

    code = "pipeline.drain_failed"


def waiting() -> int:
    """Return how many records of all tenants wait."""
    total = 0
    for tenant in pending_tenants():
        with tenant_scope(tenant):
            total += count_pending()
    return total


def work() -> dict[str, int]:
    """Work until nothing waits and return the counts; the body of one process.

    Where nothing moves any more it gives up, and `left` says how many records wait still.
    """
    total, moved = Progress(), time.monotonic()
    while pending_tenants(1) and time.monotonic() - moved < IDLE_SECONDS:
        done = classify_for_all(seconds=600.0)
        if done.redacted or done.unscanned or done.quarantined:
            moved = time.monotonic()
        total.add(done)
        time.sleep(0.05)
    left = waiting() if time.monotonic() - moved >= IDLE_SECONDS else 0
    return {"redacted": total.redacted, "unscanned": total.unscanned, "quarantined": total.quarantined, "left": left}


def drain(*, workers: int, on_progress: Callable[[int], object]) -> dict[str, int]:
    """Work with `workers` processes until nothing waits; `on_progress` is told how many records still wait."""
    connections.close_all()
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[dict[str, int]] = context.Queue()
    processes = [context.Process(target=drain_slice, args=(results,)) for _ in range(workers)]
    for process in processes:
        process.start()
    while any(process.is_alive() for process in processes):
        on_progress(waiting())
        time.sleep(0.5)
    total = {"redacted": 0, "unscanned": 0, "quarantined": 0}
    failed = sum(process.exitcode != 0 for process in processes)
    if failed:
        raise DrainFailed(f"{failed} of {workers} processes ended early; what they left is waiting still. Run it again.")
    for _ in processes:
        part = results.get(timeout=10)
        if part["left"]:
            raise DrainFailed(f"{part['left']} records wait for what is away, such as a key provider; look at /healthz.")
        total = {name: total[name] + part[name] for name in total}
    return total
