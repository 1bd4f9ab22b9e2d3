"""Tasks and pages with the fault that row T08 is about: they leave a grant open. Only tests load this module."""

import os
from uuid import UUID

from celery import shared_task  # noqa: TID251 - the fault is to go past the guard

from governance.access.granting import current, grant
from governance.pipeline.fresh import task

LEFT = []  # The fault: a reference that keeps the grant's block from ending.


def leave_open(tenant, username, conversation):
    """Open a grant and never close it."""
    from governance.identity.models import Tenant, User
    from governance.identity.principals import principal_for
    from governance.identity.scoping import tenant_scope
    from governance.vault.resources import resources
    from tests.conftest import now

    principal = principal_for(user=User.objects.get(username=username), tenant=Tenant.objects.get(id=tenant))
    with tenant_scope(UUID(tenant)):
        scope = resources([UUID(conversation)])
    manager = grant(principal=principal, action="read_redacted", purpose="support", resources=scope, now=now())
    LEFT.append((manager, manager.__enter__()))


def note(path, word):
    """Append a line to the test's file: which process, which word."""
    with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123 - one atomic append
        file.write(f"{os.getpid()} {word}\n")


def seen():
    """What a task sees: an open grant, or none."""
    found = current()
    return "grant" if found is not None and found.open else "none"


@task("test.leave")
def leave(tenant, username, conversation, path):
    leave_open(tenant, username, conversation)
    note(path, "left")


@task("test.look")
def look(path):
    note(path, seen())


@shared_task(name="test.leave_without_guard", ignore_result=True)
def leave_without_guard(tenant, username, conversation, path):
    leave_open(tenant, username, conversation)
    note(path, "left")


@shared_task(name="test.look_without_guard", ignore_result=True)
def look_without_guard(path):
    note(path, seen())
