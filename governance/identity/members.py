"""People and service accounts of a tenant, and their roles. What it guarantees:

- a role begins and ends with its entry on the record, in one transaction;
- a tenant keeps a security officer: the last one's role does not end, nor is his account disabled;
- an account that is disabled, or has lost its roles, is refused from the next request on, and what it has open within a
  second: the database begins a new policy epoch.
"""

import re
import secrets
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction

from governance.audit.recording import record_now, record_with_effect
from governance.identity.models import Membership, Tenant, User
from governance.identity.principals import Principal, principal_for
from governance.identity.roles import Role
from governance.identity.scoping import tenant_scope

SERVICE_ROLES = frozenset({Role.PRODUCER, Role.WORKER})
_USERNAME: Final = re.compile(r"[A-Za-z0-9_.@+-]{1,150}")


class MemberRefused(Exception):
    """An account cannot be made, or a role cannot be given or taken, like this."""

    code = "identity.member_refused"


def add_member(*, tenant: Tenant, user: User, role: str, actor: dict[str, str]) -> Membership:
    """Give `user` a role in `tenant` and record it. Raises MemberRefused where person and service roles are mixed."""
    if role not in Role.values:
        raise MemberRefused(f"There is no such role; there are: {', '.join(Role.values)}.")
    if (role in SERVICE_ROLES) != (user.kind == User.Kind.SERVICE):
        raise MemberRefused(f"The role {role} is for {'service accounts' if role in SERVICE_ROLES else 'people'}.")
    with tenant_scope(tenant.id):
        membership, made = Membership.objects.get_or_create(tenant=tenant, user=user, role=role, ended_at=None)
        if made:
            record_with_effect(tenant=tenant.id, event="member.added", **actor, member=str(user.id), role=str(role))
    return membership


def end_membership(*, tenant: Tenant, user: User, role: str, now: datetime, actor: dict[str, str]) -> bool:
    """Take a role away and record it; return whether there was one. Raises MemberRefused for the last officer's."""
    with tenant_scope(tenant.id):
        if role == Role.SECURITY_OFFICER:
            _keep_an_officer(tenant, user)
        ended = Membership.objects.filter(tenant=tenant, user=user, role=role, ended_at=None).update(ended_at=now)
        if ended:
            record_with_effect(tenant=tenant.id, event="member.removed", **actor, member=str(user.id), role=str(role))
    return bool(ended)


def set_active(*, user: User, active: bool, actor: dict[str, str]) -> bool:
    """Enable or disable an account in every tenant, and record it in each; return whether that changed anything.

    Raises MemberRefused for the last security officer of a tenant.
    """
    tenants = list(Tenant.objects.filter(memberships__user=user, memberships__ended_at=None).distinct())
    with transaction.atomic():
        if not active:
            for tenant in tenants:
                _keep_an_officer(tenant, user)
        changed = User.objects.filter(id=user.id, is_active=not active).update(is_active=active)
    for tenant in tenants if changed else ():
        event = "account.enabled" if active else "account.disabled"
        record_now(tenant=tenant.id, event=event, **actor, member=str(user.id))
    return bool(changed)


def _keep_an_officer(tenant: Tenant, user: User) -> None:
    """Raise MemberRefused where `user` is the only active security officer; locks them, so that two cannot go at once."""
    officers = Membership.objects.filter(
        tenant=tenant, role=Role.SECURITY_OFFICER, ended_at=None, user__is_active=True
    ).select_for_update(of=("self",))
    holders = {membership.user_id for membership in officers.order_by("id")}
    if holders == {user.id}:
        raise MemberRefused("This is the tenant's last security officer; give somebody else that role first.")


def create_person(*, username: str, password: str | None = None, email: str = "") -> User:
    """Make a person's account, who may sign in to the console; without a password, by a one-time link.

    Raises MemberRefused for a name that is taken or cannot be one.
    """
    if not _USERNAME.fullmatch(username):
        raise MemberRefused("A user name has 1 to 150 letters, digits and any of _ . @ + -.")
    try:
        with transaction.atomic():
            return User.objects.create_user(username=username, password=password, email=email, is_staff=True)
    except IntegrityError:
        raise MemberRefused("This user name is taken. Whoever has it joins a further tenant by an operator.") from None


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
