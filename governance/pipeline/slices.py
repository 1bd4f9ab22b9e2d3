"""The entry of a drain's process. It imports nothing of the project before Django is set up: it starts from nothing."""

from typing import Any

import django


def drain_slice(results: Any) -> None:
    """Work until nothing waits, and put the counts into the queue `results`."""
    django.setup()
    from governance.pipeline.draining import work  # The models need the app registry.

    results.put(work())
