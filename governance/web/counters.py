"""The serializer of the one cache backend: counters and times as JSON, nothing else.

Django's default there is pickle, and a value written by somebody else would run code when it is read.
"""

import json
from typing import Any

_LARGEST = 10_000
_LONGEST_MARK = 64


class CounterSerializer:
    """Writes numbers, short marks and lists of numbers; refuses everything that could carry content."""

    def __init__(self, protocol: object = None) -> None:
        """`protocol` is Django's pickle option and has no meaning here."""

    def dumps(self, obj: Any) -> bytes | int:
        """Return the bytes to store. Raises TypeError for anything but counters."""
        if isinstance(obj, int) and not isinstance(obj, bool):
            return obj
        if not _is_counter(obj):
            raise TypeError("The cache keeps counters and times only, never content.")
        return json.dumps(obj).encode()

    def loads(self, data: bytes) -> Any:
        """Return the value stored."""
        return json.loads(data)


def _is_counter(value: Any) -> bool:
    if value is None or isinstance(value, bool | int | float):
        return True
    if isinstance(value, str):
        return len(value) <= _LONGEST_MARK
    return isinstance(value, list | tuple) and len(value) <= _LARGEST and all(_is_number(item) for item in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)
