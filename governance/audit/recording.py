"""The verbs that write the record. What they guarantee:

- `record_now` commits on a connection of its own before it returns, so an answer that follows it is on the record even
  where the surrounding transaction rolls back;
- `record_with_effect` (`record_on` for another connection) is the last statement of the transaction whose effect it
  records: any further query of that transaction fails;
- `record_now` is refused while this thread holds an uncommitted entry: the two appends would wait for each other, and
  PostgreSQL would not see the deadlock;
- where no record can be written, RecordRefused is raised, and the caller neither reads nor acts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connections, transaction
from psycopg.pq import TransactionStatus

from governance.audit import marking
from governance.audit.canonical import body_bytes
from governance.audit.errors import AuditError, QueryAfterRecord, RecordRefused
from governance.audit.events import EVENTS

_APPEND = "SELECT o_sequence, o_hash, o_recorded_at FROM audit_append(%s::uuid, %s::text)"


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where an entry stands in its tenant's chain."""

    sequence: int
    hash: bytes
    recorded_at: datetime


class _LastStatement:
    """An execute wrapper that refuses what follows the entry, until the transaction has ended."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @property
    def holds(self) -> bool:
        """Whether the transaction with the entry is still open."""
        raw = self._connection.connection
        return raw is not None and raw.info.transaction_status != TransactionStatus.IDLE

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        if self.holds:
            raise QueryAfterRecord("A query follows record_with_effect; the entry must be the transaction's last statement.")
        self._connection.execute_wrappers.remove(self)
        return execute(sql, params, many, context)


def _guard_of(connection: Any) -> _LastStatement | None:
    for wrapper in connection.execute_wrappers:
        if isinstance(wrapper, _LastStatement):
            return wrapper
    return None


def _append(connection: Any, tenant: UUID, event: str, facts: dict[str, Any]) -> Recorded:
    if event not in EVENTS:
        raise AuditError(f"Unknown audit event {event!r}; add it to governance/audit/events.py with its meaning.")
    body = body_bytes({"event": event, **facts}).decode()
    try:
        with connection.cursor() as cursor:
            cursor.execute(_APPEND, [str(tenant), body])
            sequence, digest, recorded_at = cursor.fetchone()
    except DatabaseError as error:
        raise RecordRefused(f"No audit entry could be written ({type(error).__name__}); nothing was read.") from None
    return Recorded(sequence=sequence, hash=bytes(digest), recorded_at=recorded_at)


def record_now(*, tenant: UUID, event: str, **facts: Any) -> Recorded:
    """Append an entry and commit it on the `audit` connection. Raises RecordRefused where that cannot be done.

    `facts` are strings, integers, booleans and lists of them: ids, codes and counts, never content.
    """
    connection = connections["audit"]
    guard = _guard_of(connections["default"])
    if guard is not None and guard.holds:
        raise RecordRefused("This thread holds an uncommitted audit entry; commit it before the next record.")
    if connection.in_atomic_block:
        raise RecordRefused("The audit connection is inside a transaction; a record must be committed by itself.")
    recorded = _append(connection, tenant, event, facts)
    if marking.is_due(recorded.sequence):
        marking.tell(tenant)
    return recorded


def record_with_effect(*, tenant: UUID, event: str, **facts: Any) -> Recorded:
    """Append an entry inside the open transaction, as its last statement. Raises RecordRefused outside one."""
    return record_on("default", tenant=tenant, event=event, **facts)


def record_on(alias: str, /, *, tenant: UUID, event: str, **facts: Any) -> Recorded:
    """Do what `record_with_effect` does on another connection, for the one act that the tables' owner does: a restore."""
    connection = connections[alias]
    if not connection.in_atomic_block:
        raise RecordRefused("record_with_effect needs the transaction whose effect it records.")
    recorded = _append(connection, tenant, event, facts)
    connection.execute_wrappers.append(_LastStatement(connection))
    if marking.is_due(recorded.sequence):
        transaction.on_commit(lambda: marking.tell(tenant), using=alias)
    return recorded
