"""Who can read this, and why not."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from governance.api.governing_serializers import ExplainSerializer, ExplanationSerializer, ReaderSerializer
from governance.api.paging import PAGED, PAGING, page_shape, whole
from governance.api.requests import arguments_of, current_time, principal_of
from governance.api.views import ApiView
from governance.vault.explaining import explain_refusal, who_can_read, why_not_me


class ReadersView(ApiView):
    """Everybody who may open a conversation now."""

    parameters = PAGED

    @extend_schema(responses=page_shape(ReaderSerializer), operation_id="readers_list", parameters=PAGING)
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """Return who, for which purpose, which view, by which policies and until when."""
        found = who_can_read(principal=principal_of(request), conversation_id=conversation_id, now=current_time())
        return whole(request, ReaderSerializer, found, known_by=lambda one: f"{one.user_id} {one.purpose} {one.view}")


class ExplainView(ApiView):
    """What stands between the token's principal and a conversation."""

    acts = False

    @extend_schema(request=ExplainSerializer, responses=ExplanationSerializer)
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Explain the decision; nothing is opened."""
        given = arguments_of(request, ExplainSerializer)
        found = why_not_me(principal=principal_of(request), conversation_id=conversation_id, **given, now=current_time())
        return Response(ExplanationSerializer(found).data)


class RefusalView(ApiView):
    """A recorded request, explained by the policies of today."""

    @extend_schema(responses=ExplanationSerializer)
    def get(self, request: Request, sequence: int) -> Response:
        """Explain the entry with that number of the audit trail."""
        found = explain_refusal(principal=principal_of(request), sequence=sequence, now=current_time())
        return Response(ExplanationSerializer(found).data)
