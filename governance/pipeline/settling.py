"""Spares a worker the long walks of the garbage collector, which else come at any moment, also under row locks."""

import gc
import os

_settled = 0


def settle() -> None:
    """Once a process, before its first turn: collect, and leave all that is loaded by now out of later collections.

    A full collection walks everything that Django and the detectors have loaded: seen to take 150 ms, in which a batch
    held its rows. What was frozen is never freed; all of it lives as long as the process anyway.
    """
    global _settled  # noqa: PLW0603 - one a process, and a forked child is another
    if _settled != os.getpid():
        _settled = os.getpid()
        gc.collect()
        gc.freeze()
