"""What every provider of root keys does."""

from collections.abc import Mapping
from typing import Protocol


class Provider(Protocol):
    """Wraps short secrets under a root key that never leaves it; `context` is bound to the wrapped bytes."""

    uri: str

    def wrap(self, secret: bytes, context: Mapping[str, str]) -> bytes:
        """Return `secret` wrapped. Raises ProviderFailed."""

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Return the secret. Raises ProviderFailed where root key or context are others."""

    def describe(self) -> str:
        """Return one line for people: kind and place, never key bytes."""

    def health(self) -> None:
        """Return where the provider works now; raise ProviderFailed otherwise."""
