"""Keeps the text of exceptions out of logs: a database error quotes rows, a parser quotes its input."""

import json
import logging
import traceback
from collections.abc import Mapping
from copy import copy
from typing import Any, Final

import structlog

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


KNOWN: Final = ("timestamp", "level", "logger", "event", "tenant", "job", "code", "count", "seconds")


def only_known(_logger: Any, _method: str, fields: Any) -> dict[str, Any]:
    """Drop every field that is not known to hold ids, codes and numbers: whatever a library hangs on a record stays out."""
    return {name: fields[name] for name in KNOWN if name in fields}


def _one_line_of(_logger: Any, _method: str, fields: Any) -> str:
    return json.dumps(fields, ensure_ascii=True, default=lambda value: type(value).__name__)


class JsonLines(structlog.stdlib.ProcessorFormatter):
    """The formatter of `THREADVAULT_LOG_FORMAT=json`, for our records and for those of libraries."""

    def __init__(self) -> None:
        before: list[Any] = [
            structlog.stdlib.ExtraAdder(),
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ]
        super().__init__(foreign_pre_chain=before, processors=[only_known, _one_line_of])

    def format(self, record: logging.LogRecord) -> str:
        """Return one line; what the filter left of an exception, its type and places, stands behind the event."""
        if record.exc_text:
            record = copy(record)
            record.msg, record.args, record.exc_text = f"{record.getMessage()} | {record.exc_text}", None, None
        return super().format(record)
