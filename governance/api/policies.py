"""Policies, purposes and collections: who may do what, and for which reasons at all."""

from http import HTTPStatus
from operator import attrgetter
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from governance.access import policies
from governance.access.models import AccessPolicy
from governance.access.purposes import purposes_of
from governance.api.answers import LOCATION, asked_for
from governance.api.governing_serializers import (
    ApplySerializer,
    AskedSerializer,
    CollectionChangeSerializer,
    CollectionSerializer,
    DiffSerializer,
    DraftSerializer,
    DryRunResultSerializer,
    DryRunSerializer,
    PolicySerializer,
    PurposeSerializer,
    ReasonSerializer,
    form_of,
)
from governance.api.paging import PAGED, PAGING, page_shape, whole
from governance.api.preconditions import ETAG, IF_MATCH, etag, expected_tag
from governance.api.requests import arguments_of, current_time, principal_of
from governance.api.views import ApiView
from governance.identity.principals import Principal
from governance.vault.collections import change_collection, collection, collections
from governance.vault.explaining import try_draft


class PolicyListView(ApiView):
    """The policies in force and in draft."""

    parameters = PAGED | {"name"}

    @extend_schema(
        responses=page_shape(PolicySerializer), operation_id="policies_list",
        parameters=[*PAGING, OpenApiParameter("name", str)],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Return them; with `name` all versions of one."""
        name = request.query_params.get("name", "")
        rows = policies.policies_of(principal=principal_of(request), name=name, now=current_time())
        return whole(request, PolicySerializer, rows)

    @extend_schema(request=DraftSerializer, responses={201: PolicySerializer}, parameters=[LOCATION])
    def post(self, request: Request) -> Response:
        """Keep a new version as a draft."""
        given = arguments_of(request, DraftSerializer)
        cedar = given.get("cedar") or form_of(given["name"], given["form"]).write()
        row = policies.draft(
            principal=principal_of(request), name=given["name"], cedar=cedar, reason=given["reason"], now=current_time()
        )
        return _policy(principal_of(request), row, status=201)


def _policy(principal: Principal, row: AccessPolicy, status: int = 200) -> Response:
    """Answer a version, with its ETag, and with its address where it is new."""
    headers = etag(policies.tag_of(principal=principal, row=row))
    where = {"Location": f"/api/v1/policies/{row.id}"} if status == HTTPStatus.CREATED else {}
    return Response(PolicySerializer(row).data, status=status, headers=headers | where)


class PolicyView(ApiView):
    """One version of a policy."""

    @extend_schema(responses=PolicySerializer, parameters=[ETAG])
    def get(self, request: Request, policy_id: UUID) -> Response:
        """Return it, with its ETag."""
        principal = principal_of(request)
        return _policy(principal, policies.policy(principal=principal, policy_id=policy_id, now=current_time()))


class PolicyDiffView(ApiView):
    """How a version differs from the one in force."""

    @extend_schema(responses=DiffSerializer)
    def get(self, request: Request, policy_id: UUID) -> Response:
        """Return a unified diff."""
        return Response({"diff": policies.diff(principal=principal_of(request), policy_id=policy_id, now=current_time())})


class DryRunView(ApiView):
    """What a draft would change among the recorded requests."""

    acts = False

    @extend_schema(request=DryRunSerializer, responses=DryRunResultSerializer)
    def post(self, request: Request, policy_id: UUID) -> Response:
        """Decide the last requests again; nothing is changed."""
        last = arguments_of(request, DryRunSerializer)["last"]
        found = try_draft(principal=principal_of(request), policy_id=policy_id, last=last, now=current_time())
        return Response(DryRunResultSerializer(found).data)


class PolicyAskView(ApiView):
    """Asks a second person: to put a draft into force, or to take an active policy out of it."""

    @extend_schema(request=ReasonSerializer, responses={201: AskedSerializer}, parameters=[LOCATION])
    def post(self, request: Request, policy_id: UUID) -> Response:
        """Return the approval that now waits."""
        principal, now = principal_of(request), current_time()
        reason = arguments_of(request, ReasonSerializer)["reason"]
        row = policies.policy(principal=principal, policy_id=policy_id, now=now)
        ask = policies.ask_retirement if row.state == AccessPolicy.State.ACTIVE else policies.ask_activation
        return asked_for(ask(principal=principal, policy_id=policy_id, reason=reason, now=now))


class PolicyApplyView(ApiView):
    """Carries out what a second person agreed to."""

    @extend_schema(request=ApplySerializer, responses=PolicySerializer, parameters=[IF_MATCH, ETAG])
    def post(self, request: Request, policy_id: UUID) -> Response:
        """Return the version as it is now."""
        principal, now, expected = principal_of(request), current_time(), expected_tag(request)
        approval = arguments_of(request, ApplySerializer)["approval"]
        row = policies.policy(principal=principal, policy_id=policy_id, now=now)
        act = policies.retire if row.state == AccessPolicy.State.ACTIVE else policies.activate
        return _policy(
            principal, act(principal=principal, policy_id=policy_id, approval_id=approval, expected=expected, now=now)
        )


class PurposeListView(ApiView):
    """The purposes that the tenant knows."""

    parameters = PAGED

    @extend_schema(responses=page_shape(PurposeSerializer), operation_id="purposes_list", parameters=PAGING)
    def get(self, request: Request) -> Response:
        """Return them, to every member."""
        found = purposes_of(principal_of(request).tenant_id)
        return whole(request, PurposeSerializer, found, known_by=attrgetter("code"))

    @extend_schema(request=PurposeSerializer, responses={201: PurposeSerializer})
    def post(self, request: Request) -> Response:
        """Add one."""
        given = arguments_of(request, PurposeSerializer)
        policies.add_purpose(principal=principal_of(request), **given, now=current_time())
        return Response(given, status=201)


class CollectionListView(ApiView):
    """The collections, with what they allow."""

    parameters = PAGED

    @extend_schema(responses=page_shape(CollectionSerializer), operation_id="collections_list", parameters=PAGING)
    def get(self, request: Request) -> Response:
        """Return them."""
        found = collections(principal=principal_of(request), now=current_time())
        return whole(request, CollectionSerializer, found)


class CollectionView(ApiView):
    """What one collection allows."""

    @extend_schema(responses=CollectionSerializer, parameters=[ETAG])
    def get(self, request: Request, collection_id: UUID) -> Response:
        """Return it, with its ETag."""
        found = collection(principal=principal_of(request), collection_id=collection_id, now=current_time())
        return Response(CollectionSerializer(found).data, headers=etag(found.tag))

    @extend_schema(request=CollectionChangeSerializer, responses=CollectionSerializer, parameters=[IF_MATCH, ETAG])
    def patch(self, request: Request, collection_id: UUID) -> Response:
        """Set its purposes, its lawful basis, or both."""
        expected, given = expected_tag(request), arguments_of(request, CollectionChangeSerializer)
        changed = change_collection(
            principal=principal_of(request), collection_id=collection_id, **given, expected=expected, now=current_time()
        )
        return Response(CollectionSerializer(changed).data, headers=etag(changed.tag))
