"""Whether entries that were read before were written again, or taken away, since; inside the tenant's scope.

A verification in steps reads each entry at one moment. What is changed behind its back was good when it was read, so at
the end it asks the database for row versions that are younger than its beginning: entries are never changed, so there is
none. A transaction that had begun to write before that moment would slip through, so the walk waits until there is none
(`is_settled`). This sees what goes through SQL; a change of the database's own files is seen by the next verification.
"""

from uuid import UUID

from django.db import connections

_MOMENT = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
_SETTLED = "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= %s::xid8"
_YOUNGER = (
    "SELECT count(*), count(*) FILTER (WHERE age(xmin) BETWEEN 0 AND age(%s::xid8::xid))"
    " FROM governance_auditentry WHERE tenant_id = %s AND sequence > %s AND sequence <= %s"
)


def mark(*, using: str = "default") -> str:
    """Return this moment in the database's own count of transactions, to which `is_untouched` compares."""
    with connections[using].cursor() as cursor:
        cursor.execute(_MOMENT)
        return str(cursor.fetchone()[0])


def is_settled(*, moment: str, using: str = "default") -> bool:
    """Return whether every transaction that could have written before `moment` has ended."""
    with connections[using].cursor() as cursor:
        cursor.execute(_SETTLED, [moment])
        return bool(cursor.fetchone()[0])


def is_untouched(*, tenant: UUID, after: int, upto: int, moment: str, using: str = "default") -> bool:
    """Return whether all entries behind `after` up to `upto` are there, none of them written since `moment`."""
    with connections[using].cursor() as cursor:
        cursor.execute(_YOUNGER, [moment, str(tenant), after, upto])
        count, younger = cursor.fetchone()
    return bool(count == upto - after and younger == 0)
