"""Reads an ID token as OpenID Connect Core 1.0 (section 3.1.3.7) and RFC 8725 say. What it guarantees:

- a signature by a key of the provider, which the token names, in an algorithm with a public key: never `none`, never a
  shared secret, never a key that is meant for another algorithm or use;
- it is the configured provider's, for this installation alone, not expired, of this attempt to sign in (`nonce`).
"""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import jwt

from governance.web.federation.directory import Directory
from governance.web.federation.errors import FederationRefused

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY: Final = timedelta(seconds=60)
OLDEST: Final = timedelta(minutes=10)
LONGEST_SUBJECT: Final = 191  # What a row of a tied account holds.
_OPTIONS: Final[Any] = {"require": ["iss", "sub", "aud", "exp", "iat"], "enforce_minimum_key_length": True}


def read_id_token(
    token: object, *, keys: Sequence[Any], directory: Directory, nonce: str, now: datetime, fresh: bool
) -> Mapping[str, Any]:
    """Return the claims of a token that is good now; with `fresh`, of one for which the person showed who it is just now.

    Raises FederationRefused, which does not say what was wrong to whoever brought the token.
    """
    if not isinstance(token, str):
        raise FederationRefused("The provider sent no ID token.")
    try:
        header = jwt.get_unverified_header(token)
        key = _key(header, keys)
        claims = jwt.decode(
            token, key=key, algorithms=[key.algorithm_name], options=_OPTIONS, audience=directory.client_id,
            issuer=directory.issuer, leeway=LEEWAY,
        )  # fmt: skip
    except (jwt.PyJWTError, ValueError, TypeError):
        raise FederationRefused("The ID token is not good.") from None
    _check(claims, directory, nonce, now)
    if fresh:
        _check_fresh(claims, now)
    return claims


def _key(header: Mapping[str, Any], keys: Sequence[Any]) -> jwt.PyJWK:
    """Return the key that the token's header names; without a name, the only one."""
    algorithm, name = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise FederationRefused("The ID token is signed in a way that is not taken.")
    named = [key for key in keys if isinstance(key, dict) and (name is None or key.get("kid") == name)]
    fitting = [key for key in named if key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm]
    if len(fitting) != 1 or (name is None and len(keys) != 1):
        raise FederationRefused("The ID token is signed by no key that the provider shows.")
    return jwt.PyJWK(fitting[0], algorithm)


def _check(claims: Mapping[str, Any], directory: Directory, nonce: str, now: datetime) -> None:
    """Check what the library leaves to its caller. Raises FederationRefused."""
    audience, said = claims["aud"], claims.get("nonce")
    if (isinstance(audience, list) and audience != [directory.client_id]) or claims.get("azp", directory.client_id) != (
        directory.client_id
    ):
        raise FederationRefused("The ID token is for somebody else too.")
    if not nonce or not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise FederationRefused("The ID token is of another attempt to sign in.")
    if not isinstance(claims["iat"], int | float) or claims["iat"] < (now - OLDEST).timestamp():
        raise FederationRefused("The ID token is old.")
    if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= LONGEST_SUBJECT:
        raise FederationRefused("The ID token names nobody.")


def _check_fresh(claims: Mapping[str, Any], now: datetime) -> None:
    shown = claims.get("auth_time")
    if not isinstance(shown, int | float) or shown < (now - OLDEST).timestamp():
        raise FederationRefused("The provider did not ask who it is again.")


def groups_of(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the groups that a token lists; none where it lacks the claim. Raises FederationRefused for no list of names."""
    groups = claims.get(name, [])
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        raise FederationRefused("The ID token's groups are no list of names.")
    return tuple(groups)
