"""The sign of life of schedule, broker and workers together: the sweep, which the schedule rings for every five seconds.

It lies in the cache of counters, a time and nothing else.
"""

import time
from typing import Final

from django.core.cache import cache
from redis.exceptions import RedisError

_NAME: Final = "heartbeat"
_KEPT: Final = 24 * 3600
LATE: Final = 60.0  # Seconds without a sign; the sweep runs every five.


def beat() -> None:
    """Say that a worker works now."""
    cache.set(_NAME, time.time(), timeout=_KEPT)


def age() -> float | None:
    """Return the seconds since the last sign of life, or None where there was none or the cache does not answer."""
    try:
        last = cache.get(_NAME)
    except (RedisError, OSError):
        return None
    return max(0.0, time.time() - last) if isinstance(last, int | float) else None
