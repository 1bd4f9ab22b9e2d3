"""Tombstones: keyed hashes of erased references, so that an erased person is not taken in again."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from governance.keys.data_keys import keyed_hash
from governance.keys.models import KeyUse
from governance.privacy.models import Tombstone


def tombstone_index(*, tenant: UUID, reference: str, now: datetime) -> bytes:
    """Return the tombstone index of a reference (32 bytes); its key is never replaced."""
    return keyed_hash(tenant=tenant, use=KeyUse.TOMBSTONE, label="tombstone", now=now).digest(reference.encode())


def erased_references(*, tenant: UUID, references: Iterable[str], now: datetime) -> set[str]:
    """Return those of `references` that were erased; call it inside the tenant's scope."""
    named = set(references)
    if not named:
        return set()
    hashes = keyed_hash(tenant=tenant, use=KeyUse.TOMBSTONE, label="tombstone", now=now)
    by_index = {hashes.digest(reference.encode()): reference for reference in named}
    found = Tombstone.objects.filter(reference_index__in=list(by_index)).values_list("reference_index", flat=True)
    return {by_index[bytes(index)] for index in found}
