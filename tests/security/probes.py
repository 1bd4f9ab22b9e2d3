"""Attacks on the binding of a grant, one process for all: prints those that succeeded. Row T17 runs it on mutants.

Run as `python -m tests.security.probes TENANT USERNAME CONVERSATION` on a database with that chat.
"""

import asyncio
import contextvars
import json
import os
import sys
import threading
from uuid import UUID

import django


def attacks(opened, conversation):
    """Name -> a call that returns whether the attack succeeded."""
    from governance.access import granting
    from governance.access.errors import OpeningRefused

    def opens(held):
        try:
            held.check({conversation: 1}, view="redacted")
        except OpeningRefused:
            return False
        return True

    def in_thread(call):
        from django.db import connections

        answers = []

        def body():
            answers.append(call())
            connections.close_all()

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        return answers[0]

    def after_its_block():
        with opened() as held:
            context = contextvars.copy_context()
        return context.run(opens, held)

    def next_job():
        def job():
            with opened():
                pass
            left = granting.current()
            return left is not None and opens(left)

        return contextvars.Context().run(job)

    def another_thread():
        with opened() as held:
            context = contextvars.copy_context()
            return in_thread(lambda: context.run(opens, held))

    def recycled_id():
        from django.db import connections

        kept = {}
        together = threading.Barrier(6)

        def leave():
            manager = opened()
            kept[threading.get_ident()] = (manager, manager.__enter__(), contextvars.copy_context())
            connections.close_all()
            together.wait()  # All are alive together, so each leaves an id of its own.

        threads = [threading.Thread(target=leave) for _ in range(together.parties)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        def take_over():
            _, held, context = kept.get(threading.get_ident(), (None, None, None))
            return held is not None and context.run(opens, held)

        return any(in_thread(take_over) for _ in range(1_000))

    def forked_child():
        with opened() as held:
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                fault = held._binding_fault()
                os.write(writer, b"opens" if fault is None else b"refused")
                os._exit(0)
            os.waitpid(child, 0)
            return os.read(reader, 10) == b"opens"

    def seen_by_others():
        with opened():
            return in_thread(granting.current) is not None

    def seen_by_another_task():
        async def both():
            ready, done = asyncio.Event(), asyncio.Event()

            async def first():
                with opened():
                    ready.set()
                    await done.wait()

            async def second():
                await ready.wait()
                found = granting.current()
                done.set()
                return found is not None

            return (await asyncio.gather(first(), second()))[1]

        return asyncio.run(both())

    return [
        after_its_block, next_job, another_thread, recycled_id, forked_child, seen_by_others, seen_by_another_task,
    ]  # fmt: skip


def main(tenant, username, conversation):
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # The attack is about tasks; that they wait for PostgreSQL is all right.
    django.setup()
    from governance.access.granting import grant
    from governance.identity.models import Tenant, User
    from governance.identity.principals import principal_for
    from governance.identity.scoping import tenant_scope
    from governance.vault.resources import resources
    from tests.conftest import now

    principal = principal_for(user=User.objects.get(username=username), tenant=Tenant.objects.get(id=tenant))
    with tenant_scope(UUID(tenant)):
        scope = resources([UUID(conversation)])

    def opened():
        return grant(principal=principal, action="read_redacted", purpose="support", resources=scope, now=now())

    succeeded = []
    for attack in attacks(opened, UUID(conversation)):
        try:
            if contextvars.Context().run(attack):
                succeeded.append(attack.__name__)
        except Exception as error:  # An attack that fails with an error has failed; a test that wonders reads why.
            print(attack.__name__, type(error).__name__, error, file=sys.stderr)
    print(json.dumps(succeeded))


if __name__ == "__main__":
    main(*sys.argv[1:])
