"""The tenant scope: the only way to see or write rows of a tenant.

Row security compares `tenant_id` with the setting `governance.tenant`, which lives for one transaction. Outside a
scope a query sees no rows; a queryset that is evaluated after its scope is silently empty, so parts return lists.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import connections, transaction


class ScopeError(Exception):
    """A tenant scope was opened inside another tenant's, or inside a transaction that is not its own."""

    code = "identity.scope"


def _set_tenant(connection: Any, tenant: UUID | None) -> None:
    """Keep the open scope on the connection: it belongs to one thread, as the connection does."""
    connection.governance_tenant = tenant


def current_tenant(*, using: str = "default") -> UUID | None:
    """Return the tenant of this thread's open scope, or None."""
    return getattr(connections[using], "governance_tenant", None)


@contextmanager
def tenant_scope(tenant: UUID, *, using: str = "default") -> Iterator[None]:
    """Open a transaction in which this thread sees the rows of `tenant` and no others.

    Inside a scope of the same tenant it joins that transaction. Raises ScopeError inside another tenant's scope or
    inside a transaction that no scope opened (its setting would outlive this block).
    """
    connection = connections[using]
    open_tenant = current_tenant(using=using)
    if open_tenant is not None:
        if open_tenant != tenant:
            raise ScopeError("A scope of another tenant is open in this thread; close it first.")
        with transaction.atomic(using=using, savepoint=False):
            yield
        return
    if connection.in_atomic_block:
        raise ScopeError("A tenant scope opens its own transaction; leave the surrounding atomic() block first.")
    with transaction.atomic(using=using, durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('governance.tenant', %s, true)", [str(tenant)])
        _set_tenant(connection, tenant)
        try:
            yield
        finally:
            _set_tenant(connection, None)
