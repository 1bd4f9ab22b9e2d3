"""Parameters of `unnest` in PostgreSQL's own binary form of an array, made before the statement is sent.

psycopg makes them while the statement is being sent, and so under the locks of its transaction; a page that is prepared
ahead has them ready. The form is that of array_recv (PostgreSQL, src/backend/utils/adt/arrayfuncs.c): dimensions, a flag
for nulls, the element's type, length and lower bound, then each element behind its length.
"""

import struct
from collections.abc import Collection
from typing import Any, Final

from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEAD: Final = struct.Struct(">iiIii")
_LENGTH: Final = struct.Struct(">i")
_INT: Final = struct.Struct(">ii")
_UUID, _INT4, _BYTEA = 2950, 23, 17
_SIXTEEN: Final = _LENGTH.pack(16)


class Array:
    """An array that is ready to be sent, of one dimension and without nulls."""

    __slots__ = ("sent",)

    def __init__(self, element: int, count: int, body: bytes) -> None:
        self.sent = _HEAD.pack(1, 0, element, count, 1) + body if count else _HEAD.pack(0, 0, element, 0, 0)[:12]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.sent)} bytes)"


class UuidArray(Array):
    """A `uuid[]`, of the 16 bytes of each."""

    def __init__(self, values: Collection[bytes]) -> None:
        super().__init__(_UUID, len(values), b"".join([part for value in values for part in (_SIXTEEN, value)]))


class IntArray(Array):
    """An `int4[]`."""

    def __init__(self, values: Collection[int]) -> None:
        super().__init__(_INT4, len(values), b"".join([_INT.pack(4, value) for value in values]))


class BytesArray(Array):
    """A `bytea[]`."""

    def __init__(self, values: Collection[bytes]) -> None:
        pack = _LENGTH.pack
        super().__init__(_BYTEA, len(values), b"".join([part for value in values for part in (pack(len(value)), value)]))


class _Dumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Array) -> bytes:
        """Return the array as it is sent."""
        return obj.sent


class _UuidDumper(_Dumper):
    oid = 2951


class _IntDumper(_Dumper):
    oid = 1007


class _BytesDumper(_Dumper):
    oid = 1001


def sends_arrays(cursor: Any) -> None:
    """Let a cursor take arrays of this module as parameters."""
    for kind, dumper in ((UuidArray, _UuidDumper), (IntArray, _IntDumper), (BytesArray, _BytesDumper)):
        cursor.adapters.register_dumper(kind, dumper)
