"""Does in the foreground what the workers do, in processes of its own."""

import multiprocessing
import time
from collections.abc import Callable

from django.db import connections

from governance.identity.scoping import tenant_scope
from governance.jobs.claiming import pending_tenants
from governance.pipeline.running import classify_for_all
from governance.pipeline.slices import drain_slice
from governance.privacy.classifying import Progress
from governance.vault.pending import count_pending


class DrainFailed(Exception):
    """A process of the drain ended early."""

    code = "pipeline.drain_failed"


def waiting() -> int:
    """Return how many records of all tenants wait."""
    total = 0
    for tenant in pending_tenants():
        with tenant_scope(tenant):
            total += count_pending()
    return total


def work() -> dict[str, int]:
    """Work until nothing waits, and return the counts; the body of one process."""
    total = Progress()
    while pending_tenants(1):
        total.add(classify_for_all(seconds=600.0))
        time.sleep(0.05)
    return {"redacted": total.redacted, "unscanned": total.unscanned, "quarantined": total.quarantined}


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
        total = {name: total[name] + part[name] for name in total}
    return total
