"""As many workers of a machine are under row locks at once as it has cores; the others wait before they claim.

More would only share the same cores, and each would hold its locks for longer. The kernel keeps the places, so a worker
that is killed frees its own.
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PLACES: Final = max(1, len(os.sched_getaffinity(0)))
PATIENCE: Final = 1.0
_LOOK: Final = 0.002
_folder: Final = Path(tempfile.gettempdir()) / f"threadvault-gate-{os.getuid()}"


@contextmanager
def place() -> Iterator[None]:
    """Hold a place, or go on without one after `PATIENCE` seconds: this saves time, and nothing is unsafe without it."""
    files = _opened()
    try:
        _take(files)
        yield
    finally:
        for file in files:
            os.close(file)


def _opened() -> list[int]:
    try:
        _folder.mkdir(mode=0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return [os.open(_folder / str(number), flags, 0o600) for number in range(PLACES)]
    except OSError:
        return []  # A machine without a folder for it.


def _take(files: list[int]) -> None:
    until = time.monotonic() + PATIENCE
    while files:
        for file in files:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            return
        if time.monotonic() >= until:
            return
        time.sleep(_LOOK)
