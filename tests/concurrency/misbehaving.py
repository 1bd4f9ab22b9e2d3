"""A worker's module in which one message misbehaves: loaded by `-I tests.concurrency.misbehaving`. Rows J08 and J14.

The text decides: `kill-me` ends the process, `eat-memory` takes all it gets, `never-end` loops in C, `be-slow` takes
two seconds.
"""

import os
import re
import signal
import time

from governance.pipeline import running
from governance.privacy import classifying, redaction

running.BATCH_SECONDS = float(os.environ.get("TEST_BATCH_SECONDS", running.BATCH_SECONDS))


def redact(item, **arguments):
    """What `redaction.redact` does, for a text that does no harm."""
    text = str(item)
    if "kill-me" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    if "eat-memory" in text:
        kept = []
        while True:
            kept.append(bytearray(50_000_000))
    if "never-end" in text:
        re.match(r"(a+)+$", "a" * 60 + "b")  # Longer than the universe lasts, without a look at signals or other threads.
    if "be-slow" in text:
        time.sleep(2)
    return redaction.redact(item, **arguments)


classifying.redact = redact
