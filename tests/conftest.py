"""Fixtures of the whole suite: a migrated test database, a tenant with its people, stored chats."""

import os
import secrets
import time
from datetime import UTC, datetime

import psycopg
import pytest
from django.db import connections
from django.test import TransactionTestCase
from django.test.utils import setup_databases, teardown_databases

from governance.access import granting
from governance.audit import marking, throttling
from governance.custody.founding import found_tenant
from governance.identity.members import add_member, create_person
from governance.identity.models import User
from governance.identity.principals import principal_for
from governance.ingest.formats.recognising import parse_item
from governance.ingest.receiving import Batch, receive
from governance.jobs import bell
from governance.keys import warming
from governance.keys.providers import forget_providers
from governance.pipeline.running import run_classification
from governance.runtime.debian import mend, missing
from governance.runtime.postgres import ADMIN

PASSWORD = "correct horse battery"
ROLES = ("analyst", "privacy_officer", "security_officer", "auditor")
ABSENT = set(missing())


def pytest_collection_modifyitems(items):
    for item in items:
        for mark in item.iter_markers("needs"):
            if mark.args[0] in ABSENT and not os.environ.get("THREADVAULT_TESTS_STRICT"):
                item.add_marker(pytest.mark.skip(reason=f"needs {mark.args[0]}: {mend(sorted(ABSENT))}"))


def _owner(**other):
    settings = connections["owner"].settings_dict
    given = {"user": settings["USER"], **other}
    return psycopg.connect(
        host=settings["HOST"], port=settings["PORT"] or 5432, dbname=settings["NAME"], autocommit=True, **given
    )


_EMPTY = """
DO $$
DECLARE one regclass;
BEGIN
    FOR one IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
        AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission') AND pg_relation_size(oid) > 0
    LOOP
        IF pg_relation_size(one) > 131072 THEN
            EXECUTE format('TRUNCATE %s CASCADE', one);
        ELSE
            EXECUTE format('DELETE FROM %s', one);
        END IF;
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
        AND sequencename NOT IN ('django_migrations_id_seq', 'django_content_type_id_seq', 'auth_permission_id_seq');
END $$
"""


def _empty(self=None):
    """Empty every table as the superuser around the triggers: nobody else empties the record, and that is meant.

    Small tables are emptied row by row: TRUNCATE makes new files for all of them and their indexes, a quarter of a second.
    """
    with _owner(user=ADMIN, options="-c session_replication_role=replica") as connection:
        connection.execute(_EMPTY)


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker):
    with django_db_blocker.unblock():
        old = setup_databases(verbosity=0, interactive=False, aliases=set(connections))
        assert all(connections[alias].settings_dict["NAME"].startswith("test_") for alias in connections)
        TransactionTestCase._fixture_teardown = _empty
    yield
    with django_db_blocker.unblock():
        for alias in ("default", "audit"):
            connections[alias].close()
        teardown_databases(old, verbosity=0)


def pytest_itemcollected(item):
    """Every database test runs on committed rows and all connections: the audit trail has one of its own."""
    if "django_db" not in item.keywords and {"tenant", "vault", "transactional_db"} & set(item.fixturenames):
        item.add_marker(pytest.mark.django_db(transaction=True, databases=["default", "audit", "owner"]))


@pytest.fixture(autouse=True)
def _quiet_bell():
    """The bell is bound to Celery by the app; tests work by hand."""
    bound, bell._ring = bell._ring, None
    told, marking._tell = marking._tell, None
    yield
    bell._ring, marking._tell = bound, told
    assert granting.current() is None, "a test left a grant open"
    warming.cool()
    forget_providers()
    throttling.stop()


def now():
    return datetime.now(UTC)


OPERATOR = {"actor_kind": "operator", "operator": "test"}


def make_tenant(slug=None):
    return found_tenant(slug=slug or f"t-{secrets.token_hex(4)}", name="Acme", now=now(), actor=OPERATOR)


def make_person(tenant, role, name=None):
    user = create_person(username=name or f"{role}-{secrets.token_hex(3)}", password=PASSWORD)
    add_member(tenant=tenant, user=user, role=role, actor=OPERATOR)
    return user


@pytest.fixture
def tenant(transactional_db):
    return make_tenant()


@pytest.fixture
def people(tenant):
    """Role -> User, with the password PASSWORD and an active TOTP whose secret is `user.totp_secret`."""
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    found = {}
    for role in ROLES:
        user = make_person(tenant, role)
        user.totp_secret = generate_totp_secret()
        TOTP.activate(user, user.totp_secret)
        found[role] = user
    return found


def as_principal(tenant, user, *, second_factor=False, **extra):
    return principal_for(user=user, tenant=tenant, second_factor_at=now() if second_factor else None, **extra)


def producer_of(tenant):
    user = User.objects.get(memberships__tenant=tenant, memberships__role="producer")
    return principal_for(user=user, tenant=tenant)


def worker_of(tenant):
    user = User.objects.get(memberships__tenant=tenant, memberships__role="worker")
    return principal_for(user=user, tenant=tenant)


def store(tenant, *items, key=""):
    """Store batch items through the one door; return their results."""
    conversations = [parse_item(item, position=number) for number, item in enumerate(items)]
    return receive(actor=producer_of(tenant), batch=Batch(conversations), idempotency_key=key, now=now())


def item(external_id="chat-1", *texts, subject="user-42", collection="support-bot", title="Locked card"):
    texts = texts or ("My phone is +1 415 555 2671.", "I will call you back.")
    roles = ("user", "assistant")
    return {
        "external_id": external_id,
        "collection": collection,
        "data_subject": subject,
        "title": title,
        "messages": [{"role": roles[at % 2], "content": text, "external_id": f"m-{at}"} for at, text in enumerate(texts)],
    }


@pytest.fixture
def stored(tenant):
    """The ids of three stored and redacted conversations."""
    results = store(tenant, *(item(f"chat-{number}", f"Mail me at kim{number}@example.com", "Done.") for number in range(3)))
    run_classification(tenant.id)
    return [result.id for result in results]


def totp(secret):
    """The code of this moment; near the end of its half minute, the next one's."""
    if time.time() % 30 > 27:
        time.sleep(30 - time.time() % 30)
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time

    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))
