"""The gate of processes that serve or work: every check, and no start where one fails."""

import sys

from django.core.checks import Error
from django.db import connections

from governance.checks.configuration import CONFIGURATION
from governance.checks.servers import SERVERS
from governance.keys.providers import forget_providers


def faults() -> list[Error]:
    """Return what makes this start unsafe; servers are asked one by one where the rest is sound."""
    try:
        found = [error for check in CONFIGURATION for error in check()]
        return found or next((errors for check in SERVERS if (errors := check())), [])
    finally:
        forget_providers()
        for name in ("default", "audit"):
            connections[name].close()  # The process may fork next.


class UnsafeStart(Exception):
    """This process must not serve; what is wrong stands on its standard error."""


def refuse_unsafe_start() -> None:
    """Name each fault and its mend, and raise UnsafeStart; return where there is none.

    An exception, not an exit: gunicorn stops for an application that cannot be loaded, and would start one that exits anew.
    """
    found = faults()
    for error in found:
        sys.stderr.write(f"threadvault: {error.id} {error.msg} {error.hint}\n")
    if found:
        raise UnsafeStart(", ".join(str(error.id) for error in found))
