"""Asks the provider over HTTP. What it guarantees:

- only the addresses that `is_reachable` allows are asked, and no answer leads to another one: redirects are failures;
- an answer is small and comes in time, and is a JSON object; what it says otherwise is not passed on.
"""

from typing import Any, Final
from urllib.parse import urlsplit

import requests

from governance.web.federation.directory import Directory, is_loopback, is_reachable
from governance.web.federation.errors import ProviderAway

SECONDS: Final = 5.0
LARGEST: Final = 262_144
WELL_KNOWN: Final = "/.well-known/openid-configuration"
ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_REDIRECTS: Final = range(300, 400)


class GuardedSession(requests.Session):
    """A session of HTTP that keeps those rules, whoever uses it. Raises ProviderAway."""

    def __init__(self, directory: Directory) -> None:
        super().__init__()
        self._loopback = is_local(directory)

    def request(self, method: Any, url: Any, **given: Any) -> requests.Response:  # type: ignore[override]
        """Send one request and read its answer."""
        if not is_reachable(str(url), loopback=self._loopback):
            raise ProviderAway("The provider names an address that is not asked.")
        given |= {"allow_redirects": False, "stream": True, "timeout": SECONDS}
        try:
            answer = super().request(method, url, **given)
            body = answer.raw.read(LARGEST + 1, decode_content=True)
        except (requests.RequestException, OSError, ValueError) as error:
            raise ProviderAway(f"The provider does not answer ({type(error).__name__}).") from None
        answer.close()
        if len(body) > LARGEST or answer.status_code in _REDIRECTS:
            raise ProviderAway("The provider answers with too much, or leads elsewhere.")
        answer._content, answer._content_consumed = body, True  # noqa: SLF001 - read above
        return answer


def is_local(directory: Directory) -> bool:
    """Return whether the provider works on this machine, so that its addresses may be of this machine."""
    return is_loopback(urlsplit(directory.issuer).hostname or "")


def discover(directory: Directory) -> dict[str, Any]:
    """Return the provider's description of itself (OpenID Connect Discovery 1.0, section 4).

    Raises ProviderAway where it does not answer, names another issuer than the configured one, or lacks an endpoint.
    """
    found = _document(directory, directory.issuer.rstrip("/") + WELL_KNOWN)
    if found.get("issuer") != directory.issuer:
        raise ProviderAway("The provider calls itself by another name than THREADVAULT_OIDC_ISSUER.")
    local = is_local(directory)
    if not all(isinstance(found.get(name), str) and is_reachable(found[name], loopback=local) for name in ENDPOINTS):
        raise ProviderAway("The provider names an address that is not asked, or lacks one.")
    return found


def keys_of(directory: Directory, url: str) -> list[Any]:
    """Return the provider's public keys, as JWKs (RFC 7517). Raises ProviderAway."""
    keys = _document(directory, url).get("keys")
    if not isinstance(keys, list):
        raise ProviderAway("The provider's keys are no list.")
    return keys


def _document(directory: Directory, url: str) -> dict[str, Any]:
    with GuardedSession(directory) as session:
        answer = session.get(url, headers={"Accept": "application/json"})
    try:
        found = answer.json() if answer.status_code == requests.codes.ok else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ProviderAway("The provider answers with something else than a JSON object.")
    return found
