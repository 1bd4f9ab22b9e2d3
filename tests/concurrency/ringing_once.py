"""Stores one chat with the bell bound, and prints the seconds that took: `python -m tests.concurrency.ringing_once TEXT`."""

import sys
import time

import django


def main(text):
    django.setup()
    from governance.identity.models import Tenant
    from tests.conftest import item, store

    tenant = Tenant.objects.order_by("-created_at")[0]
    began = time.monotonic()
    store(tenant, item("c-1", text))
    print(time.monotonic() - began)


if __name__ == "__main__":
    main(sys.argv[1])
