"""A short secret wrapped by a key-encryption key: `TVW1 | nonce (12) | ciphertext | tag (16)`; a data key takes 64 bytes.

The AAD holds the key version, so a rewrap touches the wrapped keys and no message; and the owner of the key, so that a
wrapped key cannot be moved to another row.
"""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from governance.crypto.derivation import KEY_BYTES, derive, join_parts
from governance.crypto.errors import CannotOpen, CryptoError

MAGIC: Final = b"TVW1"
OVERHEAD: Final = 32
LONGEST: Final = 4096


class WrappingKey:
    """A key-encryption key in use (AES-256-GCM, random 96-bit nonces: at most 2^32 wraps, SP 800-38D section 8.3)."""

    __slots__ = ("_aead",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise CryptoError(f"A key-encryption key has {KEY_BYTES} bytes; this one has {len(secret)}.")
        self._aead = AESGCM(derive(secret, "wrap"))

    def wrap(self, secret: bytes, *context: bytes) -> bytes:
        """Return `secret` (a data key has 32 bytes) wrapped and bound to `context`, in 32 bytes more."""
        if not 0 < len(secret) <= LONGEST:
            raise CryptoError(f"A wrapped secret has 1 to {LONGEST} bytes; this one has {len(secret)}.")
        nonce = os.urandom(12)
        return MAGIC + nonce + self._aead.encrypt(nonce, secret, join_parts(MAGIC, *context))

    def unwrap(self, wrapped: bytes, *context: bytes) -> bytes:
        """Return the secret. Raises CannotOpen under another key or context."""
        wrapped = bytes(wrapped)
        if len(wrapped) <= OVERHEAD or wrapped[:4] != MAGIC:
            raise CannotOpen from None
        try:
            return self._aead.decrypt(wrapped[4:16], wrapped[16:], join_parts(MAGIC, *context))
        except InvalidTag:
            raise CannotOpen from None

    def __repr__(self) -> str:
        return "WrappingKey(...)"

    def __reduce__(self) -> str:
        raise TypeError("A wrapping key is not pickled.")


def new_secret() -> bytes:
    """Return 32 random bytes from the operating system for a new key."""
    return os.urandom(KEY_BYTES)
