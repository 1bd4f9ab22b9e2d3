"""How long and how often a key version wraps (NIST SP 800-38D section 8.3, SP 800-57 part 1 section 5.3.6)."""

from datetime import datetime, timedelta
from typing import Final

MOST_USES: Final = 2**32  # Random 96-bit nonces: beyond it two of them are too likely to be equal.
ROTATE_AT: Final = MOST_USES * 9 // 10
BLOCK: Final = 4_096  # Uses that a process reserves at once; what it has not used when it ends counts as used.
SHORTEST_WAIT_DAYS: Final = 7
LONGEST_WAIT_DAYS: Final = 30
SANE_DAYS: Final = 30  # Waiting is looked after every minute; one that ended before that tells of a clock that jumped.


def overdue(*, uses: int, activated_at: datetime | None, days: int, now: datetime) -> str:
    """Return why an active version is to be replaced: `uses` or `age` (older than `days`, where that is not 0), or ``.

    One that became active tomorrow or later is of unknown age: the clock was ahead then, or is behind now.
    """
    if uses >= ROTATE_AT:
        return "uses"
    if days and activated_at is not None and not now - timedelta(days=days) < activated_at < now + timedelta(days=1):
        return "age"
    return ""
