"""What is signed about a chain, as data: checkpoints, and the acceptance of a head after a failover. Pure.

A checkpoint signs, with Ed25519 (RFC 8032), integers big-endian and signed:

    "TVC2" | tenant (16) | sequence (8) | hash of that entry (32) | Merkle root over all entry hashes (32) | microseconds (8)

An acceptance signs, so that whoever only writes the database cannot accept a loss in somebody's name:

    "TVH1" | tenant (16) | kept sequence (8) | kept hash (32) | SHA-256 of the lost, each
    sequence (8) | hash (32)
"""

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from governance.audit.errors import AuditError
from governance.crypto.signing import BadSignature, SigningKey, verify

_NUMBER: Final = struct.Struct(">q")


class UnreadableRecord(AuditError):
    """A line of an export or of a sink's file is not what it should be."""

    code = "audit.unreadable"


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A checkpoint outside the database: what it says, and its signature."""

    tenant: UUID
    sequence: int
    head_hash: bytes
    root: bytes
    microseconds: int
    public_key: bytes = b""
    signature: bytes = b""

    def signed_bytes(self) -> bytes:
        """Return what the signature is over."""
        numbers = _NUMBER.pack(self.sequence), _NUMBER.pack(self.microseconds)
        return b"TVC2" + self.tenant.bytes + numbers[0] + self.head_hash + self.root + numbers[1]

    def signed_by(self, signer: SigningKey) -> "SignedHead":
        """Return the same head with the signature of `signer`."""
        facts = self.tenant, self.sequence, self.head_hash, self.root, self.microseconds
        return SignedHead(*facts, public_key=signer.public, signature=signer.sign(self.signed_bytes()))

    def fault(self, trusted: frozenset[bytes]) -> str:
        """Return what is wrong with the signature, or nothing; without `trusted` keys any key may have signed."""
        if trusted and self.public_key not in trusted:
            return "is signed by another key"
        try:
            verify(self.public_key, self.signature, self.signed_bytes())
        except BadSignature:
            return "has a bad signature"
        return ""

    def as_json(self) -> dict[str, Any]:
        """Return the object that a sink keeps, hashes in hexadecimal."""
        return {
            "tenant": str(self.tenant),
            "sequence": self.sequence,
            "head": self.head_hash.hex(),
            "root": self.root.hex(),
            "signed_at_us": self.microseconds,
            "public_key": self.public_key.hex(),
            "signature": self.signature.hex(),
        }

    def as_line(self) -> bytes:
        """Return one line of a sink's file."""
        return json.dumps(self.as_json(), separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "SignedHead":
        """Return the head of `as_json`. Raises UnreadableRecord."""
        try:
            hashes = [bytes.fromhex(found[name]) for name in ("head", "root", "public_key", "signature")]
            numbers = int(found["sequence"]), int(found["signed_at_us"])
            return cls(UUID(found["tenant"]), numbers[0], hashes[0], hashes[1], numbers[1], hashes[2], hashes[3])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise UnreadableRecord("This is not a checkpoint.") from None


def heads_of(lines: Iterable[bytes], tenant: UUID) -> tuple[list[SignedHead], int]:
    """Return the checkpoints of `tenant` in a sink's file, each once and by number, and how many lines are unreadable.

    A line that a crash of the sink cut short is counted, not believed; the checkpoint was delivered again after it.
    """
    found: set[SignedHead] = set()
    unreadable = 0
    for line in lines:
        try:
            head = SignedHead.from_json(json.loads(line))
        except (ValueError, UnreadableRecord):
            unreadable += bool(line.strip())
            continue
        if head.tenant == tenant:
            found.add(head)
    return sorted(found, key=lambda head: (head.sequence, head.microseconds)), unreadable


@dataclass(frozen=True, slots=True)
class Acceptance:
    """That two people accepted the loss of the checkpoints `lost` (sequence, hash); the chain goes on after `kept`."""

    tenant: UUID
    kept_sequence: int
    kept_hash: bytes
    lost: tuple[tuple[int, bytes], ...]
    public_key: bytes = b""
    signature: bytes = b""

    def signed_bytes(self) -> bytes:
        """Return what the signature is over."""
        lost = hashlib.sha256(b"".join(_NUMBER.pack(sequence) + digest for sequence, digest in self.lost)).digest()
        return b"TVH1" + self.tenant.bytes + _NUMBER.pack(self.kept_sequence) + self.kept_hash + lost

    def signed_by(self, signer: SigningKey) -> "Acceptance":
        """Return the same acceptance with the signature of `signer`."""
        facts = self.tenant, self.kept_sequence, self.kept_hash, self.lost
        return Acceptance(*facts, public_key=signer.public, signature=signer.sign(self.signed_bytes()))

    def is_signed(self, trusted: frozenset[bytes]) -> bool:
        """Return whether a trusted key signed it; without `trusted` keys any key may have."""
        try:
            verify(self.public_key, self.signature, self.signed_bytes())
        except BadSignature:
            return False
        return not trusted or self.public_key in trusted

    @property
    def entries(self) -> int:
        """How many entries were lost at most: from the last checkpoint that still fits to the last that was lost."""
        return max((sequence for sequence, _ in self.lost), default=self.kept_sequence) - self.kept_sequence

    def details(self) -> dict[str, Any]:
        """Return what the two people agree to."""
        lost = [[sequence, digest.hex()] for sequence, digest in self.lost]
        return {"kept_sequence": self.kept_sequence, "kept_hash": self.kept_hash.hex(), "lost": lost}

    def facts(self) -> dict[str, Any]:
        """Return what the entry `head.accepted` holds of it."""
        return {**self.details(), "public_key": self.public_key.hex(), "signature": self.signature.hex()}

    @classmethod
    def from_facts(cls, tenant: UUID, found: Mapping[str, Any]) -> "Acceptance":
        """Return the acceptance of `facts` or `details`. Raises UnreadableRecord."""
        try:
            lost = tuple((int(sequence), bytes.fromhex(digest)) for sequence, digest in found["lost"])
            kept = int(found["kept_sequence"]), bytes.fromhex(found["kept_hash"])
            signed = [bytes.fromhex(found.get(name, "")) for name in ("public_key", "signature")]
            return cls(tenant, kept[0], kept[1], lost, signed[0], signed[1])
        except (KeyError, TypeError, ValueError):
            raise UnreadableRecord("This is not the acceptance of a head.") from None
