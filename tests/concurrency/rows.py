"""Chats that wait, workers in threads, and leases that end at once: what tests of claims share."""

import threading

from django.db import connections

from tests.conftest import item, store
from tests.security.test_c_ciphertext import sql

REVISIONS = "SELECT state, redacted_revision, count(*) FROM governance_message GROUP BY 1, 2"
RECORDED = "SELECT sum((body::jsonb ->> 'rows')::int) FROM governance_auditentry WHERE event = 'batch.processed'"


def chats(tenant, count, prefix="c"):
    store(tenant, *(item(f"{prefix}-{number}", "mail kim@example.com", "fine") for number in range(count)))


def in_threads(*calls):
    """Run the calls at once, each in a thread with connections of its own; return what went wrong."""
    errors = []

    def body(call):
        try:
            call()
        except Exception as error:  # The test looks at them.
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=body, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def let_leases_end():
    sql("UPDATE governance_message SET lease_until = NULL")
    sql("UPDATE governance_conversation SET lease_until = NULL")
