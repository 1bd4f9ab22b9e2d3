"""The audit trail: entries of the tenant's chain, page by page."""

from operator import attrgetter

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance.access.auditing import entries
from governance.api.errors import DomainProblem
from governance.api.paging import PAGED, PAGING, answer, cursor_of, number_cursor, page_shape, page_size
from governance.api.requests import current_time, principal_of
from governance.api.views import ApiView
from governance.audit.events import EVENTS


class EntrySerializer(serializers.Serializer):
    """An entry: ids, codes and counts, never content. `hash` is SHA-256 over the entry and `previous_hash`."""

    sequence = serializers.IntegerField()
    recorded_at = serializers.DateTimeField()
    event = serializers.CharField()
    actor = serializers.CharField(allow_blank=True)
    facts = serializers.DictField()
    previous_hash = serializers.CharField()
    hash = serializers.CharField()


class EntryListView(ApiView):
    """The entries of the tenant's chain."""

    parameters = PAGED | {"event"}

    @extend_schema(
        responses=page_shape(EntrySerializer), operation_id="audit_list",
        parameters=[*PAGING, OpenApiParameter("event", str, description="Entries of this event only.")],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Return the newest; who looked is on the record, too."""
        event, size = request.query_params.get("event", ""), page_size(request)
        if event and event not in EVENTS:
            raise DomainProblem(code="query.value", text=_("There is no such event; docs/audit-events.md lists them."))
        before = number_cursor(cursor_of(request))
        found = entries(principal=principal_of(request), event=event, before=before, limit=size + 1, now=current_time())
        return answer(found[:size], EntrySerializer, more=len(found) > size, known_by=attrgetter("sequence"))
