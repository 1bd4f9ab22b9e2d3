"""The provider by which people sign in, as THREADVAULT_OIDC_* name it: nothing of it is kept in the database."""

import ipaddress
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from governance.conf.settings import VaultSettings, vault_settings
from governance.identity.members import SERVICE_ROLES
from governance.identity.roles import Role
from governance.web.federation.errors import Misconfigured

LONGEST_ISSUER: Final = 200  # What a row of a tied account holds.


@dataclass(frozen=True, slots=True)
class Directory:
    """A provider; `roles` says for each group which roles it gives in the tenant of slug `tenant`."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    tenant: str
    groups_claim: str
    scopes: tuple[str, ...]
    roles: Mapping[str, frozenset[str]]

    def roles_for(self, groups: Iterable[str]) -> frozenset[str]:
        """Return the roles that these groups give; a group that no setting names gives none."""
        return frozenset[str]().union(*(self.roles.get(group, frozenset()) for group in groups))


def configured() -> Directory | None:
    """Return the provider, None where none is set. Raises Misconfigured, which names the setting and not its value."""
    given = vault_settings()
    if not given.oidc_issuer:
        if given.sso_only:
            raise Misconfigured("THREADVAULT_SSO_ONLY needs a provider: set THREADVAULT_OIDC_ISSUER.")
        return None
    return _directory(given)


def _directory(given: VaultSettings) -> Directory:
    issuer = given.oidc_issuer
    if len(issuer) > LONGEST_ISSUER or not is_reachable(issuer) or urlsplit(issuer).query:
        raise Misconfigured("THREADVAULT_OIDC_ISSUER must be https://host/path, or http:// to this machine.")
    for name in ("oidc_client_id", "oidc_tenant", "oidc_roles", "oidc_groups_claim"):
        if not getattr(given, name):
            raise Misconfigured(f"THREADVAULT_{name.upper()} is empty.")
    scopes = tuple(given.oidc_scopes.split())
    if "openid" not in scopes:
        raise Misconfigured("THREADVAULT_OIDC_SCOPES lacks openid.")
    return Directory(
        issuer=issuer,
        client_id=given.oidc_client_id,
        client_secret=given.oidc_client_secret,
        tenant=given.oidc_tenant,
        groups_claim=given.oidc_groups_claim,
        scopes=scopes,
        roles=_roles(given.oidc_roles),
    )


def _roles(text: str) -> dict[str, frozenset[str]]:
    try:
        mapping: Any = json.loads(text)
    except ValueError:
        mapping = None
    if not isinstance(mapping, dict):
        raise Misconfigured('THREADVAULT_OIDC_ROLES is no JSON object like {"group": "role"}.')
    return {group: _roles_of(given) for group, given in mapping.items()}


def _roles_of(given: Any) -> frozenset[str]:
    roles = [given] if isinstance(given, str) else given
    known = set(Role.values) - SERVICE_ROLES
    if not isinstance(roles, list) or not all(isinstance(role, str) and role in known for role in roles):
        raise Misconfigured(
            f"THREADVAULT_OIDC_ROLES names what is no role of a person; there are: {', '.join(sorted(known))}."
        )
    return frozenset(roles)


def is_reachable(url: str, *, loopback: bool = True) -> bool:
    """Return whether a provider may be asked at `url`: https, without a name or password, or http to this machine.

    With `loopback` off no address of this machine is taken: a provider elsewhere has no business here.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        return False
    if is_loopback(host):
        return loopback and parts.scheme in {"http", "https"}
    return parts.scheme == "https" and not _is_inner(host)


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    if host.rstrip(".") == "localhost" or host.rstrip(".").endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and (address.is_loopback or address.is_unspecified)


def _is_inner(host: str) -> bool:
    """Whether a host is an address of this link, where the metadata services of clouds answer (169.254.169.254)."""
    address = _address(host)
    return address is not None and (address.is_link_local or address.is_multicast or address.is_reserved)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
