"""What a process of ours does while its server's disk fills up, and what it finds afterwards. Row J18.

`python -m tests.concurrency.on_a_full_disk found` makes a tenant and an analyst; `write TENANT ANALYST` stores and reads
until the server has refused a few times; `check TENANT ANALYST` does what is left to do. Each prints JSON, a line a fact.
"""

import json
import sys
import time
from uuid import UUID

import django

REFUSALS, AT_ONCE = 3, 8
TEXT = "mail kim@example.com " + "and so on " * 400


def say(**facts):
    print(json.dumps(facts), flush=True)


def people(tenant, username):
    from governance.identity.models import Tenant, User
    from tests.conftest import as_principal

    found = Tenant.objects.get(id=tenant)
    return found, as_principal(found, User.objects.get(username=username))


def found():
    from tests.conftest import make_person, make_tenant

    tenant = make_tenant()
    say(tenant=str(tenant.id), analyst=make_person(tenant, "analyst").username)


def write(tenant, username):
    """Store a batch and read a chat of it, again and again; say what was answered, after it was."""
    from django.db import DatabaseError, close_old_connections

    from governance.audit.errors import RecordRefused
    from governance.vault.reading import read_conversation
    from tests.conftest import item, now, store

    refused, number, known = 0, 0, None
    while refused < REFUSALS:
        number += 1
        try:
            known = known or people(tenant, username)
            chats = [item(f"c-{number}-{at}", TEXT, "fine", subject=f"u-{number}-{at}") for at in range(AT_ONCE)]
            ids = [result.id for result in store(known[0], *chats)]
            say(stored=[str(one) for one in ids])
            opened = read_conversation(principal=known[1], conversation_id=ids[0], purpose="support", now=now())
            say(read=str(ids[0]), shown=len(opened.messages))
        except (DatabaseError, RecordRefused) as error:
            refused += 1
            say(refused=type(error).__name__)
            close_old_connections()
            time.sleep(0.3)


def check(tenant, username):
    """Let the workers go on, open every chat, and have the record verified."""
    from governance.audit.verifying import verify_chain
    from governance.identity.scoping import tenant_scope
    from governance.pipeline.running import run_classification
    from governance.vault.models import Conversation
    from governance.vault.reading import read_conversation
    from tests.conftest import now

    _, analyst = people(tenant, username)
    run_classification(tenant)
    with tenant_scope(tenant):
        ids = list(Conversation.objects.values_list("id", flat=True))
    opened = [read_conversation(principal=analyst, conversation_id=one, purpose="support", now=now()) for one in ids]
    texts = [[message.document.item["content"] for message in one.messages if message.document] for one in opened]
    whole = sum(len(one) == 2 and "[EMAIL" in one[0] and one[1] == "fine" for one in texts)
    with tenant_scope(tenant, using="audit"):
        say(there=[str(one) for one in ids], whole=whole, chain=verify_chain(tenant=tenant).whole)


def main(act, *given):
    django.setup()
    from governance.jobs import bell

    bell.bind(None)
    {"found": found, "write": write, "check": check}[act](*(UUID(one) if at == 0 else one for at, one in enumerate(given)))


if __name__ == "__main__":
    main(*sys.argv[1:])
