"""A secret under a passphrase: `TVP1 | salt (16) | wrapped secret`, the key by scrypt (RFC 7914; N = 2^17, r = 8, p = 1).

One try takes 128 MiB and about half a second. The wrap is that of `wrapping`, bound to the context that is given.
"""

import os
from typing import Final

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from governance.crypto.derivation import KEY_BYTES
from governance.crypto.errors import CannotOpen
from governance.crypto.wrapping import WrappingKey

MAGIC: Final = b"TVP1"
_SALT_BYTES: Final = 16
_HEAD: Final = len(MAGIC) + _SALT_BYTES


def _key(passphrase: bytes, salt: bytes) -> WrappingKey:
    return WrappingKey(Scrypt(salt=salt, length=KEY_BYTES, n=2**17, r=8, p=1).derive(passphrase))


def lock(secret: bytes, passphrase: bytes, *context: bytes) -> bytes:
    """Return `secret` wrapped under the passphrase and bound to `context`."""
    salt = os.urandom(_SALT_BYTES)
    return MAGIC + salt + _key(passphrase, salt).wrap(secret, *context)


def unlock(locked: bytes, passphrase: bytes, *context: bytes) -> bytes:
    """Return the secret of `lock`. Raises CannotOpen under another passphrase or context."""
    if len(locked) <= _HEAD or locked[: len(MAGIC)] != MAGIC:
        raise CannotOpen from None
    return _key(passphrase, locked[len(MAGIC) : _HEAD]).unwrap(locked[_HEAD:], *context)
