"""Ed25519 signatures (RFC 8032) over checkpoints and certificates."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from governance.crypto.derivation import derive
from governance.crypto.errors import CryptoError


class BadSignature(CryptoError):
    """The signature is not of this key over these bytes."""

    code = "crypto.bad_signature"


class SigningKey:
    """A signing key in use, made from 32 secret bytes."""

    __slots__ = ("_private",)

    def __init__(self, secret: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(derive(secret, "sign"))

    @property
    def public(self) -> bytes:
        """The 32-byte public key."""
        return self._private.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte signature over `data`."""
        return self._private.sign(data)

    def __repr__(self) -> str:
        return "SigningKey(...)"

    def __reduce__(self) -> str:
        raise TypeError("A signing key is not pickled.")


def verify(public: bytes, signature: bytes, data: bytes) -> None:
    """Return where `signature` is good; raise BadSignature otherwise."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        raise BadSignature("The signature does not belong to this key and these bytes.") from None
