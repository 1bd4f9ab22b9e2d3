"""Keys from keys, and keyed hashes over several parts without ambiguity."""

import hashlib
import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32


def derive(secret: bytes, label: str) -> bytes:
    """Return 32 bytes for `label` from a uniformly random 32-byte `secret` (HKDF-SHA256, RFC 5869, without a salt)."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"threadvault/1/" + label.encode()).derive(secret)


def join_parts(*parts: bytes) -> bytes:
    """Return the parts, each behind its 4-byte length: two different lists never give the same bytes."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


class KeyedHash:
    """HMAC-SHA256 (RFC 2104) under one key, for blind indexes and marks; the key never shows."""

    __slots__ = ("_key",)

    def __init__(self, secret: bytes, label: str) -> None:
        self._key = derive(secret, label)

    def digest(self, *parts: bytes) -> bytes:
        """Return 32 bytes over the length-prefixed parts."""
        return hmac.digest(self._key, join_parts(*parts), "sha256")

    def __repr__(self) -> str:
        return "KeyedHash(...)"

    def __reduce__(self) -> str:
        raise TypeError("A keyed hash holds a key and is not pickled.")


def fingerprint(data: bytes) -> bytes:
    """Return the SHA-256 (FIPS 180-4) of `data`."""
    return hashlib.sha256(data).digest()
