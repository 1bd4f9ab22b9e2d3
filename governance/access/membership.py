"""Members as an officer manages them: under `manage_members`, with a fresh second factor, and nobody his own roles."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from governance.access.acting import require
from governance.identity.members import MemberRefused, add_member, create_person, create_service, end_membership
from governance.identity.models import Membership, Tenant, User
from governance.identity.principals import Principal
from governance.identity.roles import Role


class UnknownMember(Exception):
    """This tenant has no such member."""

    code = "identity.member_unknown"


@dataclass(frozen=True, slots=True)
class Member:
    """A member as an officer sees one."""

    id: UUID
    username: str
    kind: str
    active: bool
    roles: tuple[str, ...]


def members(*, principal: Principal, now: datetime) -> list[Member]:
    """Return the members of the principal's tenant, by name. Raises AccessDenied (recorded)."""
    require(principal=principal, action="manage_members", now=now)
    found: dict[UUID, tuple[User, list[str]]] = {}
    rows = Membership.objects.filter(tenant_id=principal.tenant_id, ended_at=None).select_related("user")
    for row in rows.order_by("user__username", "role"):
        found.setdefault(row.user_id, (row.user, []))[1].append(row.role)
    return [_member(user, roles) for user, roles in found.values()]


def member(*, principal: Principal, user_id: UUID, now: datetime) -> Member:
    """Return one member of the principal's tenant. Raises AccessDenied (recorded), UnknownMember."""
    require(principal=principal, action="manage_members", now=now)
    rows = Membership.objects.filter(tenant_id=principal.tenant_id, user_id=user_id, ended_at=None).select_related("user")
    held = list(rows.order_by("role"))
    if not held:
        raise UnknownMember("This tenant has no such member.")
    return _member(held[0].user, [row.role for row in held])


def invite(*, principal: Principal, username: str, email: str, role: str, now: datetime) -> User:
    """Make a person's account with one role; a service account where the role is one of those (its name is made).

    Return it; a person chooses a password by a one-time link. Raises AccessDenied (recorded), MemberRefused.
    """
    require(principal=principal, action="manage_members", now=now, second_factor=True)
    tenant = Tenant.objects.get(id=principal.tenant_id)
    if role in {Role.PRODUCER, Role.WORKER}:
        if username or email:
            raise MemberRefused("The name of a service account is made; it has no address.")
        user = create_service(tenant=tenant, role=role)
    else:
        user = create_person(username=username, email=email)
    add_member(tenant=tenant, user=user, role=role, actor=principal.as_actor())
    return user


def give_role(*, principal: Principal, user_id: UUID, role: str, now: datetime) -> None:
    """Give a member of the tenant a further role. Raises AccessDenied (recorded), UnknownMember, MemberRefused."""
    require(principal=principal, action="manage_members", now=now, second_factor=True)
    if user_id == principal.user_id:
        raise MemberRefused("Nobody gives himself a role; another officer does.")
    tenant, user = _found(principal, user_id)
    add_member(tenant=tenant, user=user, role=role, actor=principal.as_actor())


def take_role(*, principal: Principal, user_id: UUID, role: str, now: datetime) -> None:
    """Take a role from a member; what it has open ends within a second.

    Raises AccessDenied (recorded), UnknownMember where there is no such role, MemberRefused for the last officer's.
    """
    require(principal=principal, action="manage_members", now=now, second_factor=True)
    tenant, user = _found(principal, user_id)
    if not end_membership(tenant=tenant, user=user, role=role, now=now, actor=principal.as_actor()):
        raise UnknownMember("This member does not have that role.")


def _found(principal: Principal, user_id: UUID) -> tuple[Tenant, User]:
    row = (
        Membership.objects.filter(tenant_id=principal.tenant_id, user_id=user_id, ended_at=None)
        .select_related("tenant", "user")
        .first()
    )
    if row is None:
        raise UnknownMember("This tenant has no such member.")
    return row.tenant, row.user


def _member(user: User, roles: list[str]) -> Member:
    return Member(id=user.id, username=user.username, kind=user.kind, active=user.is_active, roles=tuple(roles))
