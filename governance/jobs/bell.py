"""The bell: says after commit that rows of a topic wait. A lost ring loses nothing, the schedule rings again."""

from collections.abc import Callable
from uuid import UUID

from django.db import transaction

_ring: Callable[[str, UUID], None] | None = None


def bind(ring: Callable[[str, UUID], None] | None) -> None:
    """Set what `ring` calls; None makes it silent."""
    global _ring  # noqa: PLW0603 - a port is bound once a process
    _ring = ring


def ring(topic: str, tenant: UUID) -> None:
    """Ring for `topic` of `tenant` once the open transaction has committed; nothing where no bell is bound."""
    if _ring is not None:
        bound = _ring
        transaction.on_commit(lambda: bound(topic, tenant))
