"""Libraries that only some providers need: loaded when such a provider is first opened."""

from importlib import import_module
from typing import Any

from governance.keys.errors import ProviderFailed


def library(module: str, *, package: str) -> Any:
    """Return the module. Raises ProviderFailed that names the package to install where it is missing."""
    try:
        return import_module(module)
    except ImportError:
        raise ProviderFailed(
            f"This key provider needs the package {package}: make environment-providers, or install"
            " requirements-providers.txt."
        ) from None
