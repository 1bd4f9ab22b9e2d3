"""Long work: list, look, ask, pause, resume, cancel."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance.api.answers import LOCATION
from governance.api.governing_serializers import Strict
from governance.api.paging import PAGED, PAGING, newest, page_shape
from governance.api.requests import arguments_of, current_time, flag, principal_of
from governance.api.views import ApiView
from governance.jobs.models import Job
from governance.pipeline import managing
from governance.privacy.rescanning import TOPIC, ask_rescan

STATES = Job.State.values


class JobSerializer(serializers.Serializer):
    """A job: `rate` in units a second of work, `seconds_left` where total and rate are known."""

    id = serializers.UUIDField()
    topic = serializers.CharField()
    state = serializers.ChoiceField(STATES)
    done = serializers.IntegerField()
    total = serializers.IntegerField(allow_null=True)
    rate = serializers.FloatField(allow_null=True)
    seconds_left = serializers.FloatField(allow_null=True)
    attempt = serializers.IntegerField()
    reason = serializers.CharField(allow_blank=True)
    asked_by = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class JobAskSerializer(Strict):
    """What is to be done."""

    topic = serializers.ChoiceField([TOPIC])


class JobListView(ApiView):
    """Jobs of the tenant."""

    parameters = PAGED | {"open"}

    @extend_schema(
        responses=page_shape(JobSerializer), operation_id="jobs_list", parameters=[*PAGING, OpenApiParameter("open", bool)]
    )
    def get(self, request: Request) -> Response:
        """Return the newest; `open=true` only those that are neither done nor cancelled."""
        asked: Any = {"principal": principal_of(request), "open_only": flag(request, "open"), "now": current_time()}
        return newest(
            request, JobSerializer, lambda before, limit: managing.jobs_for(**asked, before=before, limit=limit)
        )  # fmt: skip

    @extend_schema(request=JobAskSerializer, responses={202: JobSerializer}, parameters=[LOCATION])
    def post(self, request: Request) -> Response:
        """Ask for a job: `rescan` scans all messages anew under the rules of now."""
        arguments_of(request, JobAskSerializer)
        principal, now = principal_of(request), current_time()
        shown = managing.job_of(principal=principal, job_id=ask_rescan(principal=principal, now=now), now=now)
        return Response(JobSerializer(shown).data, status=202, headers={"Location": f"/api/v1/jobs/{shown.id}"})


class JobView(ApiView):
    """One job."""

    @extend_schema(responses=JobSerializer)
    def get(self, request: Request, job_id: UUID) -> Response:
        """Return it."""
        shown = managing.job_of(principal=principal_of(request), job_id=job_id, now=current_time())
        return Response(JobSerializer(shown).data)


class _Change(ApiView):
    """Changes a job's state."""

    takes_body = False
    act: Callable[..., managing.Shown]

    @extend_schema(request=None, responses=JobSerializer)
    def post(self, request: Request, job_id: UUID) -> Response:
        """Return the job as it is now."""
        shown: Any = type(self).act(principal=principal_of(request), job_id=job_id, now=current_time())
        return Response(JobSerializer(shown).data)


class PauseView(_Change):
    """Lets no worker go on with it; a step that runs is done first."""

    act = managing.pause


class ResumeView(_Change):
    """Gives a paused or quarantined job back to the workers."""

    act = managing.resume


class CancelView(_Change):
    """Ends it for good; what it did stays."""

    act = managing.cancel
