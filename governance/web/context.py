"""Each request and its response body run in one fresh context of their own, whatever thread the server uses.

Nothing that a request leaves in a context variable is seen by the next one; a grant found open at the start of a
request is a fault of the one before, and is refused before any work is done.
"""

from collections.abc import Callable, Iterable, Iterator
from contextvars import Context
from typing import Any

from governance.access.granting import current

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class GrantLeftOpen(Exception):
    """A grant is open where a request begins."""


class _Body:
    """The response body: each step and the closing run in the request's context."""

    def __init__(self, context: Context, body: Iterable[bytes]) -> None:
        self._context = context
        self._body = body
        self._steps: Iterator[bytes] = context.run(iter, body)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self._context.run(next, self._steps)

    def close(self) -> None:
        """End the body in its own context."""
        close = getattr(self._body, "close", None)
        if close is not None:
            self._context.run(close)


class FreshContext:
    """Wraps a WSGI application."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        context = Context()
        if context.run(current) is not None:
            raise GrantLeftOpen("A grant is open at the start of a request.")
        return _Body(context, context.run(self._application, environ, start_response))
