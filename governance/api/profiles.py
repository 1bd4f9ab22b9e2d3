"""Detection profiles: what the tenant and its collections add to the detectors, tried out and put into force."""

from typing import Any, Final
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance.api.answers import LOCATION, asked_for
from governance.api.detection import AnyJsonField, DetectAskSerializer, DetectedSerializer
from governance.api.governing_serializers import ReasonSerializer, Strict
from governance.api.paging import PAGED, PAGING, page_shape, whole
from governance.api.preconditions import ETAG, IF_MATCH, etag, expected_tag
from governance.api.requests import arguments_of, current_time, principal_of
from governance.api.views import ApiView
from governance.privacy import profiling
from governance.privacy.models import DetectionProfile

STATES: Final = DetectionProfile.State.values


class ProfileSerializer(serializers.Serializer):
    """A version; `collection` is null for the profile of the whole tenant."""

    id = serializers.UUIDField()
    collection = serializers.UUIDField(allow_null=True)
    version = serializers.IntegerField()
    state = serializers.ChoiceField(STATES)
    reason = serializers.CharField()
    drafted_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    activated_at = serializers.DateTimeField(allow_null=True)


class ProfileDetailSerializer(ProfileSerializer):
    """A version with its settings: `classes`, `deny`, `allow`, `patterns`."""

    settings = AnyJsonField()


class ProfileDraftSerializer(Strict):
    """New settings, of the whole tenant or of one collection."""

    settings = AnyJsonField()
    collection = serializers.UUIDField(default=None, allow_null=True)
    reason = serializers.CharField(max_length=500)


class ComparisonSerializer(serializers.Serializer):
    """How a version differs from the one in force; where it weakens, it takes a second person."""

    diff = serializers.CharField()
    weakens = serializers.ListField(child=serializers.CharField())


class DraftedSerializer(ProfileSerializer):
    """A draft, and in which ways it masks or protects less than what is in force."""

    weakens = serializers.ListField(child=serializers.CharField())


class AskedProfileSerializer(serializers.Serializer):
    """The approval that waits for a second person."""

    approval = serializers.UUIDField()


class ProfileApplySerializer(Strict):
    """The approval, where the version masks or protects less."""

    approval = serializers.UUIDField(default=None, allow_null=True)


class AppliedSerializer(ProfileSerializer):
    """The version in force, and the job that scans anew."""

    job = serializers.UUIDField()


class ProfileListView(ApiView):
    """The profiles in force and in draft."""

    parameters = PAGED

    @extend_schema(responses=page_shape(ProfileSerializer), operation_id="detection_profiles_list", parameters=PAGING)
    def get(self, request: Request) -> Response:
        """Return them, without their settings."""
        found = profiling.profiles_of(principal=principal_of(request), now=current_time())
        return whole(request, ProfileSerializer, found)

    @extend_schema(request=ProfileDraftSerializer, responses={201: DraftedSerializer}, parameters=[LOCATION])
    def post(self, request: Request) -> Response:
        """Keep new settings as a draft."""
        given: dict[str, Any] = arguments_of(request, ProfileDraftSerializer)
        row, found = profiling.draft(
            principal=principal_of(request), settings=given["settings"], collection_id=given["collection"],
            reason=given["reason"], now=current_time(),
        )  # fmt: skip
        where = {"Location": f"/api/v1/detection-profiles/{row.id}"}
        return Response({**ProfileSerializer(row).data, "weakens": found.weakens}, status=201, headers=where)


class ProfileView(ApiView):
    """One version."""

    @extend_schema(responses=ProfileDetailSerializer, parameters=[ETAG])
    def get(self, request: Request, profile_id: UUID) -> Response:
        """Return it with its settings, and its ETag."""
        row = profiling.profile(principal=principal_of(request), profile_id=profile_id, now=current_time())
        return Response(ProfileDetailSerializer(row).data, headers=etag(row.tag))


class ProfileDiffView(ApiView):
    """How a version differs from the one in force."""

    @extend_schema(responses=ComparisonSerializer)
    def get(self, request: Request, profile_id: UUID) -> Response:
        """Return a unified diff, and what would be masked or protected less."""
        found = profiling.compare(principal=principal_of(request), profile_id=profile_id, now=current_time())
        return Response(ComparisonSerializer(found).data)


class ProfileTryView(ApiView):
    """Detection under one version, without storing."""

    acts = False

    @extend_schema(request=DetectAskSerializer, responses=DetectedSerializer)
    def post(self, request: Request, profile_id: UUID) -> Response:
        """Return what the content holds; it is kept nowhere."""
        given: Any = arguments_of(request, DetectAskSerializer)["content"]
        principal = principal_of(request)
        found = profiling.try_out(principal=principal, profile_id=profile_id, item=given, now=current_time())
        return Response(found.as_facts())


class ProfileAskView(ApiView):
    """Asks a second person to let a draft take force."""

    @extend_schema(request=ReasonSerializer, responses={201: AskedProfileSerializer}, parameters=[LOCATION])
    def post(self, request: Request, profile_id: UUID) -> Response:
        """Return the approval that now waits."""
        reason = arguments_of(request, ReasonSerializer)["reason"]
        asked = profiling.ask_activation(
            principal=principal_of(request), profile_id=profile_id, reason=reason, now=current_time()
        )
        return asked_for(asked)


class ProfileApplyView(ApiView):
    """Puts a draft into force."""

    @extend_schema(request=ProfileApplySerializer, responses=AppliedSerializer, parameters=[IF_MATCH, ETAG])
    def post(self, request: Request, profile_id: UUID) -> Response:
        """Return the version, and the job that scans anew what was scanned before."""
        expected, approval = expected_tag(request), arguments_of(request, ProfileApplySerializer)["approval"]
        principal, now = principal_of(request), current_time()
        row, job = profiling.activate(
            principal=principal, profile_id=profile_id, approval_id=approval, expected=expected, now=now
        )
        tag = profiling.profile(principal=principal, profile_id=profile_id, now=now).tag
        return Response({**ProfileSerializer(row).data, "job": job}, headers=etag(tag))
