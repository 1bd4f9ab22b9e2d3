"""Real processes of ours on the test database: their environment, and how a test waits for them."""

import os
import time
from urllib.parse import quote

from django.db import connections


def environment(**more):
    """The environment of a process that works on this test's database."""
    database, owner = connections["default"].settings_dict, connections["owner"].settings_dict
    place = f"host={quote(database['HOST'], safe='')}&port={database['PORT'] or 5432}"
    return {
        **os.environ,
        "DATABASE_URL": f"postgresql://{database['USER']}@/{database['NAME']}?{place}",
        "DATABASE_OWNER_URL": f"postgresql://{owner['USER']}@/{database['NAME']}?{place}",
        **more,
    }


def wait_for(condition, *, seconds=30.0, step=0.05):
    """Return what `condition` returns as soon as that is true; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(step)
    raise AssertionError(f"nothing came within {seconds} s")
