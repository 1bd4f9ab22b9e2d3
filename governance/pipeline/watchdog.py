"""Ends a worker that hangs, and limits what it may take: a batch that takes far too long takes its process with it.

The timer is a thread of the interpreter that needs no lock of it, so a loop in a library written in C ends, too. What
it writes are the names of functions and lines of the stack.
"""

import faulthandler
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_STANDARD_ERROR = 2  # By its number: whatever stands in the place of `sys.stderr` may have none.
_lock = threading.Lock()
_inside = 0


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """End this process with status 1 where the block is not over after `seconds`.

    The blocks of a process share one timer: while several run, each that begins winds it up for all.
    """
    global _inside  # noqa: PLW0603 - the timer is one a process, too
    with _lock:
        faulthandler.dump_traceback_later(seconds, exit=True, file=_STANDARD_ERROR)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                faulthandler.cancel_dump_traceback_later()


def limit_memory(megabytes: int) -> None:
    """Let this process allocate at most so many MiB of data (RLIMIT_DATA); beyond it, MemoryError."""
    most = megabytes * 1024 * 1024
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
