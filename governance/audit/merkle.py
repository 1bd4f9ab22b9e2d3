"""Merkle trees (RFC 6962, section 2.1): SHA-256, leaves prefixed by 0x00 and inner nodes by 0x01. Pure.

What it guarantees: a proof verifies only for the sizes, roots and leaf that it was made for; every failure is BadProof.
Roots and proofs are lists of 32-byte hashes, in the order of RFC 6962.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


class BadProof(Exception):
    """A Merkle proof does not show what it claims to show."""

    code = "audit.bad_proof"


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of one leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_hash(leaves: Sequence[bytes]) -> bytes:
    """Return the tree hash over the leaves' data, in order; of no leaves the SHA-256 of nothing."""
    return _root([leaf_hash(data) for data in leaves])


def _root(level: list[bytes]) -> bytes:
    """Return the root over leaf hashes.

    The tree of n leaves splits at the largest power of two below n; level by level that is pairing neighbours and
    carrying an odd last node up unchanged.
    """
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        paired = [node_hash(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = [*paired, level[-1]] if len(level) % 2 else paired
    return level[0]


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return PATH(index, leaves) of section 2.1.1. Raises BadProof where there is no such leaf."""
    if not 0 <= index < len(leaves):
        raise BadProof(f"There is no leaf {index} in a tree of {len(leaves)}.")
    level, proof = [leaf_hash(data) for data in leaves], list[bytes]()
    while len(level) > 1:
        if index ^ 1 < len(level):
            proof.append(level[index ^ 1])
        paired = [node_hash(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = [*paired, level[-1]] if len(level) % 2 else paired
        index //= 2
    return proof


def verify_inclusion(*, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Return where `proof` shows that the leaf hash `leaf` stands at `index` of the tree of `size`; else raise BadProof."""
    if not 0 <= index < size:
        raise BadProof(f"There is no leaf {index} in a tree of {size}.")
    _check_lengths(leaf, *proof)
    node, position, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            raise BadProof("The inclusion proof is too long.")
        node, position, last = _climb(node, sibling, position, last)
    if last != 0:
        raise BadProof("The inclusion proof is too short.")
    if node != root:
        raise BadProof("The inclusion proof gives another root.")


def _climb(node: bytes, sibling: bytes, position: int, last: int) -> tuple[bytes, int, int]:
    """Return the parent with its place; where the node is an odd last one, skip the levels that carry it up."""
    if position % 2 or position == last:
        parent = node_hash(sibling, node)
        while position % 2 == 0 and position != 0:
            position, last = position // 2, last // 2
    else:
        parent = node_hash(node, sibling)
    return parent, position // 2, last // 2


def consistency_proof(leaves: Sequence[bytes], first: int) -> list[bytes]:
    """Return PROOF(first, leaves) of section 2.1.2. Raises BadProof where the tree never had that size."""
    if not 0 < first <= len(leaves):
        raise BadProof(f"A tree of {len(leaves)} leaves is not proved to begin with one of {first}.")
    return _subproof(first, [leaf_hash(data) for data in leaves], whole=True)


def _subproof(first: int, hashes: list[bytes], *, whole: bool) -> list[bytes]:
    if first == len(hashes):
        return [] if whole else [_root(hashes)]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    if first <= split:
        return [*_subproof(first, hashes[:split], whole=whole), _root(hashes[split:])]
    return [*_subproof(first - split, hashes[split:], whole=False), _root(hashes[:split])]


def verify_consistency(*, first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]) -> None:
    """Return where `proof` shows that the tree of `second` leaves begins with the tree of `first`; else raise BadProof.

    The empty tree is refused as `first`: every tree begins with it, so it proves nothing.
    """
    if not 0 < first <= second:
        raise BadProof(f"A tree of {second} leaves is not proved to begin with one of {first}.")
    _check_lengths(*proof)
    if first == second:
        if proof or first_root != second_root:
            raise BadProof("Two trees of one size have different roots, or the proof is not empty.")
        return
    old, new = _replay(first, second, first_root, proof)
    if old != first_root or new != second_root:
        raise BadProof("The consistency proof gives other roots.")


def _replay(first: int, second: int, first_root: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return both roots as the proof gives them (RFC 9162, section 2.1.4.2, which words the same proof's check)."""
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if len(path) <= (first & (first - 1) == 0):
        raise BadProof("The consistency proof is too short.")
    position, last = first - 1, second - 1
    while position % 2:
        position, last = position // 2, last // 2
    old = new = path[0]
    for node in path[1:]:
        if last == 0:
            raise BadProof("The consistency proof is too long.")
        if position % 2 or position == last:
            old = node_hash(node, old)
        new, position, last = _climb(new, node, position, last)
    if last != 0:
        raise BadProof("The consistency proof is too short.")
    return old, new


def _check_lengths(*hashes: bytes) -> None:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise BadProof("A hash in the proof is not of 32 bytes.")


@dataclass(slots=True)
class Frontier:
    """A tree that grows: the roots of its perfect subtrees, largest first, which is all that appending needs.

    A tree of n leaves has as many of them as n has one-bits, so it is kept in at most 2 KiB beside a checkpoint.
    """

    size: int = 0
    nodes: list[bytes] = field(default_factory=list)

    def append(self, data: bytes) -> None:
        """Add the leaf with `data`."""
        node, size = leaf_hash(data), self.size
        while size & 1:
            node, size = node_hash(self.nodes.pop(), node), size >> 1
        self.nodes.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Return the tree hash of what was added."""
        if not self.nodes:
            return EMPTY_ROOT
        node = self.nodes[-1]
        for left in reversed(self.nodes[:-1]):
            node = node_hash(left, node)
        return node

    def packed(self) -> bytes:
        """Return the nodes one behind the other; the size is kept beside them."""
        return b"".join(self.nodes)

    @classmethod
    def unpacked(cls, size: int, packed: bytes) -> "Frontier":
        """Return the frontier of `packed`. Raises BadProof where its length does not fit the size."""
        if size < 0 or len(packed) != HASH_BYTES * size.bit_count():
            raise BadProof("A Merkle frontier does not fit its size.")
        return cls(size, [packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)])
