"""A port: after the commit of each thousandth entry of a chain, somebody may be told to sign it at once."""

from collections.abc import Callable
from uuid import UUID

from governance.audit.checkpointing import APART

_tell: Callable[[UUID], None] | None = None


def bind(tell: Callable[[UUID], None] | None) -> None:
    """Set what is told the tenant of a chain that is due; None tells nobody, and the schedule signs."""
    global _tell  # noqa: PLW0603 - a port is bound once a process
    _tell = tell


def is_due(sequence: int) -> bool:
    """Return whether the entry with this number asks for a checkpoint, and somebody listens."""
    return _tell is not None and sequence % APART == 0


def tell(tenant: UUID) -> None:
    """Say that the chain of `tenant` is due for a checkpoint; call it after the commit."""
    if _tell is not None:
        _tell(tenant)
