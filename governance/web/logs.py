"""Keeps the text of exceptions out of logs: a database error quotes rows, a parser quotes its input."""

import logging
import traceback
from collections.abc import Mapping
from typing import Any, Final

_OF_TASKS: Final = frozenset({"exc", "traceback", "args", "kwargs", "return_value", "internal"})


class NoExceptionText(logging.Filter):
    """Replaces a logged exception by its type and the places it passed; its message may hold content."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; never drop it."""
        if record.exc_info and record.exc_info[0] is not None:
            frames = traceback.extract_tb(record.exc_info[2])
            places = "\n".join(f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
            record.exc_text = f"{record.exc_info[0].__module__}.{record.exc_info[0].__qualname__} at\n{places}"
            record.exc_info = None
        record.args = _one_line(record.args)
        return True


def _one_line(arguments: Any) -> Any:
    """Escape control characters in text arguments, so that nothing forges a line of the log.

    Celery logs a task with a mapping that holds the exception's text, the traceback's, arguments and result: they stay out.
    """
    if isinstance(arguments, tuple):
        return tuple(_escape(value) for value in arguments)
    if isinstance(arguments, Mapping):
        return {name: "(withheld)" if name in _OF_TASKS else _escape(value) for name, value in arguments.items()}
    return arguments


def _escape(value: object) -> object:
    if isinstance(value, BaseException):
        return type(value).__name__
    if isinstance(value, str) and not value.isprintable():
        return value.encode("unicode_escape").decode("ascii")
    return value
