"""People and service accounts of a tenant, and their roles."""

import secrets
from datetime import datetime
from uuid import UUID

from governance.audit.recording import record_now
from governance.identity.models import Membership, Tenant, User
from governance.identity.principals import Principal, principal_for
from governance.identity.roles import Role

SERVICE_ROLES = frozenset({Role.PRODUCER, Role.WORKER})


class MemberRefused(Exception):
    """A role does not fit the kind of account, or the account does not exist."""

    code = "identity.member_refused"


def add_member(*, tenant: Tenant, user: User, role: str, actor: dict[str, str]) -> Membership:
    """Give `user` a role in `tenant` and record it. Raises MemberRefused where person and service roles are mixed."""
    if (role in SERVICE_ROLES) != (user.kind == User.Kind.SERVICE):
        raise MemberRefused(f"The role {role} is for {'service accounts' if role in SERVICE_ROLES else 'people'}.")
    membership, made = Membership.objects.get_or_create(tenant=tenant, user=user, role=role, ended_at=None)
    if made:
        record_now(tenant=tenant.id, event="member.added", **actor, member=str(user.id), role=str(role))
    return membership


def end_membership(*, tenant: Tenant, user: User, role: str, now: datetime, actor: dict[str, str]) -> bool:
    """Take a role away and record it; return whether there was one. The caller begins a new policy epoch."""
    ended = Membership.objects.filter(tenant=tenant, user=user, role=role, ended_at=None).update(ended_at=now)
    if ended:
        record_now(tenant=tenant.id, event="member.removed", **actor, member=str(user.id), role=str(role))
    return bool(ended)


def create_person(*, username: str, password: str, email: str = "") -> User:
    """Make a person's account, who may sign in to the console."""
    return User.objects.create_user(username=username, password=password, email=email, is_staff=True)


def create_service(*, tenant: Tenant, role: str) -> User:
    """Make a service account, which has no password and signs in nowhere."""
    name = f"{role}.{tenant.slug}.{secrets.token_hex(3)}"
    user = User(username=name, kind=User.Kind.SERVICE)
    user.set_unusable_password()
    user.save()
    return user


def service_principal(*, tenant: UUID, role: str, purpose: str) -> Principal:
    """Return the tenant's service account of `role` as a principal limited to `purpose`. Raises MemberRefused."""
    membership = (
        Membership.objects.filter(tenant_id=tenant, role=role, ended_at=None, user__kind=User.Kind.SERVICE)
        .select_related("user", "tenant")
        .order_by("created_at")
        .first()
    )
    if membership is None:
        raise MemberRefused(f"This tenant has no service account with the role {role}; add one: manage.py members add.")
    return principal_for(user=membership.user, tenant=membership.tenant, purposes=frozenset({purpose}))
