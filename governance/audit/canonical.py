"""The bytes of an audit entry, which freeze here: what is hashed, and how it is parsed back.

The body is JSON by RFC 8785 for the values that occur (strings, integers, booleans, null, lists, objects with ASCII
keys): keys sorted, no spaces, UTF-8. Around it the database function puts what only it knows under the chain's lock:

    hash = SHA-256( "TVA1" | tenant (16) | sequence (8) | microseconds since 1970 UTC (8) | previous hash (32) | body )

All integers are big-endian and signed. The first entry of a chain has 32 zero bytes as its previous hash.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

MAGIC: Final = b"TVA1"
NO_HASH: Final = bytes(32)
SYSTEM: Final = UUID(int=0)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBERS: Final = struct.Struct(">qq")


def body_bytes(fields: Mapping[str, Any]) -> bytes:
    """Return the canonical JSON of `fields`. Raises TypeError for floats and anything that is not plain JSON."""
    _refuse_floats(fields)
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise TypeError("An audit entry holds no floats: their text is not canonical.")
    if isinstance(value, Mapping):
        for inner in value.values():
            _refuse_floats(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_floats(inner)


def microseconds_of(moment: datetime) -> int:
    """Return the whole microseconds since 1970 in UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(microseconds: int) -> datetime:
    """Return the UTC time of `microseconds_of`."""
    return _EPOCH + timedelta(microseconds=microseconds)


def hash_of(tenant: bytes, sequence: int, microseconds: int, previous: bytes, body: bytes) -> bytes:
    """Return the 32-byte hash of one entry, as the database function computes it."""
    return hashlib.sha256(MAGIC + tenant + _NUMBERS.pack(sequence, microseconds) + previous + body).digest()


def entry_hash(*, tenant: UUID, sequence: int, recorded_at: datetime, previous: bytes, body: bytes) -> bytes:
    """Return the 32-byte hash of one entry, as the database function computes it."""
    return hash_of(tenant.bytes, sequence, microseconds_of(recorded_at), previous, body)
