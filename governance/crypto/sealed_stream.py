"""Long data in sealed chunks, so that nothing of it is ever whole in memory or in clear on a disk (STREAM).

Source: Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance",
CRYPTO 2015, section 7. Each chunk is AES-256-GCM of at most 65,536 bytes under a key that seals one stream only:

    nonce = number of the chunk (11 bytes, big-endian) | 1 in the last chunk, else 0 (1 byte)

Every chunk but the last is full. The AAD is the context of the stream. So a chunk that is changed, moved, doubled, taken
from another stream, or missing, at the end too, does not open.
"""

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from governance.crypto.derivation import KEY_BYTES, derive
from governance.crypto.errors import CannotOpen, CryptoError

CHUNK: Final = 65_536
TAG_BYTES: Final = 16
_COUNTER_BYTES: Final = 11


class Target(Protocol):
    """What sealed chunks are written to."""

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""


class Source(Protocol):
    """What sealed chunks are read from."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many of the next bytes; none at the end."""


def _aead(secret: bytes) -> AESGCM:
    if len(secret) != KEY_BYTES:
        raise CryptoError(f"The key of a stream has {KEY_BYTES} bytes; this one has {len(secret)}.")
    return AESGCM(derive(secret, "stream"))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(_COUNTER_BYTES, "big") + bytes([last])


class StreamSealer:
    """Seals what is written; `finish` seals the last chunk, and without it the stream does not open."""

    __slots__ = ("_aead", "_context", "_number", "_target", "_waiting")

    def __init__(self, target: Target, *, secret: bytes, context: bytes) -> None:
        self._aead = _aead(secret)
        self._target = target
        self._context = context
        self._number = 0
        self._waiting = bytearray()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes, of any length."""
        self._waiting += data
        while len(self._waiting) > CHUNK:
            self._seal(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]

    def finish(self) -> None:
        """Seal what is left as the last chunk."""
        self._seal(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        self._target.write(self._aead.encrypt(_nonce(self._number, last=last), chunk, self._context))
        self._number += 1

    def __repr__(self) -> str:
        return f"StreamSealer({self._number} chunks)"

    def __reduce__(self) -> str:
        raise TypeError("A stream sealer holds a key and is not pickled.")


def open_stream(file: Source, *, secret: bytes, context: bytes) -> Iterator[bytes]:
    """Yield the chunks of a stream from where `file` stands to its end. Raises CannotOpen at the first that does not open.

    What was yielded before an error is genuine and in order; that it is whole is known at the end only.
    """
    aead, number = _aead(secret), 0
    sealed = _read(file.read, CHUNK + TAG_BYTES)
    while True:
        following = _read(file.read, CHUNK + TAG_BYTES) if len(sealed) == CHUNK + TAG_BYTES else b""
        try:
            chunk = aead.decrypt(_nonce(number, last=not following), sealed, context)
        except (InvalidTag, ValueError):
            raise CannotOpen from None
        if not chunk and number:
            raise CannotOpen from None  # Only a stream of nothing ends in an empty chunk.
        yield chunk
        if not following:
            return
        sealed, number = following, number + 1


def _read(read: Callable[[int], bytes], size: int) -> bytes:
    """Read `size` bytes, fewer only at the end."""
    found = read(size)
    while len(found) < size and (more := read(size - len(found))):
        found += more
    return found
