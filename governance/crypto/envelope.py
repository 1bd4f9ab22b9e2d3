"""Envelope version 1: how one sealed value lies in the database, byte by byte.

    offset  bytes  field
    0       4      magic `TVE1`
    4       1      algorithm: 1 = AES-256-GCM (NIST SP 800-38D)
    5       1      flags: all bits 0 in this version
    6       16     data-key id (UUID)
    22      8      commitment: first 8 bytes of HMAC-SHA256(HKDF(data key, "commit"), data-key id)
    30      12     nonce, from the operating system
    42      n      ciphertext of the PADMÉ-padded text, then the 16-byte tag

The AAD is each of magic, algorithm, flags, tenant, conversation, message, column label, data-key id and revision
(u32), behind a 2-byte length. So a value opens only at the place and in the revision it was sealed for. GCM alone does
not commit to its key; the commitment is compared in constant time before anything is decrypted.
"""

import hmac
import os
import struct
from typing import Final, NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from governance.crypto.derivation import KEY_BYTES, derive
from governance.crypto.errors import CannotOpen, CryptoError, UnknownFormat
from governance.crypto.padding import pad, unpad

MAGIC: Final = b"TVE1"
AES_256_GCM: Final = 1
NO_FLAGS: Final = 0
HEADER_BYTES: Final = 42
TAG_BYTES: Final = 16
SMALLEST: Final = HEADER_BYTES + 4 + TAG_BYTES
LARGEST_REVISION: Final = 2**32 - 1
_PREFIX: Final = MAGIC + bytes([AES_256_GCM, NO_FLAGS])
_REVISION: Final = struct.Struct(">HI")
_AAD_HEAD: Final = b"\x00\x04" + MAGIC + b"\x00\x01" + bytes([AES_256_GCM]) + b"\x00\x01" + bytes([NO_FLAGS])
_SIXTEEN: Final = b"\x00\x10"
_END: Final = len(_SIXTEEN) + 16 + _REVISION.size


class Place(NamedTuple):
    """Where a sealed value belongs: a tenant's conversation, a message of it, a column label, and the seal's number."""

    tenant: UUID
    conversation: UUID
    message: UUID
    column: str
    revision: int


def associated_data(place: Place, data_key: UUID) -> bytes:
    """Return the AAD of `place` under `data_key`; different places never give the same bytes."""
    column = place.column.encode()
    return b"".join(
        (
            _AAD_HEAD,
            _SIXTEEN,
            place.tenant.bytes,
            _SIXTEEN,
            place.conversation.bytes,
            _SIXTEEN,
            place.message.bytes,
            len(column).to_bytes(2, "big"),
            column,
            _SIXTEEN,
            data_key.bytes,
            _REVISION.pack(4, place.revision),
        )
    )


def _under(data_key: UUID, revision: int, aad: bytes) -> bytes:
    """Return the AAD of the same place under another key in another revision, which stand at its end."""
    return aad[:-_END] + _SIXTEEN + data_key.bytes + _REVISION.pack(4, revision)


def data_key_of(envelope: bytes) -> UUID:
    """Return the data-key id that an envelope names. Raises UnknownFormat where it is no envelope of version 1."""
    _check_format(envelope)
    return UUID(bytes=bytes(envelope[6:22]))


def _check_format(envelope: bytes) -> None:
    if len(envelope) < SMALLEST or envelope[:6] != _PREFIX:
        raise UnknownFormat from None


class OpenDataKey:
    """A data key in use: seals and opens, and never shows, copies or pickles its bytes.

    One AEAD object serves all calls: building it for each costs 1.5 to 2 times as much.
    """

    __slots__ = ("_aead", "_header", "id")

    def __init__(self, *, key_id: UUID, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise CryptoError(f"A data key has {KEY_BYTES} bytes; this one has {len(secret)}.")
        self.id = key_id
        self._aead = AESGCM(derive(secret, "seal"))
        commitment = hmac.digest(derive(secret, "commit"), key_id.bytes, "sha256")[:8]
        self._header = _PREFIX + key_id.bytes + commitment

    def seal(self, text: bytes, place: Place) -> bytes:
        """Return the envelope of `text` for `place`. Raises TooLarge over 2^31 - 1 bytes."""
        return self._encrypt(pad(text), associated_data(place, self.id))

    def open(self, envelope: bytes, place: Place) -> bytes:
        """Return the text sealed at `place`. Raises CannotOpen, for whatever reason it does not open."""
        return unpad(self._decrypt(envelope, associated_data(place, self.id)))

    def prove(self, envelope: bytes, place: Place) -> None:
        """Return where the envelope opens; its text does not leave this module. Raises CannotOpen as `open` does."""
        unpad(self._decrypt(envelope, associated_data(place, self.id)))

    def _encrypt(self, padded: bytes, aad: bytes) -> bytes:
        nonce = os.urandom(12)
        return self._header + nonce + self._aead.encrypt(nonce, padded, aad)

    def _decrypt(self, envelope: bytes, aad: bytes) -> bytes:
        envelope = bytes(envelope)
        _check_format(envelope)
        if not hmac.compare_digest(envelope[:30], self._header):  # The key's id and its commitment.
            raise CannotOpen from None
        try:
            return self._aead.decrypt(envelope[30:42], envelope[42:], aad)
        except InvalidTag:
            raise CannotOpen from None

    def hand_over(self, envelope: bytes, place: Place, *, to: "OpenDataKey", revision: int) -> bytes:
        """Return what is sealed at `place`, sealed there under another key in `revision`; its text stays in this module.

        Raises CannotOpen as `open` does.
        """
        aad = associated_data(place, self.id)
        return to._encrypt(self._decrypt(envelope, aad), _under(to.id, revision, aad))  # noqa: SLF001 - of this class

    def __repr__(self) -> str:
        return f"OpenDataKey({self.id})"

    def __reduce__(self) -> str:
        raise TypeError("An open data key is not pickled.")

    def __copy__(self) -> "OpenDataKey":
        raise TypeError("An open data key is not copied.")
