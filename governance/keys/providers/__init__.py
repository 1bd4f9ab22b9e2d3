"""Where root keys live: one small interface, one module a provider, chosen by the scheme of a key URI."""

from governance.conf.settings import vault_settings
from governance.keys.errors import ProviderFailed
from governance.keys.providers.interface import Provider
from governance.keys.providers.local import LocalProvider

_PROVIDERS: dict[str, type[LocalProvider]] = {"local": LocalProvider}
_open: dict[str, Provider] = {}


def provider(uri: str) -> Provider:
    """Return the provider behind `uri` (`local:/path/to/root.key`). Raises ProviderFailed for another scheme."""
    if uri not in _open:
        scheme, _, place = uri.partition(":")
        if scheme not in _PROVIDERS:
            raise ProviderFailed(f"Unknown key provider {scheme!r}; known: {', '.join(sorted(_PROVIDERS))}.")
        _open[uri] = _PROVIDERS[scheme](place)
    return _open[uri]


def root_provider() -> Provider:
    """Return the provider that THREADVAULT_ROOT_KEY names now."""
    return provider(vault_settings().root_key_uri)


def forget_providers() -> None:
    """Drop all open providers, for instance after a root key was replaced."""
    _open.clear()
