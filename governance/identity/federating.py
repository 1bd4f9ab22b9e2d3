"""People whom a directory knows: their accounts are made here, and their roles follow its groups. What it guarantees:

- an account that a directory brings is always a new one: no name and no address leads to an account that is there;
- in the directory's tenant such a person holds exactly the roles that the groups give, and each change is on the record;
- the last security officer of a tenant keeps that role, for somebody has to give it to the next one.
"""

import re
import secrets
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Final

from governance.identity.members import MemberRefused, add_member, create_person, end_membership
from governance.identity.models import Membership, Tenant, User
from governance.identity.roles import Role

DIRECTORY: Final = {"actor_kind": "directory"}
_LONGEST_NAME: Final = 100
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_.@+-]+")


def create_federated(*, wanted: str) -> User:
    """Make an account without a password, by the name `wanted` where it is free and can be one, else by one like it."""
    name = _UNFIT.sub("-", wanted)[:_LONGEST_NAME].strip("-")
    try:
        return create_person(username=name)
    except MemberRefused:
        return create_person(username=f"{name or 'person'}-{secrets.token_hex(4)}")


def follow_groups(*, tenant: Tenant, user: User, roles: AbstractSet[str], now: datetime) -> None:
    """Let `user` hold `roles` in `tenant` and no others; what is gained and lost is recorded one by one."""
    held = set(Membership.objects.filter(tenant=tenant, user=user, ended_at=None).values_list("role", flat=True))
    for role in sorted(roles - held):
        add_member(tenant=tenant, user=user, role=role, actor=DIRECTORY)
    for role in sorted(held - roles):
        try:
            end_membership(tenant=tenant, user=user, role=role, now=now, actor=DIRECTORY)
        except MemberRefused:
            if role != Role.SECURITY_OFFICER:
                raise
