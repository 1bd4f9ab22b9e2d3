"""The only way to make a Celery task: its body runs in a fresh context, and a worker that was left dirty is replaced."""

from collections.abc import Callable
from contextvars import Context
from functools import wraps
from typing import Any

from billiard.process import current_process
from celery import shared_task
from celery.worker import state

from governance.access.tripwire import trip


class WorkerDirty(Exception):
    """A grant was open where a task began; the ring is lost, and the sweeper rings again."""


def task(name: str) -> Callable[[Callable[..., None]], Any]:
    """Register the function as the task `name`: ids in, nothing out, in a context of its own."""

    def wrap(body: Callable[..., None]) -> Any:
        @shared_task(name=name, ignore_result=True)
        @wraps(body)
        def fresh(*arguments: Any) -> None:
            if trip("start of a task"):
                replace_worker()
                raise WorkerDirty
            context = Context()
            try:
                context.run(body, *arguments)
            finally:
                if context.run(trip, "end of a task"):
                    replace_worker()

        return fresh

    return wrap


def replace_worker() -> None:
    """End this process after a grant was left open in it.

    A child of the prefork pool exits, and the pool starts another one. With the pools `solo` and `threads` the worker
    itself is the process: it takes no further task, finishes those that run and ends, and its supervisor starts it again.
    """
    if current_process().daemon:
        raise SystemExit(1)
    state.should_stop = 1
