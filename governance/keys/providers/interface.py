"""What every provider of root keys does."""

from collections.abc import Mapping
from typing import Protocol

from governance.crypto.derivation import join_parts


class Provider(Protocol):
    """Wraps short secrets under a root key that never leaves it; `context` is bound to the wrapped bytes.

    `remote` says that a call may take as long as a network does: it is never asked while a transaction holds locks.
    """

    uri: str
    remote: bool

    def wrap(self, secret: bytes, context: Mapping[str, str]) -> bytes:
        """Return `secret` wrapped. Raises ProviderFailed."""

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Return the secret. Raises ProviderAway, and ProviderFailed where root key or context are others."""

    def describe(self) -> str:
        """Return one line for people: kind and place, never key bytes."""

    def health(self) -> None:
        """Return where the provider works now; raise ProviderFailed otherwise."""


def context_parts(context: Mapping[str, str]) -> list[bytes]:
    """Return the context as parts in the one order of their names."""
    return [f"{name}={context[name]}".encode() for name in sorted(context)]


def context_bytes(magic: bytes, context: Mapping[str, str]) -> bytes:
    """Return the context as additional data of an AEAD, behind the magic of the layout."""
    return join_parts(magic, *context_parts(context))
