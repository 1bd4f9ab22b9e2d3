"""The audit trail: entries of the tenant's chain page by page, its verification, and the chain as lines."""

from operator import attrgetter
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from governance.access.auditing import entries
from governance.api.answers import LOCATION
from governance.api.errors import DomainProblem
from governance.api.paging import PAGED, PAGING, answer, cursor_of, number_cursor, page_shape, page_size
from governance.api.requests import current_time, principal_of
from governance.api.views import ApiView
from governance.audit.chain import ChainReport
from governance.audit.events import EVENTS
from governance.custody import verifying
from governance.custody.carrying import carry
from governance.identity.principals import Principal
from governance.jobs.models import Job
from governance.pipeline.managing import job_of_topic
from governance.web.streams import NDJSON, LinesRenderer


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


class ReportSerializer(serializers.Serializer):
    """What a verification saw: `bad_sequence` and `fault` name the first bad entry where the chain is not whole.

    `checkpoints` and `outside` count the signed heads of the database and of files of sinks that were compared.
    """

    whole = serializers.BooleanField()
    entries = serializers.IntegerField()
    head = serializers.CharField()
    merkle_root = serializers.CharField(source="root")
    bad_sequence = serializers.IntegerField(allow_null=True)
    fault = serializers.CharField(allow_blank=True)
    checkpoints = serializers.IntegerField()
    outside = serializers.IntegerField()
    unreadable = serializers.IntegerField()
    backwards = serializers.IntegerField()
    anomalies = serializers.ListField(child=serializers.CharField())
    accepted = serializers.ListField(child=serializers.CharField())
    attestation = serializers.CharField()


class VerificationSerializer(serializers.Serializer):
    """A verification: of a short chain `report` is there at once and `id` is null, of a long one at the job's end."""

    id = serializers.UUIDField(allow_null=True)
    state = serializers.ChoiceField(Job.State.values)
    done = serializers.IntegerField()
    total = serializers.IntegerField(allow_null=True)
    rate = serializers.FloatField(allow_null=True)
    seconds_left = serializers.FloatField(allow_null=True)
    report = ReportSerializer(allow_null=True)
    verified_at = serializers.DateTimeField(allow_null=True, help_text="When the report was made.")


def _verification(principal: Principal, job_id: UUID) -> dict[str, Any]:
    now = current_time()
    verdict = verifying.verdict(principal=principal, job_id=job_id, now=now)
    shown = job_of_topic(
        principal=principal, job_id=job_id, topic=verifying.TOPIC, action=verifying.ACTION, now=now
    )  # fmt: skip
    told = {name: getattr(shown, name) for name in ("id", "state", "done", "total", "rate", "seconds_left")}
    report, at = (None, None) if verdict is None else (verdict.report.as_json(), verdict.at)
    return VerificationSerializer({**told, "report": report, "verified_at": at}).data


class VerifyView(ApiView):
    """Verifies the tenant's chain."""

    takes_body = False

    @extend_schema(
        request=None, responses={200: VerificationSerializer, 202: VerificationSerializer}, parameters=[LOCATION],
        operation_id="audit_verify",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Return the report of a short chain, or the job that now verifies a long one."""
        principal = principal_of(request)
        found = verifying.verify(principal=principal, now=current_time())
        if isinstance(found, ChainReport):
            whole = {
                "id": None, "state": Job.State.DONE, "rate": None, "seconds_left": None, "report": found.as_json(),
                "verified_at": current_time(),
            }  # fmt: skip
            return Response(VerificationSerializer({**whole, "done": found.entries, "total": found.entries}).data)
        address = f"/api/v1/audit/verifications/{found}"
        return Response(_verification(principal, found), status=202, headers={"Location": address})


class VerificationView(ApiView):
    """One verification of a long chain."""

    @extend_schema(responses=VerificationSerializer)
    def get(self, request: Request, job_id: UUID) -> Response:
        """Return how far it is; at its end with the report."""
        return Response(_verification(principal_of(request), job_id))


class RecordLineSerializer(serializers.Serializer):
    """A line of the exported chain: `format` and `tenant`, or `entry`, `checkpoint`, or at last `end`."""

    entry = serializers.ListField(help_text="Number, microseconds since 1970 UTC, hash before, hash, body.")


class RecordExportView(ApiView):
    """The tenant's chain as the offline tool reads it."""

    renderer_classes = [LinesRenderer, JSONRenderer]
    http_method_names = ["get", "options"]  # HEAD would put an export on the record that nobody takes.

    @extend_schema(operation_id="audit_export", responses={(200, NDJSON): RecordLineSerializer})
    def get(self, request: Request) -> HttpResponseBase:
        """Return every entry up to now, and every signed head behind the entry that it signs.

        An answer without a last line `{"end": ...}` was cut off.
        """
        lines = carry(principal=principal_of(request), now=current_time())
        return StreamingHttpResponse(lines, content_type=NDJSON)
