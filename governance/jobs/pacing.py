"""How much a worker claims at once: as much as it worked off in a few hundredths of a second the last time.

Large batches are cheap, but their rows are locked together. How many that may be depends on the texts, on the machine
and on who else uses it.
"""

import threading
from dataclasses import dataclass, field
from typing import Final

SECONDS: Final = 0.035  # How long the locks of a batch should be held.
_GROWTH: Final = 1.25
_LEAST: Final = 1 / 64


@dataclass(slots=True)
class Pace:
    """The share of the largest batch that is claimed next; one for a process and kind of row, safe among threads."""

    _share: float = 0.25
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, most: int) -> int:
        """Return how much of `most` to take now; at least one."""
        with self._lock:
            return max(1, int(most * self._share))

    def took(self, seconds: float) -> None:
        """Learn from a batch whose locks were held for `seconds`."""
        with self._lock:
            change = min(_GROWTH, SECONDS / max(seconds, 1e-6))
            self._share = min(1.0, max(_LEAST, self._share * change))
