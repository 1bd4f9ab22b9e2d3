"""Where root keys live: one small interface, one module a provider, chosen by the scheme of a key URI.

Which URIs may be used is configuration and never data: THREADVAULT_ROOT_KEY and THREADVAULT_KEY_PROVIDERS list them, and
a version that names another one is refused before any connection, whoever wrote it into its row.
"""

from collections.abc import Callable, Mapping
from typing import Final

from governance.conf.settings import vault_settings
from governance.keys.errors import ProviderFailed
from governance.keys.providers.aws_kms import AwsKmsProvider
from governance.keys.providers.interface import Provider
from governance.keys.providers.local import LocalProvider
from governance.keys.providers.pkcs11 import Pkcs11Provider
from governance.keys.providers.resting import RestingProvider

SETTING: Final = "THREADVAULT_KEY_PROVIDERS"
_SCHEMES: Final[dict[str, Callable[[str], Provider]]] = {
    "local": LocalProvider,
    "aws-kms": AwsKmsProvider,
    "pkcs11": Pkcs11Provider,
}
_open: dict[str, RestingProvider] = {}


def listed_uris() -> tuple[str, ...]:
    """Return the URIs that the configuration lists, that of the root key first."""
    given = vault_settings()
    return tuple(dict.fromkeys([given.root_key_uri, *given.key_providers.split()]))


def provider(uri: str) -> Provider:
    """Return the provider behind a listed URI; nothing is connected to yet.

    Raises ProviderFailed for a URI that is not listed or cannot be read, and where a package is missing.
    """
    if uri not in listed_uris():
        scheme = uri.partition(":")[0]
        raise ProviderFailed(f"A key version names a provider ({scheme}:...) that {SETTING} does not list; it is not asked.")
    if uri not in _open:
        scheme, _, place = uri.partition(":")
        if scheme not in _SCHEMES:
            raise ProviderFailed(f"Unknown key provider {scheme!r}; known: {', '.join(sorted(_SCHEMES))}.")
        _open[uri] = RestingProvider(_SCHEMES[scheme](place))
    return _open[uri]


def root_provider() -> Provider:
    """Return the provider that THREADVAULT_ROOT_KEY names now."""
    return provider(vault_settings().root_key_uri)


def unwrap_by_any(wrapped: bytes, context: Mapping[str, str]) -> bytes:
    """Return the secret from the first listed provider that opens it, the root key first. Raises ProviderFailed."""
    failures = []
    for uri in listed_uris():
        try:
            return provider(uri).unwrap(wrapped, context)
        except ProviderFailed as error:
            failures.append(error)
    raise failures[0]


def ask_all() -> dict[str, ProviderFailed | None]:
    """Return for each listed URI what is wrong with its provider now, None where nothing is."""
    found: dict[str, ProviderFailed | None] = {}
    for uri in listed_uris():
        try:
            provider(uri).health()
            found[uri] = None
        except ProviderFailed as error:
            found[uri] = error
    return found


def forget_providers() -> None:
    """Drop all open providers, with what they know of failures."""
    _open.clear()
