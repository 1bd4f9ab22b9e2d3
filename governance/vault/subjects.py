"""People written about: found or made by a keyed hash of the reference that the application sent."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import connection

from governance.crypto.derivation import KeyedHash
from governance.identity.identifiers import uuid7
from governance.keys.data_keys import keyed_hash
from governance.keys.models import KeyUse
from governance.vault.errors import Raced
from governance.vault.models import DataSubject


def reference_hash(*, tenant: UUID, now: datetime) -> KeyedHash:
    """Return the keyed hash of references; call it inside the tenant's scope."""
    return keyed_hash(tenant=tenant, use=KeyUse.INDEX, label="data-subject", now=now)


def person_index(index: KeyedHash, reference: str) -> bytes:
    """Return the blind index of a person's reference (32 bytes)."""
    return index.digest(b"person", reference.encode())


def conversation_index(index: KeyedHash, kind: str, conversation: UUID) -> bytes:
    """Return the blind index of the shared or anonymous owner of one conversation."""
    return index.digest(kind.encode(), conversation.bytes)


def obtain_subjects(*, tenant: UUID, wanted: Iterable[tuple[bytes, str]], known: Iterable[UUID] = ()) -> dict[bytes, UUID]:
    """Return the ids of the subjects by blind index, making those that are missing, and lock them FOR SHARE by id.

    `wanted` holds (blind index, kind); `known` are locked as well. Call it inside the tenant's scope, before any ring's
    lock. Raises Raced where one of the wanted was erased after the tombstones were looked at: perhaps by whoever held the
    lock until now.
    """
    kinds, others = dict(wanted), sorted(set(known))
    if not kinds and not others:
        return {}
    indexes = sorted(kinds)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO governance_datasubject (id, tenant_id, kind, reference_index)"
            " SELECT u.id, %b::uuid, u.kind, u.ref FROM unnest(%b::uuid[], %b::text[], %b::bytea[]) u(id, kind, ref)"
            " ON CONFLICT (tenant_id, reference_index) DO NOTHING",
            [tenant, [uuid7() for _ in indexes], [kinds[index] for index in indexes], indexes],
        )
        cursor.execute(
            "SELECT id, reference_index, erased_at FROM governance_datasubject"  # noqa: S608 - fixed text
            f" WHERE reference_index = ANY(%b::bytea[]){' OR id = ANY(%b::uuid[])' if others else ''} ORDER BY id FOR SHARE",
            [indexes, others] if others else [indexes],
        )
        found = {bytes(reference): (subject, erased) for subject, reference, erased in cursor.fetchall()}
    if any(found[index][1] for index in indexes):
        raise Raced("A person of this batch was erased meanwhile; begin the transaction again.")
    return {index: found[index][0] for index in indexes}


def find_person(*, tenant: UUID, reference: str, now: datetime) -> DataSubject | None:
    """Return the subject known by `reference`, or None; call it inside the tenant's scope."""
    index = person_index(reference_hash(tenant=tenant, now=now), reference)
    return DataSubject.objects.filter(tenant_id=tenant, reference_index=index).first()
