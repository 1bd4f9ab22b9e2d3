"""Counts the wraps of key versions. What it guarantees:

- a use is counted before it is made, in a commit of its own: a crash or a rollback loses counts upwards only;
- no version wraps more than 2^32 times, and the database refuses a count that goes down or beyond.

A process reserves a block of uses at once. The statement takes the version's row for as long as itself: whoever else
locks that row holds the ring's lock alone, which no writer is inside then.
"""

import os
import threading
from typing import Final
from uuid import UUID

from django.db import connections

from governance.identity.scoping import current_tenant, tenant_scope
from governance.keys.errors import KeyExhausted
from governance.keys.limits import BLOCK, MOST_USES

_RESERVE: Final = "UPDATE governance_keyversion SET uses = uses + %s WHERE id = %s AND uses <= %s RETURNING uses"


class _Blocks:
    """What is left of the blocks that this process reserved, by version; a forked child starts with none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._left: dict[UUID, int] = {}

    def take(self, version: UUID, uses: int) -> int:
        """Take `uses` from the block; return how many are missing, all of them or none."""
        with self._lock:
            if self._pid != os.getpid():
                self._left.clear()
                self._pid = os.getpid()
            left = self._left.get(version, 0)
            if left < uses:
                return uses
            self._left[version] = left - uses
            return 0

    def add(self, version: UUID, uses: int) -> None:
        with self._lock:
            self._left[version] = self._left.get(version, 0) + uses

    def clear(self) -> None:
        with self._lock:
            self._left.clear()


_blocks = _Blocks()


def forget_blocks() -> None:
    """Drop what is left of every block; it counts as used."""
    _blocks.clear()


def count_uses(version: UUID, uses: int) -> None:
    """Count `uses` wraps of the version, before they are made; call it inside the tenant's scope.

    Raises KeyExhausted where the version would wrap more than 2^32 times.
    """
    if not _blocks.take(version, uses):
        return
    if _reserved(version, max(uses, BLOCK)):
        _blocks.add(version, max(uses, BLOCK) - uses)
    elif not _reserved(version, uses) and not _reserve("default", version, uses):
        # On our own connection for a version that is not committed yet, and no block: what is reserved there a rollback
        # takes back.
        raise KeyExhausted("This version has wrapped as often as it may; rotate: manage.py keys rotate.")


def _reserved(version: UUID, uses: int) -> bool:
    """Reserve on the connection whose statements commit by themselves."""
    tenant = current_tenant()
    if tenant is None or connections["audit"].in_atomic_block:
        return False
    with tenant_scope(tenant, using="audit"):
        return _reserve("audit", version, uses)


def _reserve(alias: str, version: UUID, uses: int) -> bool:
    with connections[alias].cursor() as cursor:
        cursor.execute(_RESERVE, [uses, version, MOST_USES - uses])
        return cursor.fetchone() is not None
