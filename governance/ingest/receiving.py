"""Receives a batch: one transaction that stores, remembers the answer and records, or does none of it.

Same idempotency key and body gives the earlier answer; the same key with another body is refused. A person who was
erased is not taken in again.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.db import connection

from governance.access.acting import require
from governance.access.errors import AccessDenied
from governance.audit.recording import record_with_effect
from governance.crypto.derivation import KeyedHash, fingerprint
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.ingest.errors import KeyReused, ProducerRefused
from governance.ingest.formats.incoming import IncomingConversation, IncomingMessage
from governance.ingest.models import Receipt
from governance.jobs import bell
from governance.keys.data_keys import keyed_hash
from governance.keys.models import KeyUse
from governance.keys.warming import keeping_warm, warm
from governance.privacy.tombstones import erased_references
from governance.vault.documents import DocumentInvalid, encode
from governance.vault.errors import Raced
from governance.vault.records import NewConversation, NewMessage, Stored
from governance.vault.storing import StoreReport, store

TOPIC: Final = "classification"
_TRIES: Final = 3
_USES: Final = frozenset({KeyUse.CONTENT, KeyUse.INDEX, KeyUse.TOMBSTONE})


@dataclass(frozen=True, slots=True)
class Batch:
    """What arrived: conversations in order, and the bytes they came as (for the idempotency check)."""

    conversations: Sequence[IncomingConversation]
    body: bytes = b""


def receive(*, actor: Principal, batch: Batch, idempotency_key: str, now: datetime) -> list[Stored]:
    """Store `batch` for `actor` and return one result a conversation, in order.

    Raises ProducerRefused where no policy lets the actor append, KeyReused for a key with another body, KeyUnavailable
    and ProviderFailed where no key can be used: then nothing is stored.
    """
    tenant = actor.tenant_id
    with tenant_scope(tenant):
        _check_right(actor, now)
        warm(tenant=tenant, uses=_USES)
    converted = [_convert(conversation) for conversation in batch.conversations]

    def work() -> list[Stored]:
        with tenant_scope(tenant):
            return _receive(actor, batch.body, converted, idempotency_key, now)

    for attempt in range(_TRIES):
        try:
            return keeping_warm(work, tenant=tenant, uses=_USES)
        except Raced:
            if attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _check_right(actor: Principal, now: datetime) -> None:
    try:
        require(principal=actor, action="append", now=now)
    except AccessDenied:
        raise ProducerRefused(
            "No policy lets this account send chats. Use a token of a service account with the role producer."
        ) from None


def _receive(
    actor: Principal, body: bytes, converted: list[NewConversation | Stored], idempotency_key: str, now: datetime
) -> list[Stored]:
    tenant = actor.tenant_id
    receipts = keyed_hash(tenant=tenant, use=KeyUse.INDEX, label="receipt", now=now)
    earlier = _earlier(receipts, actor, body, idempotency_key)
    if earlier is not None:
        return earlier
    refused = _refuse_erased(tenant, converted, now)
    wanted = [item for item in refused if isinstance(item, NewConversation)]
    report = store(tenant=tenant, conversations=wanted, now=now) if wanted else StoreReport([])
    stored = iter(report.results)
    results = [next(stored) if isinstance(item, NewConversation) else item for item in refused]
    _remember(receipts, actor, body, idempotency_key, results)
    if report.manifest is not None:
        bell.ring(TOPIC, tenant)
        record_with_effect(
            tenant=tenant,
            event="batch.stored",
            **actor.as_actor(),
            manifest=str(report.manifest),
            root=report.root.hex(),
            items=len(results),
            messages=report.written,
        )
    return results


def _convert(incoming: IncomingConversation) -> NewConversation | Stored:
    """Return the conversation with its documents written, or the refusal of the item."""
    try:
        head = {"external_id": incoming.external_id, "title": incoming.title, "metadata": dict(incoming.metadata)}
        return NewConversation(
            external_id=incoming.external_id,
            collection=incoming.collection,
            source=incoming.source,
            head=encode(head, ("/title",)),
            messages=tuple(_convert_message(message, number) for number, message in enumerate(incoming.messages)),
            data_subject=incoming.data_subject,
        )
    except DocumentInvalid as error:
        return Stored(status=422, code=error.code, error=str(error))


def _convert_message(incoming: IncomingMessage, number: int) -> NewMessage:
    """A message without an id of its own is known by its position and content, so that sending it again adds nothing."""
    document = encode(incoming.item, incoming.text)
    return NewMessage(
        external_id=incoming.external_id or f"#{number}:{fingerprint(document).hex()[:32]}",
        role=incoming.role,
        document=document,
        author=incoming.author,
        parent=incoming.parent,
    )


def _refuse_erased(tenant: UUID, items: Sequence[NewConversation | Stored], now: datetime) -> list[NewConversation | Stored]:
    """Replace items that name an erased person by their refusal."""
    named = {reference for item in items if isinstance(item, NewConversation) for reference in _references(item)}
    erased = erased_references(tenant=tenant, references=named, now=now)
    gone = Stored(status=422, code="subject.erased", error="This person was erased; nothing more is stored about them.")
    return [gone if isinstance(item, NewConversation) and _references(item) & erased else item for item in items]


def _references(item: NewConversation) -> set[str]:
    return ({item.data_subject} | {message.author for message in item.messages}) - {""}


def _request_index(receipts: KeyedHash, actor: Principal, key: str) -> bytes:
    return receipts.digest(b"request", actor.user_id.bytes, key.encode())


def _earlier(receipts: KeyedHash, actor: Principal, body: bytes, key: str) -> list[Stored] | None:
    """Return the answer given to the same request before. Raises KeyReused for another body."""
    if not key:
        return None
    index = _request_index(receipts, actor, key)
    with connection.cursor() as cursor:  # The same request sent twice at once: the second waits for the first's answer.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(index[:8], "big", signed=True)])
    receipt = Receipt.objects.filter(request_index=index).first()
    if receipt is None:
        return None
    if bytes(receipt.body_digest) != receipts.digest(b"body", body):
        raise KeyReused("This Idempotency-Key was used for another body; use a new key for a new request.")
    return [_from_row(row) for row in receipt.results or ()]


def _remember(receipts: KeyedHash, actor: Principal, body: bytes, key: str, results: list[Stored]) -> None:
    if not key:
        return
    Receipt.objects.create(
        tenant_id=actor.tenant_id,
        request_index=_request_index(receipts, actor, key),
        body_digest=receipts.digest(b"body", body),
        results=[_to_row(result) for result in results],
        status=HTTPStatus.MULTI_STATUS,
    )


def _to_row(result: Stored) -> dict[str, Any]:
    row = asdict(result)
    row["id"] = str(result.id) if result.id else None
    return row


def _from_row(row: dict[str, Any]) -> Stored:
    return Stored(**{**row, "id": UUID(row["id"]) if row["id"] else None})
