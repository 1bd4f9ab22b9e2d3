"""Who acts: a member of a tenant at one moment, as a value that crosses parts."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from governance.identity.models import ApiToken, Membership, Tenant, User


@dataclass(frozen=True, slots=True)
class Principal:
    """A person or service account acting in one tenant.

    `second_factor_at` is when a second factor was last shown in this session or by this token; `purposes` limits a
    token to some purposes (empty: no limit); `operator` names the operating-system account behind a command; `token` is
    the API token that was shown, where it was one.
    """

    user_id: UUID
    tenant_id: UUID
    kind: str
    roles: frozenset[str]
    second_factor_at: datetime | None = None
    scopes: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    operator: str = ""
    token: UUID | None = None

    def as_actor(self) -> dict[str, str]:
        """Return what the audit trail keeps: a random id and the kind, and the operator where there is one."""
        actor = {"actor": str(self.user_id), "actor_kind": self.kind}
        return {**actor, "operator": self.operator} if self.operator else actor


class NotAMember(Exception):
    """The user is inactive or holds no role in the tenant."""

    code = "identity.not_a_member"


def principal_for(
    *,
    user: User,
    tenant: Tenant,
    second_factor_at: datetime | None = None,
    scopes: frozenset[str] = frozenset(),
    purposes: frozenset[str] = frozenset(),
    operator: str = "",
    token: UUID | None = None,
) -> Principal:
    """Return the principal that `user` is in `tenant` now. Raises NotAMember without an open role there."""
    roles = frozenset(
        Membership.objects.filter(tenant=tenant, user=user, ended_at=None, user__is_active=True).values_list(
            "role", flat=True
        )
    )
    if not roles:
        raise NotAMember("This user holds no role in this tenant. A security officer adds one: manage.py members add.")
    return Principal(
        user_id=user.id,
        tenant_id=tenant.id,
        kind=user.kind,
        roles=roles,
        second_factor_at=second_factor_at,
        scopes=scopes,
        purposes=purposes,
        operator=operator,
        token=token,
    )


def holds_role(*, user_id: UUID, tenant_id: UUID, roles: frozenset[str]) -> bool:
    """Return whether the user is active and still holds every one of `roles` in the tenant (one indexed read)."""
    held = Membership.objects.filter(tenant_id=tenant_id, user_id=user_id, ended_at=None, user__is_active=True)
    return roles <= set(held.values_list("role", flat=True))


def still_is(principal: Principal, *, now: datetime) -> bool:
    """Return whether whoever began something long is still active, in all of those roles and with a token that is good."""
    if not holds_role(user_id=principal.user_id, tenant_id=principal.tenant_id, roles=principal.roles):
        return False
    if principal.token is None:
        return True
    return ApiToken.objects.filter(id=principal.token, revoked_at=None, expires_at__gt=now).exists()


def tenants_of(user: User) -> list[Tenant]:
    """Return the tenants in which the user holds a role, by slug."""
    return list(Tenant.objects.filter(memberships__user=user, memberships__ended_at=None).distinct().order_by("slug"))
