"""ATTACKS.md, rows L06 and L11: what a fault in the middle of the work says to the client, to the log and by mail."""

import io
import logging
import logging.config

import pytest
from celery import current_app
from django.conf import settings
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import URLResolver, get_resolver
from rest_framework.test import APIClient

from governance.assess.sentinels import Search, new_sentinel
from governance.pipeline import tasks
from tests.conftest import now
from tests.security.matrix import World, routes

BOOM = "the message is: "


@pytest.fixture
def sentinel():
    return new_sentinel()


@pytest.fixture
def log():
    """What our own logging settings write, and what Django's default formatter would have written."""
    ours, stock = io.StringIO(), io.StringIO()
    logging.config.dictConfig(settings.LOGGING)
    handlers = [logging.StreamHandler(ours), logging.StreamHandler(stock)]
    (real,) = logging.getLogger().handlers[:1] or [None]
    copied = [handler for handler in logging.getLogger().handlers if handler.filters]
    handlers[0].setFormatter(copied[0].formatter)
    stock_handler = handlers[1]
    for each in copied[0].filters:
        handlers[0].addFilter(each)
    logging.getLogger().handlers[:0] = [stock_handler, handlers[0]]  # The stock one first: the filter changes the record.
    yield ours, stock
    for handler in handlers:
        logging.getLogger().removeHandler(handler)
    del real


def patterns(resolver=None):
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern)
        else:
            yield pattern


def broken(sentinel):
    """A view with the text in a local and in the exception."""

    def view(*_args, **_kwargs):
        text = sentinel
        raise RuntimeError(BOOM + text)

    return view


def found(sentinel, *places):
    return any(Search([sentinel]).find(place if isinstance(place, bytes) else place.encode()) for place in places)


def break_everything(monkeypatch, view):
    """Every view of the URLconf is broken from inside; those of the API behind the framework's own handling of errors."""
    for pattern in patterns():
        cls = getattr(pattern.callback, "cls", None)
        if cls is None:
            monkeypatch.setattr(pattern, "callback", view)
        else:
            for method in ("get", "post", "patch", "delete"):
                if hasattr(cls, method):
                    monkeypatch.setattr(cls, method, view)


def test_l06_a_fault_inside_any_view_shows_nothing(tenant, stored, sentinel, log, monkeypatch):
    ours, stock = log
    monkeypatch.setattr(settings, "ADMINS", [("a", "admin@example.com")])
    world = World(tenant, stored, "security")
    made = {route: world.path(route) for route in routes()}
    break_everything(monkeypatch, broken(sentinel))
    api = APIClient(raise_request_exception=False)
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {world.token}", HTTP_THREADVAULT_PURPOSE="support")
    page = Client(raise_request_exception=False)
    page.force_login(world.user)
    hit = 0
    for route, path in made.items():
        for method in ("get", "post", "patch", "delete"):
            answer = getattr(api if route.startswith("api/") else page, method)(path)
            hit += answer.status_code == 500
            assert not found(sentinel, answer.content, repr(answer.headers)), route
    assert hit >= len(made), "each of them was broken"
    assert not found(sentinel, ours.getvalue())
    assert not any(found(sentinel, message.message().as_string()) for message in mail.outbox)
    assert found(sentinel, stock.getvalue()), "the control: the stock log shows the exception's text"


def test_l06_control_a_debug_page_shows_the_local(sentinel, settings, monkeypatch):
    """Which is why DEBUG does not start in production."""
    settings.DEBUG = True
    break_everything(monkeypatch, broken(sentinel))
    assert found(sentinel, Client(raise_request_exception=False).get("/keys").content)


TASKS = ("classify", "jobs", "expire", "figures", "keys", "sweep", "checkpoint", "checkpoints")


@pytest.mark.parametrize("name", TASKS)
def test_l06_a_fault_inside_any_task_shows_nothing(name, tenant, sentinel, log, monkeypatch):
    ours, stock = log
    fault = broken(sentinel)
    for inner in ("classify_for_all", "work_for_all", "expire_due", "keep_up", "keep_counts", "pending_tenants", "attest"):
        monkeypatch.setattr(tasks, inner, fault)
    task = getattr(tasks, name)
    arguments = [str(tenant.id)] if name in {"classify", "jobs", "checkpoint"} else []
    result = task.apply(args=arguments)
    assert result.state == "FAILURE"
    assert not found(sentinel, ours.getvalue())
    assert found(sentinel, stock.getvalue()), "the control: the stock log shows it"
    assert {each for each in current_app.tasks if each.startswith("threadvault.")} == {
        f"threadvault.{each}" for each in TASKS
    }


VIOLATIONS = {
    "unique": ("INSERT INTO governance_user (id, username, password, is_superuser, first_name, last_name, email, is_staff,"
               " is_active, date_joined, kind) SELECT gen_random_uuid(), %s, '', false, '', '', '', true, true, now(), 'person'"
               " FROM generate_series(1, 2)"),
    "check": "INSERT INTO governance_membership (id, tenant_id, user_id, role) SELECT gen_random_uuid(), id, null, %s"
             " FROM governance_tenant LIMIT 1",
}  # fmt: skip


@pytest.mark.parametrize("kind", VIOLATIONS)
def test_l11_what_postgresql_says_of_a_violation_reaches_neither_client_nor_log(
    kind, tenant, people, sentinel, log, monkeypatch
):
    """`Failing row contains` and `Key (...)=` quote what was to be stored; both real, from the server."""
    ours, stock = log
    value = sentinel[:30]

    def violate(*_args, **_kwargs):
        with connection.cursor() as cursor:
            cursor.execute(VIOLATIONS[kind], [value])

    from governance.api import policies

    monkeypatch.setattr(policies.policies, "policies_of", violate)
    world = World(tenant, [], "security")
    api = APIClient(raise_request_exception=False)
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {world.token}", HTTP_THREADVAULT_PURPOSE="support")
    answer = api.get("/api/v1/policies")
    assert answer.status_code in {409, 500, 503}
    assert not found(value, answer.content)
    assert not found(value, ours.getvalue())
    assert found(value, stock.getvalue()), "the control: the driver's message quotes the row"
    assert now()
