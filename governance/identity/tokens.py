"""API tokens: minted once, kept as a SHA-256, checked in constant time.

A token reads `tv_<prefix>_<secret>`: eight random characters to find its row, 256 random bits to prove it.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import F

from governance.audit.recording import record_now
from governance.identity.models import ApiToken, Tenant, User
from governance.identity.principals import NotAMember, Principal, principal_for
from governance.identity.roles import Role

LONGEST_LIFE: Final = timedelta(days=365)
_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"
_PARTS: Final = 3


class TokenInvalid(Exception):
    """The token is unknown, revoked or expired: one answer for all."""

    code = "identity.token_invalid"

    def __init__(self) -> None:
        super().__init__("The token is unknown, revoked or has expired. Mint another one: manage.py tokens create.")


@dataclass(frozen=True, slots=True)
class Minted:
    """A new token; `plain` is shown once and kept nowhere."""

    token: ApiToken
    plain: str = field(repr=False)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def mint(
    *,
    tenant: Tenant,
    user: User,
    name: str,
    now: datetime,
    life: timedelta,
    scopes: Iterable[str] = (),
    purposes: Iterable[str] = (),
    second_factor_at: datetime | None = None,
    actor: Mapping[str, str] | None = None,
) -> Minted:
    """Make a token for `user` in `tenant` and record it, by default as made by that user.

    `scopes` and `purposes` narrow it; empty means no narrowing. The entry is written first: no token is unrecorded.

    Raises NotAMember where the user has no role there, ValueError for a life over a year.
    """
    if not timedelta(0) < life <= LONGEST_LIFE:
        raise ValueError("A token lives between a second and a year.")
    principal_for(user=user, tenant=tenant)
    prefix = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    secret = secrets.token_urlsafe(32)
    token = ApiToken(
        tenant=tenant,
        user=user,
        name=name,
        prefix=prefix,
        digest=_digest(secret),
        scopes=sorted(scopes),
        purposes=sorted(purposes),
        expires_at=now + life,
        second_factor_at=second_factor_at,
    )
    by = actor or {"actor": str(user.id), "actor_kind": user.kind}
    event = "token.created" if second_factor_at is None else "token.stepped_up"
    record_now(tenant=tenant.id, event=event, **by, token=str(token.id), member=str(user.id))
    token.save(force_insert=True)
    return Minted(token=token, plain=f"tv_{prefix}_{secret}")


def authenticate(*, plain: str, now: datetime) -> tuple[User, Principal, ApiToken]:
    """Return who the token stands for. Raises TokenInvalid, for whatever reason it is not good now."""
    parts = plain.split("_", 2)
    if len(parts) != _PARTS or parts[0] != "tv":
        raise TokenInvalid
    token = ApiToken.objects.select_related("user", "tenant").filter(prefix=parts[1]).first()
    expected = bytes(token.digest) if token is not None else bytes(32)
    if not hmac.compare_digest(_digest(parts[2]), expected) or token is None:
        raise TokenInvalid
    if token.revoked_at is not None or token.expires_at <= now:
        raise TokenInvalid
    try:
        principal = principal_for(
            user=token.user,
            tenant=token.tenant,
            second_factor_at=token.second_factor_at,
            scopes=frozenset(token.scopes),
            purposes=frozenset(token.purposes),
            token=token.id,
        )
    except NotAMember:
        raise TokenInvalid from None
    _touch(token, now)
    return token.user, principal, token


def _touch(token: ApiToken, now: datetime) -> None:
    """Keep the time of last use to the minute; a write for each request would serialise a producer's calls."""
    if token.last_used_at is None or now - token.last_used_at > timedelta(minutes=1):
        ApiToken.objects.filter(id=token.id).update(last_used_at=now)


def revoke(*, token: ApiToken, now: datetime, actor: Mapping[str, str]) -> bool:
    """End a token at once and record it; return whether it was live."""
    ended = ApiToken.objects.filter(id=token.id, revoked_at=None).update(revoked_at=now)
    if ended:
        record_now(tenant=token.tenant_id, event="token.revoked", **actor, token=str(token.id))
    return bool(ended)


def producer_tokens(*, tenant: UUID, limit: int) -> list[ApiToken]:
    """Return the tokens of the tenant's accounts that bring chats in, those that were used last first."""
    rows = ApiToken.objects.filter(
        tenant_id=tenant, user__memberships__tenant_id=tenant, user__memberships__role=Role.PRODUCER,
        user__memberships__ended_at=None,
    )  # fmt: skip
    return list(rows.order_by(F("last_used_at").desc(nulls_last=True), "-id")[:limit])
