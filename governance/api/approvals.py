"""Four eyes and break-glass: ask, second, refuse, withdraw; open, end, review."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from governance.access import breaking_glass, seconding
from governance.api.answers import LOCATION, asked_for
from governance.api.governing_serializers import (
    ApplySerializer,
    ApprovalSerializer,
    AskedSerializer,
    AskSerializer,
    BreakGlassAskSerializer,
    BreakGlassSerializer,
    ReviewSerializer,
)
from governance.api.paging import PAGED, PAGING, newest, page_shape
from governance.api.requests import arguments_of, current_time, flag, principal_of
from governance.api.views import ApiView
from governance.vault.resources import resources_for


class ApprovalListView(ApiView):
    """What the principal asked for or may second."""

    parameters = PAGED | {"waiting"}

    @extend_schema(
        responses=page_shape(ApprovalSerializer), operation_id="approvals_list",
        parameters=[*PAGING, OpenApiParameter("waiting", bool)],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Return the newest; `waiting=true` only those still to decide."""
        asked: Any = {"principal": principal_of(request), "waiting": flag(request, "waiting"), "now": current_time()}
        return newest(
            request,
            ApprovalSerializer,
            lambda before, limit: seconding.approvals_for(**asked, before=before, limit=limit),
        )

    @extend_schema(request=AskSerializer, responses={201: AskedSerializer}, parameters=[LOCATION])
    def post(self, request: Request) -> Response:
        """Ask for a grave act."""
        given = arguments_of(request, AskSerializer)
        return asked_for(seconding.ask(principal=principal_of(request), **given, now=current_time()))


class ApprovalView(ApiView):
    """One approval."""

    @extend_schema(responses=ApprovalSerializer)
    def get(self, request: Request, approval_id: UUID) -> Response:
        """Return it."""
        found = seconding.approval(principal=principal_of(request), approval_id=approval_id, now=current_time())
        return Response(ApprovalSerializer(found).data)


class _Decision(ApiView):
    """Decides an approval as a second person."""

    takes_body = False
    agree = True

    @extend_schema(request=None, responses=ApprovalSerializer)
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Return the approval as it is now."""
        principal, now = principal_of(request), current_time()
        seconding.second(principal=principal, approval_id=approval_id, agree=self.agree, now=now)
        return Response(ApprovalSerializer(seconding.approval(principal=principal, approval_id=approval_id, now=now)).data)


class SecondView(_Decision):
    """Agrees, as a second person."""


class RefuseView(_Decision):
    """Says no, as a second person."""

    agree = False


class WithdrawView(ApiView):
    """Takes back what one asked."""

    takes_body = False

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Withdraw it."""
        seconding.withdraw(principal=principal_of(request), approval_id=approval_id, now=current_time())
        return Response(status=204)


class BreakGlassListView(ApiView):
    """Break-glass of the tenant, or one's own."""

    parameters = PAGED | {"to_review"}

    @extend_schema(
        responses=page_shape(BreakGlassSerializer), operation_id="break_glass_list",
        parameters=[*PAGING, OpenApiParameter("to_review", bool)],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Return the newest; `to_review=true` only those that are over and wait for a review."""
        asked: Any = {"principal": principal_of(request), "to_review": flag(request, "to_review"), "now": current_time()}
        return newest(
            request, BreakGlassSerializer, lambda before, limit: breaking_glass.glasses(**asked, before=before, limit=limit)
        )

    @extend_schema(request=BreakGlassAskSerializer, responses={201: AskedSerializer}, parameters=[LOCATION])
    def post(self, request: Request) -> Response:
        """Ask to open some conversations for a while."""
        given, principal = arguments_of(request, BreakGlassAskSerializer), principal_of(request)
        wanted = resources_for(principal=principal, ids=given.pop("conversations"))
        approval = breaking_glass.ask(principal=principal, resources=wanted, **given, now=current_time())
        return asked_for(approval)


class BreakGlassView(ApiView):
    """One break-glass."""

    @extend_schema(responses=BreakGlassSerializer)
    def get(self, request: Request, glass_id: UUID) -> Response:
        """Return it to whoever holds it or may second."""
        found = breaking_glass.glass(principal=principal_of(request), glass_id=glass_id, now=current_time())
        return Response(BreakGlassSerializer(found).data)


class BreakGlassOpenView(ApiView):
    """Begins a break-glass that a second person agreed to."""

    @extend_schema(request=ApplySerializer, responses={201: BreakGlassSerializer}, parameters=[LOCATION])
    def post(self, request: Request) -> Response:
        """Open it; its time runs from now."""
        approval = arguments_of(request, ApplySerializer)["approval"]
        opened = breaking_glass.open_glass(principal=principal_of(request), approval_id=approval, now=current_time())
        where = {"Location": f"/api/v1/break-glass/{opened.id}"}
        return Response(BreakGlassSerializer(opened).data, status=201, headers=where)


class BreakGlassEndView(ApiView):
    """Ends a break-glass at once."""

    takes_body = False

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, glass_id: UUID) -> Response:
        """End it."""
        breaking_glass.end_glass(principal=principal_of(request), glass_id=glass_id, now=current_time())
        return Response(status=204)


class BreakGlassReviewView(ApiView):
    """Reviews a break-glass of somebody else."""

    @extend_schema(request=ReviewSerializer, responses={204: None})
    def post(self, request: Request, glass_id: UUID) -> Response:
        """Say whether it was justified."""
        given = arguments_of(request, ReviewSerializer)
        breaking_glass.review_glass(principal=principal_of(request), glass_id=glass_id, **given, now=current_time())
        return Response(status=204)
