"""ATTACKS.md, row T01 with the real worker: the threads of one process serve many tenants in turns, and some batches fail.

Each text names its tenant. Afterwards every redacted form names the tenant that it belongs to and no other, every batch on
the record is of one tenant, and no grant was left open. Row T08 has the pools one by one.
"""

import os
import random

import pytest
from django.db import connections

from governance.pipeline import ringing
from governance.privacy import classifying, redaction
from governance.vault.reading import read_conversation
from tests.concurrency.celery_processes import broker, worker
from tests.conftest import as_principal, item, make_person, make_tenant, now, store
from tests.processes import wait_for
from tests.security.test_c_ciphertext import sql

SOAK = bool(os.environ.get("THREADVAULT_SOAK"))
TENANTS, EACH = (50, 40) if SOAK else (12, 10)


WAITING = "SELECT (SELECT count(*) FROM {}message WHERE state = 0) + (SELECT count(*) FROM {}conversation WHERE state = 0)"
WRONG = "SELECT count(*) FROM governance_auditentry WHERE event IN ('grant.left_open', 'opening.refused')"
chance = random.Random(1)


def rung(tenants):
    """Ring for all of them, as the schedule would; return whether nothing waits any more."""
    for tenant in chance.sample(tenants, len(tenants)):
        ringing.ring("classification", tenant.id)
    return sql(WAITING.format("governance_", "governance_")) == [(0,)]


@pytest.mark.slow
@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_t01_a_worker_that_serves_many_tenants_mixes_none(pool, transactional_db):
    broker().flushdb()
    tenants = [make_tenant() for _ in range(TENANTS)]
    stored = {}
    for tenant in tenants:
        texts = [f"{tenant.slug} says mail kim@example.com, number {number}" for number in range(EACH)]
        stored[tenant] = store(tenant, *(item(f"c-{number}", text) for number, text in enumerate(texts)))
    for alias in ("default", "audit"):
        connections[alias].close()
    with worker(pool, concurrency=8 if pool == "threads" else 4, extra=["-I", "tests.security.failing"]):
        wait_for(lambda: rung(tenants), seconds=240 if SOAK else 90, step=1)
    assert sql("SELECT state, count(*) FROM governance_message GROUP BY 1") == [(1, TENANTS * EACH)]
    assert sql(WRONG) == [(0,)], "no grant was left open, and none refused to whom it belongs"
    for tenant, conversations in stored.items():
        analyst = as_principal(tenant, make_person(tenant, "analyst"))
        for one in conversations[: 10 if SOAK else 3]:
            opened = read_conversation(principal=analyst, conversation_id=one.id, purpose="support", now=now())
            text = opened.messages[0].document.item["content"]
            assert text.startswith(f"{tenant.slug} says mail [EMAIL·"), "a tenant's own words, and nobody else's"
    for tenant, rows in sql(
        "SELECT tenant_id, sum((body::jsonb ->> 'rows')::int) FROM governance_auditentry"
        " WHERE event = 'batch.processed' GROUP BY 1"
    ):
        assert rows == 2 * EACH, (tenant, "each message and each head once, on the record of its own tenant")


def test_t01_control_a_worker_with_one_grant_for_all_threads_mixes_them(transactional_db):
    """The mutant: a global in the place of the context variable. What one thread opened, another thread meets."""
    broker().flushdb()
    tenants = [make_tenant() for _ in range(4)]
    for tenant in tenants:
        store(tenant, *(item(f"c-{number}", "mail kim@example.com") for number in range(40)))
    for alias in ("default", "audit"):
        connections[alias].close()
    with worker("threads", concurrency=8, extra=["-I", "tests.security.sharing"]):
        wait_for(lambda: rung(tenants) or sql(WRONG) != [(0,)], seconds=60, step=0.2)
    assert sql(WRONG) != [(0,)]


def test_t01_control_a_mark_of_another_tenant_is_told_apart(tenant):
    """What the check looks at does tell tenants apart: the same value has another mark in another tenant."""
    marks = []
    for one in (tenant, make_tenant()):
        (conversation,) = (row.id for row in store(one, item("c-1", "mail kim@example.com")))
        while classifying.classify_batch(tenant=one.id, now=now()).claimed:
            pass
        analyst = as_principal(one, make_person(one, "analyst"))
        opened = read_conversation(principal=analyst, conversation_id=conversation, purpose="support", now=now())
        marks.append(opened.messages[0].document.item["content"])
    assert marks[0] != marks[1]
    assert redaction.redact("mail kim@example.com", mark=lambda kind, _: f"[{kind}]").item == "mail [EMAIL]"
