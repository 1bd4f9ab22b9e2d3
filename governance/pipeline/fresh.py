"""The only way to make a Celery task: its body runs in a fresh context, and a worker that was left dirty is replaced."""

import threading
from collections.abc import Callable
from contextvars import Context
from functools import wraps
from typing import Any, NoReturn

from billiard.process import current_process
from celery import shared_task  # noqa: TID251 - this is the one way
from celery.platforms import EX_FAILURE
from celery.worker import state

from governance.access.tripwire import trip


class WorkerDirty(Exception):
    """A grant was left open in this worker; the ring is lost, and the sweeper rings again."""


_replaced = threading.Event()


def task(name: str) -> Callable[[Callable[..., None]], Any]:
    """Register the function as the task `name`: ids in, nothing out, in a context of its own."""

    def wrap(body: Callable[..., None]) -> Any:
        @shared_task(name=name, ignore_result=True)
        @wraps(body)
        def fresh(*arguments: Any) -> None:
            if trip("start of a task"):
                _replaced.set()
            if _replaced.is_set():
                leave_worker()
            context = Context()
            try:
                context.run(body, *arguments)
            finally:
                if context.run(trip, "end of a task"):
                    _replaced.set()
                    state.should_stop = EX_FAILURE

        return fresh

    return wrap


def leave_worker() -> NoReturn:
    """Do no work in this process any more.

    A child of the prefork pool ends, the pool starts another one, and the broker gives the ring to that. With the pools
    `solo` and `threads` the worker itself is the process: it takes no further ring, finishes those that run and ends,
    and its supervisor starts it again. A child that finds the fault at a task's end waits for the next ring to say so,
    because a ring whose child ends is given out again, and its fault would go on for ever.
    """
    if current_process().daemon:
        raise SystemExit(EX_FAILURE)
    state.should_stop = EX_FAILURE
    raise WorkerDirty
