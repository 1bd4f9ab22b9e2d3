"""API tokens for DRF: `Authorization: Bearer tv_...`."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from governance.conf.settings import vault_settings
from governance.identity.models import User
from governance.identity.principals import Principal
from governance.identity.tokens import TokenInvalid, authenticate
from governance.web.explanations import told
from governance.web.federation.accounts import is_tied
from governance.web.limits import LimiterAway, Standing, TooMany, client_address, count

_PARTS = 2
_MINUTE = 60
STANDING = "threadvault.standing"


def _count(request: Request, kind: str, subject: str, most: int) -> None:
    """Count one of this minute, and leave with the request how the counter stands, for the headers of its answer.

    Raises Throttled (429). Without the counters' store it goes on: the token is the guard.
    """
    try:
        request.META[STANDING] = count(kind, subject, most=most, seconds=_MINUTE)
    except TooMany as refusal:
        request.META[STANDING] = Standing(kind, most, _MINUTE, 0, refusal.wait)
        raise Throttled(wait=refusal.wait, code="limits.exceeded") from None
    except LimiterAway:
        return


def limit_headers(request: Request) -> dict[str, str]:
    """Return what the answer says of the limit (draft-ietf-httpapi-ratelimit-headers-10); nothing where none counted."""
    standing: Standing | None = request.META.get(STANDING)
    if standing is None:
        return {}
    return {
        "RateLimit-Policy": f'"{standing.kind}";q={standing.most};w={standing.seconds}',
        "RateLimit": f'"{standing.kind}";r={standing.left};t={standing.wait}',
    }


class TokenAuthentication(BaseAuthentication):
    """Turns a bearer token into its user; `request.auth` is the Principal."""

    def authenticate(self, request: Request) -> tuple[User, Principal] | None:
        """Return user and principal, None without a token. Raises AuthenticationFailed (401) for a bad one."""
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"bearer":
            return None
        if len(parts) != _PARTS:
            raise AuthenticationFailed("Send one token: Authorization: Bearer tv_...", code="identity.token_invalid")
        try:
            user, principal, token = authenticate(plain=parts[1].decode("ascii", "replace"), now=datetime.now(UTC))
        except TokenInvalid as error:
            _count(request, "bad-token", client_address(request), vault_settings().bad_tokens_per_minute)
            raise AuthenticationFailed(told(error.code, str(error)), code=error.code) from None
        if vault_settings().sso_only and user.kind == User.Kind.PERSON and not is_tied(user):
            raise AuthenticationFailed(told(TokenInvalid.code, str(TokenInvalid())), code=TokenInvalid.code)
        _count(request, "calls", str(token.id), vault_settings().calls_per_minute)
        return user, principal

    def authenticate_header(self, request: HttpRequest | Any) -> str:
        """Return the challenge that makes a missing token 401 and not 403."""
        return 'Bearer realm="threadvault"'
