"""`POST /api/v1/conversations:batch`: takes a batch in, one result an item."""

from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from governance.api.openapi import IDEMPOTENCY_KEY
from governance.api.requests import body_of, principal_of
from governance.api.serializers import BatchItemSerializer, BatchResultsSerializer, BatchSerializer
from governance.api.views import ApiView
from governance.conf.settings import vault_settings
from governance.ingest.batches import BatchRefused, ItemRefused, Parsed, parse_batch
from governance.ingest.receipts import read_key
from governance.ingest.receiving import Batch, receive
from governance.vault.records import Stored
from governance.web.headers import media_type_of
from governance.web.streams import NDJSON


class _RawParser(BaseParser):
    """Leaves the body as it is: limits are checked before anything is parsed."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the bytes."""
        return stream.read()


class BatchView(ApiView):
    """Accepts chats. Needs a token of a service account with the role producer.

    The receipt of its key is kept in the transaction that stores the batch, so it has no part in the door of the others.
    """

    parser_classes = [_RawParser]
    acts = False

    @extend_schema(
        request={"application/json": BatchSerializer, NDJSON: BatchItemSerializer},
        responses={207: BatchResultsSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request) -> Response:
        """Store the items of one batch; each has a result of its own."""
        _check_length(request)
        parsed = parse_batch(body=body_of(request), media_type=media_type_of(request))
        wanted = [item for item in parsed if not isinstance(item, ItemRefused)]
        header = request.headers.get("Idempotency-Key")
        key = "" if header is None else read_key(header)
        batch = Batch(wanted, body=body_of(request))
        stored = (
            receive(actor=principal_of(request), batch=batch, idempotency_key=key, now=datetime.now(UTC)) if wanted else []
        )
        return Response({"results": list(_results(parsed, stored))}, status=207)


def _check_length(request: Request) -> None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    limit = vault_settings().batch_bytes
    if not length.isdigit() or int(length) > limit:
        raise BatchRefused("batch.too_large", f"A batch has at most {limit} bytes; send several.")


def _results(parsed: list[Parsed], stored: list[Stored]) -> Any:
    """Yield one result an item, in the order of the items."""
    answers = iter(stored)
    for item in parsed:
        if isinstance(item, ItemRefused):
            refusal = {"code": item.code, "detail": item.reason, "pointer": item.pointer, "position": item.position}
            yield {"external_id": item.external_id or None, "status": 422, "id": None, "error": refusal}
            continue
        answer = next(answers)
        error = {"code": answer.code, "detail": answer.error} if answer.code else None
        yield {"external_id": item.external_id, "status": answer.status, "id": answer.id, "error": error}
