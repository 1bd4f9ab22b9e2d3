"""Makes a tenant with chats that wait, on the database of the environment: `python -m tests.concurrency.setting_up N`."""

import sys

import django


def main(messages):
    django.setup()
    from governance.jobs import bell
    from tests.conftest import item, make_tenant, store

    bell.bind(None)
    tenant = make_tenant()
    items = [
        item(f"c-{number}", "mail kim@example.com now", "done", subject=f"u-{number}") for number in range(messages // 2)
    ]
    for start in range(0, len(items), 500):
        store(tenant, *items[start : start + 500])
    print(tenant.id)


if __name__ == "__main__":
    main(int(sys.argv[1]))
