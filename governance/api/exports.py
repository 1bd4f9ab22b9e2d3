"""`GET /api/v1/conversations:export`: redacted conversations as lines, and a last line that says what they were."""

import json
from collections.abc import Generator
from contextlib import closing
from typing import Final

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from governance.api.conversations import PURPOSE, REASON, reason_of
from governance.api.errors import DomainProblem
from governance.api.paging import cursor_of, sealed_cursor, uuid_cursor
from governance.api.requests import current_time, principal_of
from governance.api.views import ApiView
from governance.privacy.export_forms import FORMS
from governance.vault.exporting import Export, Wanted, begin
from governance.web.headers import purpose_of
from governance.web.streams import NDJSON, LinesRenderer

LARGEST: Final = 10_000_000


class ExportLineSerializer(serializers.Serializer):
    """A line: of `openai-jsonl` the messages alone, of `ndjson` a conversation. The last line is `manifest`."""

    messages = serializers.ListField(child=serializers.DictField())


class ExportView(ApiView):
    """Exports what the principal may export, under the purpose that is named."""

    parameters = frozenset({"cursor", "collection", "format", "limit"})
    renderer_classes = [LinesRenderer, JSONRenderer]
    http_method_names = ["get", "options"]  # HEAD would put an export on the record that nobody takes.

    @extend_schema(
        operation_id="conversations_export",
        responses={(200, NDJSON): ExportLineSerializer},
        parameters=[
            PURPOSE,
            REASON,
            OpenApiParameter("cursor", str, description="The `next` of the manifest before."),
            OpenApiParameter("collection", str, description="Of this collection only; the format openai-jsonl needs it."),
            OpenApiParameter("format", str, enum=list(FORMS), default="ndjson"),
            OpenApiParameter(
                "limit", {"type": "integer", "minimum": 1, "maximum": LARGEST}, OpenApiParameter.QUERY,
                description="At most so many conversations.",
            ),
        ],
    )  # fmt: skip
    def get(self, request: Request) -> HttpResponseBase:
        """Return a conversation a line, oldest first, and a last line `{"manifest": ...}` with counts and SHA-256.

        An answer without the last line was cut off. Where the manifest has `next`, there is more: go on with that cursor.
        """
        export = begin(
            principal=principal_of(request), purpose=purpose_of(request), wanted=_wanted(request), now=current_time()
        )
        return StreamingHttpResponse(_sent(export), content_type=NDJSON)


def _wanted(request: Request) -> Wanted:
    """Return what the query asks for. Raises DomainProblem."""
    query = request.query_params
    form, collection, limit = query.get("format", "ndjson"), query.get("collection", ""), query.get("limit")
    if form not in FORMS:
        raise DomainProblem(code="query.value", text=_("There is no such format; there are: %s.") % ", ".join(FORMS))
    if FORMS[form].purpose and not collection:
        raise DomainProblem(code="query.value", text=_("Name the collection that is exported in this format."))
    if limit is not None and not (
        limit.isascii() and limit.isdigit() and len(limit) < 9 and 1 <= int(limit) <= LARGEST  # noqa: PLR2004
    ):
        raise DomainProblem(code="query.value", text=_("limit is a number from 1 to %d.") % LARGEST)
    return Wanted(
        form=FORMS[form], collection=collection, after=uuid_cursor(cursor_of(request)),
        limit=None if limit is None else int(limit), reason=reason_of(request),
    )  # fmt: skip


def _sent(export: Export) -> Generator[bytes, None, None]:
    """Yield the lines and the manifest; closed early, it closes the export, which records how far it came."""
    steps = export.lines()
    with closing(steps):
        yield from steps
    told = export.manifest.as_facts()
    told["next"] = None if export.manifest.next is None else sealed_cursor(export.manifest.next)
    yield json.dumps({"manifest": told}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
