"""A worker's module in which one message misbehaves: loaded by `-I tests.concurrency.misbehaving`. Rows J08 and J14.

The text decides: `kill-me` ends the process, `eat-memory` takes all it gets or `TEST_EATS` blocks of 50 MB, `never-end`
loops in C, `be-slow` takes two seconds, `stop-there` stays behind its first write; both say in the file `TEST_NOTE` that they
are there.

`TEST_WITHOUT` takes a guard out: `cap` (the last attempt), `alone` (a row that was tried before is worked by itself), or
`transaction` (text and state are committed with the findings and the record).
"""

import os
import re
import signal
import time
from pathlib import Path

from django.db import connection

from governance.jobs import claiming
from governance.jobs.models import Claimable
from governance.pipeline import running
from governance.privacy import classifying, redaction
from governance.vault import resealing

running.BATCH_SECONDS = float(os.environ.get("TEST_BATCH_SECONDS", running.BATCH_SECONDS))
EATS = int(os.environ.get("TEST_EATS", "1000000"))
NOTE = Path(os.environ.get("TEST_NOTE", os.devnull))
WITHOUT = os.environ.get("TEST_WITHOUT")


def redact(item, **arguments):
    """What `redaction.redact` does, for a text that does no harm."""
    text = str(item)
    if "kill-me" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    if "eat-memory" in text:
        kept = []
        while len(kept) < EATS:
            kept.append(bytes(50_000_000))  # Pages that nobody writes to cost the limit, and not the machine.
    if "never-end" in text:
        re.match(r"(a+)+$", "a" * 60 + "b")  # Longer than the universe lasts, without a look at signals or other threads.
    if "be-slow" in text:
        NOTE.touch()
        time.sleep(2)
    return redaction.redact(item, **arguments)


def seal_redacted(*, tenant, forms, now):
    """What `resealing.seal_redacted` does; it stays there where the text says so."""
    sealed = resealing.seal_redacted(tenant=tenant, forms=forms, now=now)
    if any(b"stop-there" in (form.document or b"") for form in forms):
        if WITHOUT == "transaction":
            connection.connection.commit()
        NOTE.touch()
        time.sleep(600)
    return sealed


classifying.redact = redact
classifying.seal_redacted = seal_redacted
if WITHOUT == "cap":
    Claimable.LAST_ATTEMPT = 1_000
if WITHOUT == "alone":
    claiming._take = lambda rows, most: rows
