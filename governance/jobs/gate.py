"""As many workers of a machine are under row locks at once as it has cores; the others wait before they claim.

More would only share the same cores, and each would hold its locks for longer. The kernel keeps the places, so a worker
that is killed frees its own.
"""

import fcntl
import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PLACES: Final = max(1, len(os.sched_getaffinity(0)))
_folder: Final = Path(tempfile.gettempdir()) / f"threadvault-gate-{os.getuid()}"


@contextmanager
def place() -> Iterator[None]:
    """Hold a place; waits for one. Where the machine has no folder for them, everybody may pass."""
    try:
        _folder.mkdir(mode=0o700, exist_ok=True)
        file = _free() or _awaited(random.randrange(PLACES))  # noqa: S311  # nosec B311 - no secret
    except OSError:
        yield
        return
    try:
        yield
    finally:
        os.close(file)


def _opened(number: int) -> int:
    return os.open(_folder / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _free() -> int | None:
    for number in range(PLACES):
        file = _opened(number)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
        else:
            return file
    return None


def _awaited(number: int) -> int:
    file = _opened(number)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except BaseException:
        os.close(file)
        raise
    return file
