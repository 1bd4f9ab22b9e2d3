"""Marks that stand in the place of a finding, and blind-index values of what was found."""

from base64 import b32encode
from uuid import UUID

from governance.crypto.derivation import KeyedHash

CHARACTERS = 5
INDEX_BYTES = 16


class Marker:
    """Names the values found in one conversation: `[PHONE·a91f2]`, stable inside it, different in every other.

    The characters are base32 of HMAC(index key, conversation | type | value), never digits of the value. `found`
    collects the blind-index values of what was marked, which are the same in all conversations of the tenant.
    """

    def __init__(self, *, marks: KeyedHash, values: KeyedHash, conversation: UUID) -> None:
        self._marks = marks
        self._values = values
        self._conversation = conversation
        self.found: set[bytes] = set()

    def __call__(self, kind: str, value: str) -> str:
        """Return the mark of `value`, and remember its blind-index value."""
        self.found.add(value_index(self._values, kind, value))
        digest = self._marks.digest(self._conversation.bytes, kind.encode(), value.encode())
        return f"[{kind}·{b32encode(digest)[:CHARACTERS].decode().lower()}]"


def value_index(values: KeyedHash, kind: str, value: str) -> bytes:
    """Return the blind-index value of a normalised value (16 bytes)."""
    return values.digest(kind.encode(), value.encode())[:INDEX_BYTES]
