"""Members of the tenant and their roles."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance.access import membership
from governance.api.governing_serializers import Strict
from governance.api.paging import PAGED, PAGING, page_shape, whole
from governance.api.requests import arguments_of, current_time, principal_of
from governance.api.views import ApiView
from governance.identity.models import User
from governance.identity.roles import Role
from governance.web.invitations import one_time_link


class InviteSerializer(Strict):
    """A new account with its first role; a service account takes neither name nor address."""

    username = serializers.CharField(max_length=150, default="", allow_blank=True)
    email = serializers.EmailField(default="", allow_blank=True)
    role = serializers.ChoiceField(Role.values)


class RoleSerializer(Strict):
    """A further role."""

    role = serializers.ChoiceField(Role.values)


class MemberSerializer(serializers.Serializer):
    """A member."""

    id = serializers.UUIDField()
    username = serializers.CharField()
    kind = serializers.CharField()
    active = serializers.BooleanField()
    roles = serializers.ListField(child=serializers.CharField())


class InvitedSerializer(serializers.Serializer):
    """The new account, and the path of the link by which a person chooses a password; it is shown once."""

    id = serializers.UUIDField()
    username = serializers.CharField()
    link = serializers.CharField(allow_blank=True)


class MemberListView(ApiView):
    """The members of the tenant."""

    parameters = PAGED

    @extend_schema(responses=page_shape(MemberSerializer), operation_id="members_list", parameters=PAGING)
    def get(self, request: Request) -> Response:
        """Return them, by name."""
        found = membership.members(principal=principal_of(request), now=current_time())
        return whole(request, MemberSerializer, found)

    @extend_schema(request=InviteSerializer, responses={201: InvitedSerializer})
    def post(self, request: Request) -> Response:
        """Make an account with a role."""
        given = arguments_of(request, InviteSerializer)
        user = membership.invite(principal=principal_of(request), **given, now=current_time())
        link = one_time_link(user) if user.kind == User.Kind.PERSON else ""
        return Response({"id": user.id, "username": user.username, "link": link}, status=201)


class MemberRolesView(ApiView):
    """The roles of one member."""

    @extend_schema(request=RoleSerializer, responses={204: None})
    def post(self, request: Request, user_id: UUID) -> Response:
        """Give a further role."""
        role = arguments_of(request, RoleSerializer)["role"]
        membership.give_role(principal=principal_of(request), user_id=user_id, role=role, now=current_time())
        return Response(status=204)


class MemberRoleView(ApiView):
    """One role of one member."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request, user_id: UUID, role: str) -> Response:
        """Take it; what the member has open ends within a second."""
        membership.take_role(principal=principal_of(request), user_id=user_id, role=role, now=current_time())
        return Response(status=204)
