"""Seals conversations and writes them, inside the caller's transaction. What it guarantees:

- no text reaches a table: each message is sealed under the data key of its owner before a row exists;
- locks are taken in the one order: data subjects, key rings, conversations, messages;
- a conversation that exists takes appended messages; a message seen before with the same bytes adds nothing, one with
  other bytes refuses its item, and a refused item leaves nothing behind.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from governance.access.purposes import DEFAULT_FOR_COLLECTION
from governance.crypto.derivation import KeyedHash
from governance.crypto.envelope import OpenDataKey, Place
from governance.keys.data_keys import keyed_hash, obtain
from governance.keys.models import KeyUse
from governance.keys.rings import lock_shared, rings_of
from governance.keys.wrapped import KeyOwner
from governance.vault import bulk
from governance.vault.errors import Raced
from governance.vault.manifests import leaf_bytes, write_manifest
from governance.vault.models import Collection, Conversation, Message
from governance.vault.records import NewConversation, Stored
from governance.vault.subjects import obtain_subjects, reference_hash
from governance.vault.threads import Accepted, Thread

CONVERSATION_COLUMNS = {
    "id": "uuid",
    "collection_id": "uuid",
    "subject_id": "uuid",
    "external_index": "bytes",
    "source": "bytes",
    "source_data_key_id": "uuid",
    "message_count": "int",
}
MESSAGE_COLUMNS = {
    "id": "uuid",
    "conversation_id": "uuid",
    "ordinal": "int",
    "parent_id": "uuid",
    "role": "text",
    "external_index": "bytes",
    "item_digest": "bytes",
    "source": "bytes",
    "source_data_key_id": "uuid",
}
_NEW = "state = 0, classification = 1, attempt = 0, source_revision = 1, redacted_revision = 0"


@dataclass(slots=True)
class StoreReport:
    """What became of each item, in order; and the manifest of the envelopes written, if any."""

    results: list[Stored]
    written: int = 0
    manifest: UUID | None = None
    root: bytes = b""


@dataclass(slots=True)
class _Rows:
    """What will be inserted, sealed already."""

    conversations: list[tuple[Any, ...]] = field(default_factory=list)
    messages: list[tuple[Any, ...]] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)


def store(*, tenant: UUID, conversations: Sequence[NewConversation], now: datetime) -> StoreReport:
    """Seal and write `conversations` inside the open tenant scope; the caller records the batch as its last statement.

    Raises Raced where another writer made one of the conversations or erased a person meanwhile: roll back, begin again.
    """
    index = keyed_hash(tenant=tenant, use=KeyUse.INDEX, label="external-id", now=now)
    references = reference_hash(tenant=tenant, now=now)
    threads, order = _threads(tenant, conversations, index)
    _mark_existing(tenant, threads)
    wanted = [pair for thread in threads.values() for pair in thread.wanted_subjects(references)]
    known = [thread.known_subject for thread in threads.values() if thread.known_subject]
    subjects = obtain_subjects(tenant=tenant, wanted=wanted, known=known)
    for thread in threads.values():
        thread.resolve(subjects, references)
    lock_shared([rings_of(tenant)[KeyUse.CONTENT]])
    _load_existing(threads)
    results = [thread.accept(item, index) for thread, item in order]
    rows = _seal(tenant, threads, subjects, references, now)
    return _write(tenant, threads, rows, results)


def _threads(
    tenant: UUID, items: Sequence[NewConversation], index: KeyedHash
) -> tuple[dict[bytes, Thread], list[tuple[Thread, NewConversation]]]:
    """Return the conversations of the batch by blind index, and each item with its conversation."""
    collections = _collections(tenant, {item.collection for item in items})
    threads: dict[bytes, Thread] = {}
    order = []
    for item in items:
        collection = collections[item.collection]
        key = index.digest(b"conversation", collection.bytes, item.source.encode(), item.external_id.encode())
        thread = threads.setdefault(key, Thread(external_index=key, collection=collection, first=item))
        thread.items.append(item)
        order.append((thread, item))
    return threads, order


def _collections(tenant: UUID, names: set[str]) -> dict[str, UUID]:
    """Return the collections by name, making those that are missing with the tenant's default purposes."""
    known = dict(Collection.objects.filter(tenant_id=tenant, name__in=names).values_list("name", "id"))
    missing = sorted(names - known.keys())
    if missing:
        Collection.objects.bulk_create(
            [Collection(tenant_id=tenant, name=name, purposes=list(DEFAULT_FOR_COLLECTION)) for name in missing],
            ignore_conflicts=True,
        )
        known = dict(Collection.objects.filter(tenant_id=tenant, name__in=names).values_list("name", "id"))
    return known


def _mark_existing(tenant: UUID, threads: dict[bytes, Thread]) -> None:
    """Give the ids of the conversations that exist; their locks follow after those of subjects and rings."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, external_index, subject_id FROM governance_conversation"
            " WHERE tenant_id = %b AND external_index = ANY(%b::bytea[])",
            [tenant, list(threads)],
        )
        for conversation, external, subject in cursor.fetchall():
            thread = threads[bytes(external)]
            thread.id, thread.exists, thread.known_subject = conversation, True, subject


def _load_existing(threads: dict[bytes, Thread]) -> None:
    """Lock the existing conversations by id, so that appended messages get their ordinals one writer at a time."""
    existing = {thread.id: thread for thread in threads.values() if thread.exists}
    if not existing:
        return
    rows = Conversation.objects.filter(id__in=existing).order_by("id").select_for_update(no_key=True, of=("self",))
    for row in rows.only("id", "message_count", "state", "subject_id"):
        thread = existing[row.id]
        thread.count, thread.state, thread.known_subject = row.message_count, row.state, row.subject_id
    known = Message.objects.filter(conversation_id__in=existing)
    for message, conversation, external, digest in known.values_list(
        "id", "conversation_id", "external_index", "item_digest"
    ):
        existing[conversation].messages[bytes(external)] = (message, bytes(digest))


def _seal(
    tenant: UUID, threads: dict[bytes, Thread], subjects: dict[bytes, UUID], references: KeyedHash, now: datetime
) -> _Rows:
    """Seal every accepted message and every new head under its owner's data key."""
    owners: dict[KeyOwner, None] = {}
    planned: list[tuple[Thread, Accepted | None, KeyOwner]] = []
    for thread in threads.values():
        if not thread.exists and thread.accepted:
            planned.append((thread, None, KeyOwner(thread.id, thread.common_owner(), KeyUse.CONTENT)))
        for accepted in thread.accepted:
            owner = KeyOwner(thread.id, thread.owner_of(accepted, subjects, references), KeyUse.CONTENT)
            planned.append((thread, accepted, owner))
    owners.update((owner, None) for _, _, owner in planned)
    keys = obtain(tenant=tenant, owners=owners, now=now)
    rows = _Rows()
    for thread, text, owner in planned:
        if text is None:
            _seal_head(tenant, thread, keys[owner], rows)
        else:
            _seal_message(tenant, thread, text, keys[owner], rows)
    return rows


def _seal_head(tenant: UUID, thread: Thread, key: OpenDataKey, rows: _Rows) -> None:
    envelope = key.seal(thread.first.head, Place(tenant, thread.id, thread.id, "conversation.source", 1))
    rows.leaves.append(leaf_bytes(record=thread.id, column="conversation.source", revision=1, envelope=envelope))
    rows.conversations.append(
        (thread.id, thread.collection, thread.subject, thread.external_index, envelope, key.id, thread.count)
    )


def _seal_message(tenant: UUID, thread: Thread, accepted: Accepted, key: OpenDataKey, rows: _Rows) -> None:
    place = Place(tenant, thread.id, accepted.id, "message.source", 1)
    envelope = key.seal(accepted.message.document, place)
    rows.leaves.append(leaf_bytes(record=accepted.id, column="message.source", revision=1, envelope=envelope))
    rows.messages.append(
        (
            accepted.id,
            thread.id,
            accepted.ordinal,
            accepted.parent,
            accepted.message.role,
            accepted.external_index,
            accepted.digest,
            envelope,
            key.id,
        )
    )


def _write(tenant: UUID, threads: dict[bytes, Thread], rows: _Rows, results: list[Stored]) -> StoreReport:
    if not rows.leaves:
        return StoreReport(results)
    if rows.conversations:
        rows.conversations.sort(key=_by_external_index)  # Two writers that race wait for each other in one order.
        inserted = bulk.insert(
            table="governance_conversation",
            tenant=tenant,
            columns=CONVERSATION_COLUMNS,
            rows=rows.conversations,
            constants=f"{_NEW}, held = false, restricted = false",
            otherwise="ON CONFLICT (tenant_id, external_index) DO NOTHING",
        )
        if inserted < len(rows.conversations):
            raise Raced("Another writer made one of these conversations; begin the transaction again.")
    bulk.insert(table="governance_message", tenant=tenant, columns=MESSAGE_COLUMNS, rows=rows.messages, constants=_NEW)
    for thread in threads.values():
        if thread.exists and thread.accepted:
            _append_to(thread)
    manifest, root = write_manifest(tenant=tenant, leaves=rows.leaves)
    return StoreReport(results, written=len(rows.messages), manifest=manifest, root=root)


def _by_external_index(row: tuple[Any, ...]) -> bytes:
    external: bytes = row[list(CONVERSATION_COLUMNS).index("external_index")]
    return external


def _append_to(thread: Thread) -> None:
    """Count the appended messages; a conversation with a second human no longer has an only one."""
    Conversation.objects.filter(id=thread.id).update(message_count=thread.count, subject_id=thread.subject)
