"""Signs the heads of chains, so that cutting or rewriting them shows to whoever holds a checkpoint.

How far apart: a schedule signs what was written every 5 s, and the append that writes each thousandth entry rings for a
checkpoint at once after its commit (`marking`). Where that ring is lost, the schedule signs each thousandth entry on its
way, so two neighbouring checkpoints are never more than 1,000 entries apart. The Merkle tree goes on from the frontier
beside the last checkpoint: the cost is that of the new entries, not of the chain.

Nothing broken is signed: each new entry is verified against its predecessor, and the last checkpoint against its own
signature, before the next one.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection

from governance.audit.canonical import microseconds_of
from governance.audit.chain import Link, Walk
from governance.audit.errors import ChainBroken
from governance.audit.heads import SignedHead
from governance.audit.merkle import Frontier
from governance.audit.models import AuditEntry, Checkpoint
from governance.crypto.signing import SigningKey

APART: Final = 1_000
MOST: Final = 100_000
_PAGE: Final = 5_000
_LOCK: Final = "SELECT pg_try_advisory_xact_lock(1414940978, hashtext(%s))"


def links_page(*, tenant: UUID, sequence: int, limit: int, using: str = "default") -> list[Link]:
    """Return the next entries behind `sequence` in order, at most `limit`; inside the tenant's scope on `using`."""
    names = ("sequence", "recorded_at", "previous_hash", "hash", "body")
    rows = AuditEntry.objects.using(using).filter(tenant_id=tenant, sequence__gt=sequence).order_by("sequence")
    return [
        Link(number, microseconds_of(moment), bytes(previous), bytes(digest), body)
        for number, moment, previous, digest, body in rows.values_list(*names)[:limit]
    ]


def links_after(*, tenant: UUID, sequence: int, using: str = "default") -> Iterator[Link]:
    """Yield the entries behind `sequence` in order, page by page; inside the tenant's scope on `using`."""
    while True:
        page = links_page(tenant=tenant, sequence=sequence, limit=_PAGE, using=using)
        yield from page
        if len(page) < _PAGE:
            return
        sequence = page[-1].sequence


def head_of(row: Checkpoint) -> SignedHead:
    """Return a stored checkpoint as data."""
    return SignedHead(
        tenant=row.tenant_id,
        sequence=row.sequence,
        head_hash=bytes(row.head_hash),
        root=bytes(row.merkle_root),
        microseconds=microseconds_of(row.signed_at),
        public_key=bytes(row.public_key),
        signature=bytes(row.signature),
    )


def walk_from(row: Checkpoint, trusted: frozenset[bytes]) -> Walk:
    """Return a walk that goes on behind a stored checkpoint. Raises ChainBroken where a trusted key did not sign it."""
    head, tree = head_of(row), Frontier.unpacked(row.sequence, bytes(row.frontier))
    fault = head.fault(trusted) or ("" if tree.root() == head.root else "has another Merkle tree beside it")
    if fault:
        raise ChainBroken(f"The checkpoint at entry {row.sequence} {fault}.")
    return Walk(row.tenant_id, head.head_hash, tree, skipped=row.sequence)


def sign_head(*, tenant: UUID, signer: SigningKey, trusted: frozenset[bytes], now: datetime) -> list[Checkpoint]:
    """Sign what was written since the last checkpoint; call it inside the tenant's scope. Empty where there is nothing.

    Of a long backlog 100,000 entries are signed, the rest at the next call. Raises ChainBroken, and then signs nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [str(tenant)])
        if not cursor.fetchone()[0]:
            return []  # Another process signs this chain now.
    last = Checkpoint.objects.filter(tenant_id=tenant).order_by("-sequence").first()
    walk = Walk(tenant) if last is None else walk_from(last, trusted | {signer.public})
    signed, begin = [], walk.size
    for link in links_after(tenant=tenant, sequence=walk.size):
        fault = walk.step(link)
        if fault:
            raise ChainBroken(f"Entry {link.sequence} is not signed: {fault}.")
        if walk.size % APART == 0:
            signed.append(_checkpoint(walk, signer, now))
        if walk.size - begin >= MOST:
            break
    if walk.size > begin and walk.size % APART:
        signed.append(_checkpoint(walk, signer, now))
    return Checkpoint.objects.bulk_create(signed)


def _checkpoint(walk: Walk, signer: SigningKey, now: datetime) -> Checkpoint:
    head = SignedHead(walk.tenant, walk.size, walk.head, walk.tree.root(), microseconds_of(now)).signed_by(signer)
    return Checkpoint(
        tenant_id=walk.tenant,
        sequence=head.sequence,
        head_hash=head.head_hash,
        merkle_root=head.root,
        frontier=walk.tree.packed(),
        signed_at=now,
        public_key=head.public_key,
        signature=head.signature,
    )
