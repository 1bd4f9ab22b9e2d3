"""What Prometheus is told: counts of what workers did, and at each scrape what the database knows.

Counts are kept by each process in the folder that PROMETHEUS_MULTIPROC_DIR names and summed by whoever exports them
(`manage.py metrics`); without it they are this process's own. Labels are ids of tenants, topics and states, never content.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

from django.db import connection
from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from governance.identity.models import Tenant
from governance.identity.scoping import tenant_scope
from governance.keys import warming
from governance.pipeline.heartbeat import age
from governance.privacy.classifying import Progress

RECORDS: Final = Counter("threadvault_records", "Records that workers were done with.", ["outcome"])
BATCH_SECONDS: Final = Histogram(
    "threadvault_batch_seconds", "Time of one batch, locks included.", buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30)
)
FAILURES: Final = Counter("threadvault_batches_failed", "Batches that ended in an error.")
KEYS: Final = Counter("threadvault_key_cache", "Wrapping keys asked of the cache of a process.", ["answer"])
_BACKLOG: Final = (
    "SELECT count(*) FILTER (WHERE state = 0), extract(epoch FROM now() - min(created_at) FILTER (WHERE state = 0)),"
    " count(*) FILTER (WHERE state = 3) FROM governance_message WHERE state IN (0, 3)"
)
_JOBS: Final = "SELECT topic, state, count(*) FROM governance_job WHERE state NOT IN ('done', 'cancelled') GROUP BY 1, 2"
_LOCKS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = current_user"
    " AND datname = current_database()"
)


def count(progress: Progress) -> None:
    """Count what a batch came to, and how the cache of keys answered since the last one."""
    for outcome in ("redacted", "unscanned", "quarantined"):
        if number := getattr(progress, outcome):
            RECORDS.labels(outcome).inc(number)
    for answer, number in warming.answers().items():
        if number:
            KEYS.labels(answer).inc(number)


@contextmanager
def timed() -> Iterator[None]:
    """Measure one batch; one that raises is counted as failed."""
    began = time.perf_counter()
    try:
        yield
    except Exception:
        FAILURES.inc()
        raise
    BATCH_SECONDS.observe(time.perf_counter() - began)


class VaultCollector(Collector):
    """Asks the database at each scrape, one short scope a tenant."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield backlog and its age, quarantine and open jobs of each tenant, lock waits and the age of the heartbeat."""
        waiting = _gauge("threadvault_backlog_messages", "Messages that wait for a worker.")
        oldest = _gauge("threadvault_backlog_age_seconds", "How long the oldest of them waits.")
        aside = _gauge("threadvault_quarantined_messages", "Messages that were set aside.")
        jobs = _gauge("threadvault_jobs", "Jobs that are neither done nor cancelled.", "topic", "state")
        for tenant in Tenant.objects.values_list("id", flat=True):
            (pending, seconds, quarantined), open_jobs = figures_of(tenant)
            waiting.add_metric([str(tenant)], pending)
            oldest.add_metric([str(tenant)], float(seconds or 0))
            aside.add_metric([str(tenant)], quarantined)
            for topic, state, number in open_jobs:
                jobs.add_metric([str(tenant), topic, state], number)
        yield from (waiting, oldest, aside, jobs)
        with connection.cursor() as cursor:
            cursor.execute(_LOCKS)
            (locks,) = cursor.fetchone()
        yield GaugeMetricFamily("threadvault_lock_waits", "Sessions of the application that wait for a lock now.", locks)
        beat = age()
        since = GaugeMetricFamily("threadvault_heartbeat_age_seconds", "Since a worker last did what the schedule rang for.")
        if beat is not None:
            since.add_metric([], beat)
        yield since


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=["tenant", *labels])


def figures_of(tenant: UUID) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
    """Return backlog, seconds that its oldest waits (None: none does) and quarantine; and open jobs by topic and state."""
    with tenant_scope(tenant), connection.cursor() as cursor:
        cursor.execute(_BACKLOG)
        return cursor.fetchone(), open_jobs()


def open_jobs() -> list[tuple[Any, ...]]:
    """Return how many jobs are not over, by topic and state; inside the tenant's scope."""
    with connection.cursor() as cursor:
        cursor.execute(_JOBS)
        return list(cursor.fetchall())
