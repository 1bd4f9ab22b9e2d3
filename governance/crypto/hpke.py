"""Sealing to a public key (HPKE, RFC 9180, base mode): who seals cannot open, and shows nothing of who it was.

The suite is DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. What is sealed is `encapsulated key (32) | ciphertext |
tag (16)`. `info` binds it to its purpose and place: under other bytes it does not open.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from governance.crypto.derivation import KEY_BYTES, fingerprint
from governance.crypto.errors import CannotOpen, CryptoError

OVERHEAD: Final = 48
_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_ID_BYTES: Final = 8


def key_id(public: bytes) -> str:
    """Return the name of a public key: the first 8 bytes of its SHA-256, in hexadecimal."""
    return fingerprint(public)[:_ID_BYTES].hex()


def seal_to(public: bytes, text: bytes, *, info: bytes) -> bytes:
    """Return `text` sealed to a 32-byte public key. Raises CryptoError where that is no key that can be sealed to."""
    if len(public) != KEY_BYTES:
        raise CryptoError(f"A public key has {KEY_BYTES} bytes; this one has {len(public)}.")
    try:
        return _SUITE.encrypt(text, X25519PublicKey.from_public_bytes(public), info)
    except ValueError:  # A point of small order, with which every secret would be zero (RFC 9180, section 7.1.4).
        raise CryptoError("Nothing can be sealed to this public key.") from None


class RecipientKey:
    """A private key in use: opens what was sealed to its public key, and never shows its bytes."""

    __slots__ = ("_private",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise CryptoError(f"A private key has {KEY_BYTES} bytes; this one has {len(secret)}.")
        self._private = X25519PrivateKey.from_private_bytes(secret)

    @property
    def public(self) -> bytes:
        """The 32-byte public key."""
        return self._private.public_key().public_bytes_raw()

    def open(self, sealed: bytes, *, info: bytes) -> bytes:
        """Return what was sealed. Raises CannotOpen, for whatever reason it does not open."""
        if len(sealed) < OVERHEAD:
            raise CannotOpen from None
        try:
            return _SUITE.decrypt(sealed, self._private, info)
        except (InvalidTag, ValueError):
            raise CannotOpen from None

    def __repr__(self) -> str:
        return f"RecipientKey({key_id(self.public)})"

    def __reduce__(self) -> str:
        raise TypeError("A private key is not pickled.")
