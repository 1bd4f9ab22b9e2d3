"""Key rings, versions and data keys: look, plan, rotate, move, change, destroy. Each change names what its asker saw."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from governance.api.answers import LOCATION, asked_for
from governance.api.governing_serializers import ApplySerializer, AskedSerializer, ReasonSerializer
from governance.api.jobs import JobSerializer
from governance.api.key_serializers import (
    DescribedSerializer,
    DestroySerializer,
    ErasedSerializer,
    LowerSerializer,
    MinimumSerializer,
    PlanSerializer,
    RadiusSerializer,
    RingSerializer,
    RotateSerializer,
    VersionSerializer,
)
from governance.api.paging import PAGED, PAGING, page_shape, whole
from governance.api.preconditions import ETAG, IF_MATCH, etag, expected_tag
from governance.api.requests import arguments_of, current_time, principal_of
from governance.api.views import ApiView
from governance.custody import destroying, minimum, planning, showing
from governance.custody.changing import change_version
from governance.custody.reencrypting import ask_reencrypt
from governance.custody.reindexing import ask_reindex
from governance.custody.rewrapping import ask_rewrap
from governance.custody.rotation import rotate_ring
from governance.identity.principals import Principal
from governance.keys.models import KeyUse
from governance.pipeline.managing import job_asked_by


def _ring(request: Request, ring_id: UUID) -> Response:
    shown = showing.ring_for(principal=principal_of(request), ring_id=ring_id, now=current_time())
    return Response(RingSerializer(shown).data, headers=etag(shown.tag))


def _version(request: Request, version_id: UUID) -> Response:
    shown, steps = showing.version_for(principal=principal_of(request), version_id=version_id, now=current_time())
    told = DescribedSerializer({**asdict(shown), "transitions": steps}).data
    return Response(told, headers=etag(shown.tag))


def _use_of(request: Request, ring_id: UUID) -> str:
    return showing.ring_for(principal=principal_of(request), ring_id=ring_id, now=current_time()).use


class RingListView(ApiView):
    """The rings of the tenant."""

    parameters = PAGED

    @extend_schema(responses=page_shape(RingSerializer), operation_id="key_rings_list", parameters=PAGING)
    def get(self, request: Request) -> Response:
        """Return them, by use."""
        found = showing.rings_for(principal=principal_of(request), now=current_time())
        return whole(request, RingSerializer, found)


class RingView(ApiView):
    """One ring."""

    @extend_schema(responses=RingSerializer, parameters=[ETAG])
    def get(self, request: Request, ring_id: UUID) -> Response:
        """Return it, with its ETag."""
        return _ring(request, ring_id)


class PlanView(ApiView):
    """What work on a ring would come to."""

    @extend_schema(responses=PlanSerializer)
    def get(self, request: Request, ring_id: UUID) -> Response:
        """Return counts and estimates; nothing is done."""
        found = planning.plan(principal=principal_of(request), use=_use_of(request, ring_id), now=current_time())
        return Response(PlanSerializer(found).data)


class RotateView(ApiView):
    """Gives a ring a new active version."""

    @extend_schema(request=RotateSerializer, responses=RingSerializer, parameters=[IF_MATCH, ETAG])
    def post(self, request: Request, ring_id: UUID) -> Response:
        """Return the ring as it is then; the version before still opens."""
        expected, given = expected_tag(request), arguments_of(request, RotateSerializer)
        rotate_ring(
            principal=principal_of(request), use=_use_of(request, ring_id), reason=given["reason"], expected=expected,
            provider_uri=given["provider"], now=current_time(),
        )  # fmt: skip
        return _ring(request, ring_id)


class _JobView(ApiView):
    """Asks for long work on a ring."""

    takes_body = False
    ask: ClassVar[Any]

    @extend_schema(request=None, responses={202: JobSerializer}, parameters=[LOCATION])
    def post(self, request: Request, ring_id: UUID) -> Response:
        """Return the job that now waits."""
        principal, now = principal_of(request), current_time()
        job = type(self).ask(principal=principal, use=_use_of(request, ring_id), now=now)
        shown = job_asked_by(principal=principal, job_id=job)
        return Response(JobSerializer(shown).data, status=202, headers={"Location": f"/api/v1/jobs/{job}"})


class RewrapView(_JobView):
    """Moves the data keys of a ring to its active version; no message is touched."""

    ask = ask_rewrap


class ReencryptView(_JobView):
    """Seals what a ring protects under new data keys, and destroys the old ones; the blind index is made anew."""

    @staticmethod
    def ask(*, principal: Principal, use: str, now: datetime) -> UUID:
        """Return the job that now waits."""
        if use == KeyUse.INDEX:
            return ask_reindex(principal=principal, now=now)
        return ask_reencrypt(principal=principal, use=use, now=now)


class RaiseMinimumView(ApiView):
    """Lets a ring accept newer versions only."""

    @extend_schema(request=MinimumSerializer, responses=RingSerializer, parameters=[IF_MATCH, ETAG])
    def post(self, request: Request, ring_id: UUID) -> Response:
        """Return the ring; refused while older versions wrap anything."""
        expected, number = expected_tag(request), arguments_of(request, MinimumSerializer)["number"]
        minimum.raise_minimum(
            principal=principal_of(request), use=_use_of(request, ring_id), number=number, expected=expected,
            now=current_time(),
        )  # fmt: skip
        return _ring(request, ring_id)


class AskMinimumView(ApiView):
    """Asks a second person to let a ring accept older versions again."""

    @extend_schema(request=LowerSerializer, responses={201: AskedSerializer}, parameters=[LOCATION])
    def post(self, request: Request, ring_id: UUID) -> Response:
        """Return the approval that now waits."""
        given = arguments_of(request, LowerSerializer)
        use = _use_of(request, ring_id)
        asked = minimum.ask_lower_minimum(principal=principal_of(request), use=use, **given, now=current_time())
        return asked_for(asked)


class LowerMinimumView(ApiView):
    """Lowers the minimum that two people agreed to lower."""

    @extend_schema(request=ApplySerializer, responses=RingSerializer, parameters=[IF_MATCH, ETAG])
    def post(self, request: Request, ring_id: UUID) -> Response:
        """Return the ring."""
        expected, approval = expected_tag(request), arguments_of(request, ApplySerializer)["approval"]
        _use_of(request, ring_id)
        minimum.lower_minimum(
            principal=principal_of(request), approval_id=approval, ring_id=ring_id, expected=expected, now=current_time()
        )
        return _ring(request, ring_id)


class VersionListView(ApiView):
    """The versions of all rings."""

    parameters = PAGED | {"use"}

    @extend_schema(
        responses=page_shape(VersionSerializer), operation_id="key_versions_list",
        parameters=[*PAGING, OpenApiParameter("use", str)],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Return them, by use and number; `use` shows those of one ring."""
        use = request.query_params.get("use", "")
        found = showing.versions_for(principal=principal_of(request), use=use, now=current_time())
        return whole(request, VersionSerializer, found)


class VersionView(ApiView):
    """One version with its history."""

    @extend_schema(responses=DescribedSerializer, parameters=[ETAG])
    def get(self, request: Request, version_id: UUID) -> Response:
        """Return it, with its ETag."""
        return _version(request, version_id)


class RadiusView(ApiView):
    """What hangs from a version."""

    @extend_schema(responses=RadiusSerializer)
    def get(self, request: Request, version_id: UUID) -> Response:
        """Return the counts of what would be unreadable without it."""
        found = planning.blast_radius(principal=principal_of(request), version_id=version_id, now=current_time())
        return Response(RadiusSerializer(found).data)


class ChangeVersionView(ApiView):
    """Changes the state of a version."""

    act = ""

    @extend_schema(request=ReasonSerializer, responses=DescribedSerializer, parameters=[IF_MATCH, ETAG])
    def post(self, request: Request, version_id: UUID) -> Response:
        """Return the version as it is then."""
        expected, reason = expected_tag(request), arguments_of(request, ReasonSerializer)["reason"]
        change_version(
            principal=principal_of(request), version_id=version_id, act=self.act, reason=reason, expected=expected,
            now=current_time(),
        )  # fmt: skip
        return _version(request, version_id)


class AskDestroyView(ApiView):
    """Asks a second person for the destruction of a version that wraps nothing."""

    @extend_schema(request=DestroySerializer, responses={201: AskedSerializer}, parameters=[LOCATION])
    def post(self, request: Request, version_id: UUID) -> Response:
        """Return the approval that now waits."""
        given = arguments_of(request, DestroySerializer)
        asked = destroying.ask_destroy(principal=principal_of(request), version_id=version_id, **given, now=current_time())
        return asked_for(asked)


class DestroyView(ApiView):
    """Begins the waiting after which a version is destroyed."""

    @extend_schema(request=ApplySerializer, responses=DescribedSerializer, parameters=[IF_MATCH, ETAG])
    def post(self, request: Request, version_id: UUID) -> Response:
        """Return the version; `destroy_at` is when it ends, and until then one person cancels it."""
        expected, approval = expected_tag(request), arguments_of(request, ApplySerializer)["approval"]
        principal, now = principal_of(request), current_time()
        showing.version_for(principal=principal, version_id=version_id, now=now)
        destroying.schedule_destroy(
            principal=principal, approval_id=approval, version_id=version_id, expected=expected, now=now
        )
        return _version(request, version_id)


class CancelDestroyView(ApiView):
    """Takes a version out of its waiting."""

    @extend_schema(request=ReasonSerializer, responses=DescribedSerializer, parameters=[IF_MATCH, ETAG])
    def post(self, request: Request, version_id: UUID) -> Response:
        """Return the version as it is then."""
        expected, reason = expected_tag(request), arguments_of(request, ReasonSerializer)["reason"]
        destroying.cancel_destroy(
            principal=principal_of(request), version_id=version_id, reason=reason, expected=expected, now=current_time()
        )
        return _version(request, version_id)


class AskDestroyDataKeyView(ApiView):
    """Asks a second person for the destruction of one data key."""

    @extend_schema(request=ReasonSerializer, responses={201: AskedSerializer}, parameters=[LOCATION])
    def post(self, request: Request, data_key_id: UUID) -> Response:
        """Return the approval that now waits."""
        reason = arguments_of(request, ReasonSerializer)["reason"]
        asked = destroying.ask_destroy_data_key(
            principal=principal_of(request), data_key_id=data_key_id, reason=reason, now=current_time()
        )
        return asked_for(asked)


class DestroyDataKeyView(ApiView):
    """Destroys the data key that two people agreed to destroy."""

    @extend_schema(request=ApplySerializer, responses=ErasedSerializer)
    def post(self, request: Request) -> Response:
        """Return what became unreadable, at once and for good."""
        approval = arguments_of(request, ApplySerializer)["approval"]
        erased = destroying.destroy_data_key(principal=principal_of(request), approval_id=approval, now=current_time())
        return Response(ErasedSerializer(erased).data)
