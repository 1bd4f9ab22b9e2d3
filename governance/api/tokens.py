"""API tokens: make, list, revoke; `step-up` makes one of minutes that counts as a fresh second factor."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance.access import credentials
from governance.api.governing_serializers import Strict
from governance.api.paging import PAGED, PAGING, newest, page_shape
from governance.api.requests import arguments_of, current_time, flag, principal_of, user_of
from governance.api.serializers import SteppedUpSerializer, StepUpSerializer
from governance.api.views import ApiView
from governance.conf.settings import vault_settings
from governance.identity.models import Tenant
from governance.identity.tokens import LONGEST_LIFE, mint
from governance.web.second_factor import check_code


class MakeTokenSerializer(Strict):
    """A new token, for oneself or (`user`) for a member; empty scopes or purposes are those of the token that asks."""

    user = serializers.UUIDField(default=None, allow_null=True)
    name = serializers.CharField(max_length=255)
    days = serializers.IntegerField(min_value=1, max_value=LONGEST_LIFE.days, default=90)
    scopes = serializers.ListField(child=serializers.CharField(max_length=32), default=list)
    purposes = serializers.ListField(child=serializers.CharField(max_length=64), default=list)


class TokenSerializer(serializers.Serializer):
    """A token without its secret."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField()
    user = serializers.CharField(source="user.username")
    scopes = serializers.ListField(child=serializers.CharField())
    purposes = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


class MadeTokenSerializer(serializers.Serializer):
    """A new token; `token` is shown once."""

    id = serializers.UUIDField()
    token = serializers.CharField()
    expires_at = serializers.DateTimeField()


class TokenListView(ApiView):
    """One's own tokens, or everybody's."""

    parameters = PAGED | {"everybody"}

    @extend_schema(
        responses=page_shape(TokenSerializer), operation_id="tokens_list",
        parameters=[*PAGING, OpenApiParameter("everybody", bool)],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Return the newest first; `everybody=true` those of all members."""
        asked: Any = {"principal": principal_of(request), "everybody": flag(request, "everybody"), "now": current_time()}
        return newest(
            request, TokenSerializer, lambda before, limit: credentials.tokens(**asked, before=before, limit=limit)
        )  # fmt: skip

    @extend_schema(request=MakeTokenSerializer, responses={201: MadeTokenSerializer})
    def post(self, request: Request) -> Response:
        """Make one; its secret is in this answer and nowhere else."""
        given = arguments_of(request, MakeTokenSerializer)
        made = credentials.make_token(
            principal=principal_of(request),
            user_id=given["user"],
            name=given["name"],
            life=timedelta(days=given["days"]),
            scopes=frozenset(given["scopes"]),
            purposes=frozenset(given["purposes"]),
            now=current_time(),
        )
        return Response({"id": made.token.id, "token": made.plain, "expires_at": made.token.expires_at}, status=201)


class TokenView(ApiView):
    """One token."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request, token_id: UUID) -> Response:
        """Revoke it at once."""
        credentials.end_token(principal=principal_of(request), token_id=token_id, now=current_time())
        return Response(status=204)


class StepUpView(ApiView):
    """Mints a step-up token for the person behind the token that was sent."""

    @extend_schema(request=StepUpSerializer, responses={201: SteppedUpSerializer})
    def post(self, request: Request) -> Response:
        """Check the code and return the token, once."""
        asked = StepUpSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        check_code(user=user_of(request), code=asked.validated_data["code"])
        now = datetime.now(UTC)
        minted = mint(
            tenant=Tenant.objects.get(id=principal_of(request).tenant_id),
            user=user_of(request),
            name="step-up",
            now=now,
            life=timedelta(seconds=vault_settings().second_factor_seconds),
            scopes=principal_of(request).scopes,
            purposes=principal_of(request).purposes,
            second_factor_at=now,
        )
        return Response({"token": minted.plain, "expires_at": minted.token.expires_at}, status=201)
