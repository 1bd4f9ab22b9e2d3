"""The list of envelopes that one transaction wrote, and its Merkle root, which the audit entry holds.

With it `verify_audit --content` finds what a key holder cannot see from one row: an older envelope put back together
with its older revision, and a row that is gone.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

from governance.audit.merkle import root_hash
from governance.crypto.derivation import fingerprint
from governance.identity.identifiers import uuid7

COLUMNS: Final = {"message.source": 1, "message.redacted": 2, "conversation.source": 3, "conversation.redacted": 4}
_RECORD: Final = struct.Struct(">16sBI32s")


class Manifest(NamedTuple):
    """Leaves, one behind the other, and the Merkle root over them."""

    leaves: bytes
    root: bytes


class Leaf(NamedTuple):
    """One written envelope."""

    record: UUID
    column: int
    revision: int
    digest: bytes


def leaf_bytes(*, record: UUID, column: str, revision: int, envelope: bytes) -> bytes:
    """Return the 53-byte leaf of one envelope."""
    return _RECORD.pack(record.bytes, COLUMNS[column], revision, fingerprint(envelope))


def manifest_of(leaves: list[bytes]) -> Manifest:
    """Return the manifest of the leaves."""
    return Manifest(b"".join(leaves), root_hash(leaves))


def write_manifest(*, tenant: UUID, leaves: list[bytes]) -> tuple[UUID, bytes]:
    """Store the leaves; return the manifest's id and the Merkle root over them. Call it inside the tenant's scope."""
    manifest = manifest_of(leaves)
    return store_manifest(tenant=tenant, manifest=manifest), manifest.root


def store_manifest(*, tenant: UUID, manifest: Manifest) -> UUID:
    """Store a manifest that was made before; return its id. Call it inside the tenant's scope."""
    row = uuid7()
    with connection.cursor() as cursor:  # In binary: the ORM sends it as text of twice the size, under the caller's locks.
        cursor.execute(
            "INSERT INTO governance_sealmanifest (id, tenant_id, leaves) VALUES (%b, %b, %b)", [row, tenant, manifest.leaves]
        )
    return row


def split(leaves: bytes) -> list[bytes]:
    """Return the leaves of a stored manifest. A length that is no multiple of 53 leaves a short last one."""
    return [leaves[start : start + _RECORD.size] for start in range(0, len(leaves), _RECORD.size)]


def record_of(leaf: bytes) -> bytes:
    """Return the 16 bytes of the id of the record that a leaf is of."""
    return leaf[:16]


def parse(leaves: bytes) -> Iterator[Leaf]:
    """Yield the leaves of a whole manifest."""
    for record, column, revision, digest in _RECORD.iter_unpack(leaves):
        yield Leaf(UUID(bytes=record), column, revision, digest)
