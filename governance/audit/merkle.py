"""Merkle tree hashes (RFC 6962, section 2.1): SHA-256, leaves prefixed by 0x00 and inner nodes by 0x01."""

import hashlib
from collections.abc import Sequence
from typing import Final

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of one leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def root_hash(leaves: Sequence[bytes]) -> bytes:
    """Return the tree hash over the leaves' data, in order; of no leaves the SHA-256 of nothing.

    The tree of n leaves splits at the largest power of two below n; level by level that is pairing neighbours and
    carrying an odd last node up unchanged.
    """
    level = [leaf_hash(data) for data in leaves]
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        paired = [hashlib.sha256(b"\x01" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)]
        level = [*paired, level[-1]] if len(level) % 2 else paired
    return level[0]
