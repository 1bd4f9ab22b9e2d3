"""Reading: lists, one conversation, its messages. Every request names its purpose in a header."""

from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from governance.api.errors import DomainProblem
from governance.api.paging import (
    PAGED,
    PAGING,
    cursor_of,
    number_cursor,
    opened_cursor,
    page_size,
    sealed_cursor,
    uuid_cursor,
)
from governance.api.requests import arguments_of, principal_of
from governance.api.serializers import (
    ConversationPageSerializer,
    ConversationSerializer,
    MessagePageSerializer,
    MessageSerializer,
    SearchSerializer,
)
from governance.api.views import ApiView
from governance.privacy.searching import search
from governance.vault import streaming
from governance.vault.listing import Listed, list_conversations
from governance.vault.reading import read_conversation
from governance.vault.records import OpenedMessage
from governance.web.headers import purpose_of
from governance.web.streams import NDJSON, LinesRenderer, lines

PURPOSE = OpenApiParameter("Threadvault-Purpose", str, OpenApiParameter.HEADER, required=True)
_VIEW = OpenApiParameter("view", str, enum=["redacted", "source"])
REASON = OpenApiParameter("Threadvault-Reason", str, OpenApiParameter.HEADER)


def _view(request: Request) -> str:
    view = request.query_params.get("view", "redacted")
    if view not in {"redacted", "source"}:
        raise DomainProblem(code="view.unknown", text=_("The view is redacted or source."))
    return view


class ConversationListView(ApiView):
    """The newest conversations that the token's principal may list."""

    parameters = PAGED | {"collection"}

    @extend_schema(
        operation_id="conversations_list",
        responses=ConversationPageSerializer,
        parameters=[PURPOSE, *PAGING, OpenApiParameter("collection", str)],
    )
    def get(self, request: Request) -> Response:
        """Return one page, newest first, with redacted titles."""
        size, cursor = page_size(request), cursor_of(request)
        lines = list_conversations(
            principal=principal_of(request),
            purpose=purpose_of(request),
            now=datetime.now(UTC),
            collection=request.query_params.get("collection", ""),
            before=uuid_cursor(cursor),
            limit=size,
        )
        following = sealed_cursor(lines[-1].id) if len(lines) == size else None
        return Response({"results": [_line(line) for line in lines], "next": following})


class SearchView(ApiView):
    """The conversations that hold a value; what is looked for stands in the body, never in an address."""

    acts = False

    @extend_schema(
        operation_id="conversations_search", request=SearchSerializer, responses=ConversationPageSerializer,
        parameters=[PURPOSE],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Return one page, newest first, with redacted titles: all values in `text` are in each of them."""
        given = arguments_of(request, SearchSerializer)
        size, cursor = given["page_size"], opened_cursor(given["cursor"])
        lines = search(
            principal=principal_of(request), purpose=purpose_of(request), text=given["text"], now=datetime.now(UTC),
            before=uuid_cursor(cursor), limit=size,
        )  # fmt: skip
        following = sealed_cursor(lines[-1].id) if len(lines) == size else None
        return Response({"results": [_line(line) for line in lines], "next": following})


def _line(line: Listed) -> dict[str, Any]:
    return {
        "id": line.id,
        "collection": line.collection,
        "classification": line.classification,
        "state": line.state,
        "messages": line.messages,
        "created_at": line.created_at,
        "title": line.head.item.get("title") if line.head else None,
    }


class ConversationView(ApiView):
    """One conversation without its messages."""

    parameters = frozenset({"view"})

    @extend_schema(responses=ConversationSerializer, parameters=[PURPOSE, _VIEW, REASON])
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """Return its head: external id, title and metadata, in the view asked for."""
        opened = read_conversation(
            principal=principal_of(request),
            conversation_id=conversation_id,
            purpose=purpose_of(request),
            view=_view(request),
            reason=reason_of(request),
            now=datetime.now(UTC),
            limit=0,
        )
        body = {
            "id": opened.id,
            "collection": opened.collection,
            "classification": opened.classification,
            "messages": opened.total,
            "view": opened.view,
            "head": opened.head.item if opened.head else None,
        }
        return Response(body)


def reason_of(request: Request) -> str:
    """Return why the client reads, as it says."""
    return str(request.META.get("HTTP_THREADVAULT_REASON", ""))[:500]


class MessageListView(ApiView):
    """The messages of one conversation, in order: a page as JSON, or all of them as lines."""

    parameters = PAGED | {"view"}

    renderer_classes = [JSONRenderer, LinesRenderer]

    @extend_schema(
        responses={(200, "application/json"): MessagePageSerializer, (200, NDJSON): MessageSerializer},
        parameters=[PURPOSE, _VIEW, REASON, *PAGING],
    )
    def get(self, request: Request, conversation_id: UUID) -> HttpResponseBase:
        """Return them redacted, or the source under a policy, with a fresh second factor.

        With `Accept: application/x-ndjson` a line a message, and a last line with `end`, the count and, where the time
        was over, the cursor to go on with; an answer without that line was cut off.
        """
        size, held = page_size(request), number_cursor(cursor_of(request))
        after = -1 if held is None else held
        if request.accepted_renderer.format == LinesRenderer.format:
            return _stream(request, conversation_id, after)
        opened = read_conversation(
            principal=principal_of(request),
            conversation_id=conversation_id,
            purpose=purpose_of(request),
            view=_view(request),
            reason=reason_of(request),
            now=datetime.now(UTC),
            after=after,
            limit=size,
        )
        following = sealed_cursor(opened.messages[-1].ordinal) if len(opened.messages) == size else None
        results = [message.as_shown() for message in opened.messages]
        return Response({"view": opened.view, "results": results, "next": following})


def _stream(request: Request, conversation_id: UUID, after: int) -> HttpResponseBase:
    wanted = streaming.Request(conversation=conversation_id, view=_view(request), reason=reason_of(request), after=after)
    ticket = streaming.prepare(
        principal=principal_of(request), purpose=purpose_of(request), request=wanted, now=datetime.now(UTC)
    )
    return lines(_documents(streaming.stream(ticket, wanted)))


def _documents(steps: Generator[OpenedMessage | streaming.End, None, None]) -> Iterator[dict[str, Any]]:
    with closing(steps):
        for step in steps:
            if isinstance(step, OpenedMessage):
                yield step.as_shown()
            else:
                following = None if step.after is None else sealed_cursor(step.after)
                yield {"end": True, "messages": step.messages, "next": following}
