"""Which errors of the database are no fault of the row or job that met them: they burn no attempt.

A full disk, a server that only reads, that shuts down or has no place left, and a lock that somebody else holds for too
long pass. What is not in the list counts, a lost connection too: the row itself may have ended the server's process.
"""

from typing import Final

from django.db import DatabaseError

# PostgreSQL, appendix A: error codes.
_PASSING: Final = frozenset(
    {
        "25006",  # read_only_sql_transaction
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "53100",  # disk_full
        "53300",  # too_many_connections
        "55P03",  # lock_not_available
        "57P01",  # admin_shutdown
        "57P03",  # cannot_connect_now
    }
)


def is_outage(error: BaseException) -> bool:
    """Tell whether an error is one of the database that passes, whatever the work was."""
    return isinstance(error, DatabaseError) and getattr(error.__cause__, "sqlstate", None) in _PASSING
