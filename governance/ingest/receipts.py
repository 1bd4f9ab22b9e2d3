"""A request that is sent again is carried out once (draft-ietf-httpapi-idempotency-key-header-07). What it guarantees:

- of requests with one key, by one account of one tenant, exactly one is carried out within a day, also where they come
  at once: the key is taken, and that is committed, before anything is done;
- the same key with another request is refused; so is one whose first request is still being carried out or was cut off,
  for nobody can say then what it did;
- what is kept is the status and what the caller calls safe; the key and the request stand there as keyed hashes.

Batches keep their receipts in the transaction that stores them (`receiving`); they are the same table.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils.crypto import salted_hmac

from governance.crypto.derivation import join_parts
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.ingest.errors import KeyBusy, KeyInvalid, KeyReused
from governance.ingest.models import Receipt

KEPT_FOR: Final = timedelta(hours=24)
LONGEST_KEY: Final = 255
_OLD_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Claim:
    """That a key was taken; with `status` the request was carried out before, and `reply` is what was kept of its answer."""

    tenant: UUID
    receipt: UUID
    status: int | None = None
    reply: Any = None


def read_key(header: str) -> str:
    """Return the key of the header: a quoted string as the draft says, or bare. Raises KeyInvalid."""
    quoted = len(header) > 1 and header[0] == header[-1] == '"'
    key = header[1:-1] if quoted else header
    if not key or len(key) > LONGEST_KEY or not (key.isascii() and key.isprintable()) or " " in key:
        raise KeyInvalid(f"An Idempotency-Key has 1 to {LONGEST_KEY} visible ASCII characters; a UUID is a good one.")
    return key


def claim(*, principal: Principal, key: str, request: bytes, now: datetime) -> Claim:
    """Take `key` for `request`, or return what was answered to it before. Raises KeyReused, KeyBusy."""
    tenant = principal.tenant_id
    index = _digest("key", principal.user_id.bytes, key.encode())
    digest = _digest("request", request)
    with tenant_scope(tenant):
        _forget_old(index, now)
        row, made = Receipt.objects.get_or_create(
            tenant_id=tenant, request_index=index, defaults={"body_digest": digest, "results": None, "created_at": now}
        )  # fmt: skip
    if made:
        return Claim(tenant, row.id)
    if bytes(row.body_digest) != digest:
        raise KeyReused("This Idempotency-Key was used for another request; use a new key for a new request.")
    if row.status is None:
        raise KeyBusy(
            "The request with this Idempotency-Key is being carried out, or was cut off. Try again in a while; where that"
            " does not help, look at what it did before you send it with a new key."
        )
    return Claim(tenant, row.id, row.status, row.results)


def keep(taken: Claim, *, status: int, reply: Any) -> None:
    """Keep what was answered: `reply` holds ids, codes and numbers."""
    with tenant_scope(taken.tenant):
        Receipt.objects.filter(id=taken.receipt).update(status=status, results=reply)


def release(taken: Claim) -> None:
    """Give the key back: nothing was done."""
    with tenant_scope(taken.tenant):
        Receipt.objects.filter(id=taken.receipt, status=None).delete()


def _digest(salt: str, *parts: bytes) -> bytes:
    """Return a keyed hash: a request may hold what could be guessed from a plain one."""
    return salted_hmac(f"governance.ingest.receipts.{salt}", join_parts(*parts), algorithm="sha256").digest()


def _forget_old(index: bytes, now: datetime) -> None:
    """Delete some of the receipts that are too old, and the one of this key if it is."""
    old = Receipt.objects.filter(created_at__lt=now - KEPT_FOR)
    old.filter(request_index=index).delete()
    Receipt.objects.filter(id__in=list(old.order_by("created_at").values_list("id", flat=True)[:_OLD_AT_ONCE])).delete()
