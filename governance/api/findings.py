"""Findings of a record: looking, masking more, confirming, and showing again by two people."""

from operator import attrgetter
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance.api.answers import LOCATION, asked_for
from governance.api.governing_serializers import ApplySerializer, ReasonSerializer, Strict
from governance.api.paging import PAGED, PAGING, page_shape, whole
from governance.api.requests import arguments_of, current_time, principal_of
from governance.api.views import ApiView
from governance.privacy import judging
from governance.privacy.detectors import Kind
from governance.privacy.models import Finding


class JudgedSerializer(serializers.Serializer):
    """A finding: where it stands, who says so and whether it holds; never the match."""

    id = serializers.IntegerField()
    record = serializers.UUIDField()
    leaf = serializers.IntegerField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    type = serializers.CharField()
    tier = serializers.CharField()
    rule = serializers.CharField()
    said_by = serializers.ChoiceField(["detector", "person"])
    state = serializers.ChoiceField(Finding.State.values)


class MaskSerializer(Strict):
    """A place to mask: code points of the leaf with that number, in reading order from 0."""

    leaf = serializers.IntegerField(min_value=0)
    start = serializers.IntegerField(min_value=0)
    end = serializers.IntegerField(min_value=1)
    type = serializers.ChoiceField([str(kind) for kind in Kind])


class AskedUnmaskSerializer(serializers.Serializer):
    """The approval that waits for a second person."""

    approval = serializers.UUIDField()


class PrecisionSerializer(serializers.Serializer):
    """How often people agreed with a rule."""

    rule = serializers.CharField()
    confirmed = serializers.IntegerField()
    rejected = serializers.IntegerField()
    precision = serializers.FloatField()


class FindingListView(ApiView):
    """Findings of a message, or of a conversation's head by the conversation's id."""

    parameters = PAGED

    @extend_schema(responses=page_shape(JudgedSerializer), operation_id="findings_list", parameters=PAGING)
    def get(self, request: Request, record_id: UUID) -> Response:
        """Return them in reading order."""
        found = judging.findings_of(principal=principal_of(request), record=record_id, now=current_time())
        return whole(request, JudgedSerializer, found)

    @extend_schema(request=MaskSerializer, responses={201: JudgedSerializer}, operation_id="findings_mask")
    def post(self, request: Request, record_id: UUID) -> Response:
        """Mask a place for good."""
        given = arguments_of(request, MaskSerializer)
        kind = given.pop("type")
        made = judging.mask(principal=principal_of(request), record=record_id, **given, kind=kind, now=current_time())
        return Response(JudgedSerializer(made).data, status=201)


class FindingConfirmView(ApiView):
    """Says that a finding is right."""

    takes_body = False

    @extend_schema(request=None, responses=JudgedSerializer)
    def post(self, request: Request, finding_id: int) -> Response:
        """Return it."""
        shown = judging.confirm(principal=principal_of(request), finding_id=finding_id, now=current_time())
        return Response(JudgedSerializer(shown).data)


class FindingAskView(ApiView):
    """Asks that what a finding masks is shown again."""

    @extend_schema(request=ReasonSerializer, responses={201: AskedUnmaskSerializer}, parameters=[LOCATION])
    def post(self, request: Request, finding_id: int) -> Response:
        """Return the approval that waits for a second person."""
        reason = arguments_of(request, ReasonSerializer)["reason"]
        asked = judging.ask_unmask(principal=principal_of(request), finding_id=finding_id, reason=reason, now=current_time())
        return asked_for(asked)


class UnmaskView(ApiView):
    """Shows again what a second person agreed to."""

    @extend_schema(request=ApplySerializer, responses=JudgedSerializer)
    def post(self, request: Request) -> Response:
        """Return the finding, which is rejected now."""
        approval = arguments_of(request, ApplySerializer)["approval"]
        return Response(
            JudgedSerializer(judging.unmask(principal=principal_of(request), approval_id=approval, now=current_time())).data
        )


class PrecisionView(ApiView):
    """How often people agreed with each rule."""

    parameters = PAGED

    @extend_schema(responses=page_shape(PrecisionSerializer), operation_id="detectors_precision", parameters=PAGING)
    def get(self, request: Request) -> Response:
        """Return the rules that people spoke of."""
        found = judging.precision(principal=principal_of(request), now=current_time())
        return whole(request, PrecisionSerializer, found, known_by=attrgetter("rule"))
