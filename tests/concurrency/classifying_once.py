"""Does one batch of a tenant and prints what came of it, as JSON: `python -m tests.concurrency.classifying_once TENANT`."""

import json
import sys
from uuid import UUID

import django


def main(tenant):
    django.setup()
    from django.db import DatabaseError

    from governance.jobs import bell
    from governance.jobs.outages import is_outage
    from governance.privacy.classifying import classify_batch
    from tests.conftest import now

    bell.bind(None)
    try:
        print(json.dumps({"redacted": classify_batch(tenant=UUID(tenant), now=now()).redacted}))
    except DatabaseError as error:
        print(json.dumps({"refused": getattr(error.__cause__, "sqlstate", None), "outage": is_outage(error)}))


if __name__ == "__main__":
    main(sys.argv[1])
