"""Each request and its response body run in one fresh context of their own, whatever thread the server uses.

Nothing that a request leaves in a context variable is seen by the next one. A grant that is found open where a request
begins, in the server's own context, or where it has ended, in the request's, is a fault: it is ended and recorded, the
request is answered 503 where it had not begun, and the server replaces this process.
"""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context
from typing import Any

from governance.access.tripwire import trip

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def stop_gracefully() -> None:
    """Ask this process to finish its requests and end; the server's master starts another one."""
    os.kill(os.getpid(), signal.SIGTERM)


class _Body:
    """The response body: each step and the closing run in the request's context."""

    def __init__(self, context: Context, body: Iterable[bytes], recycle: Callable[[], None]) -> None:
        self._context = context
        self._body = body
        self._recycle = recycle
        self._steps: Iterator[bytes] = context.run(iter, body)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self._context.run(next, self._steps)

    def close(self) -> None:
        """End the body in its own context, and see that it left nothing open."""
        close = getattr(self._body, "close", None)
        try:
            if close is not None:
                self._context.run(close)
        finally:
            if self._context.run(trip, "end of a request"):
                self._recycle()


class FreshContext:
    """Wraps a WSGI application; `recycle` is called after a grant was found open."""

    def __init__(self, application: WSGIApplication, recycle: Callable[[], None] = stop_gracefully) -> None:
        self._application = application
        self._recycle = recycle

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        if trip("start of a request"):
            self._recycle()
            start_response("503 Service Unavailable", [("Content-Length", "0"), ("Retry-After", "1")])
            return []
        context = Context()
        try:
            body = context.run(self._application, environ, start_response)
        except BaseException:
            if context.run(trip, "end of a request"):
                self._recycle()
            raise
        return _Body(context, body, self._recycle)
