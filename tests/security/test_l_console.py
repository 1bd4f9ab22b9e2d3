"""No plaintext in any page, history row, message or cookie of the console: a sentinel is sealed, and every address walked.

Every page is fetched by every kind of member, every act is done by somebody who may. What a live grant of the source shows
is the control: there the same search finds the sentinel.
"""

import secrets

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client

from governance.assess.sentinels import Search, new_sentinel
from governance.console.site import urlpatterns
from governance.pipeline.running import run_classification
from tests.conftest import item, store
from tests.security.matrix import World, expected, show_factor
from tests.security.test_c_ciphertext import sql

MEMBERS = ("analyst", "privacy", "security", "auditor")
ROUTES = [str(one.pattern) for one in urlpatterns]
ACTS = {str(one.pattern) for one in urlpatterns if hasattr(one.callback, "threadvault_act")}
LIVE_GRANTS = {"conversations/<uuid:conversation_id>/reveal", "conversations/<uuid:conversation_id>/copy"}
# A jobs' list, approvals, the trail: rows that outlive the request.
HISTORY = ("governance_auditentry", "governance_approval", "governance_job", "governance_accesspolicy", "governance_apitoken",
           "governance_consultation", "django_admin_log", "usersessions_usersession")  # fmt: skip


@pytest.fixture
def sealed(tenant):
    """Conversations whose texts hold a sentinel: one that a detector masks, and one that no worker has scanned."""
    address, pending = f"s{secrets.token_hex(16)}@example.com", new_sentinel()
    chats = [item(f"c-{at}", f"Write to {address}", title=f"About {address}") for at in range(3)]
    made = store(tenant, *chats)
    run_classification(tenant.id)
    store(tenant, item("late", pending, title=pending))
    return [one.id for one in made], Search([address.split("@", maxsplit=1)[0], pending])


def who_may(route, method):
    line = next((one for one in expected() if (one.route, one.method) == (route, method)), None)
    found = (one for one in MEMBERS if line is not None and line.answers[one] in {"200", "302", "303"})
    return next(found, None)


def answer(world, route, method, made=None):
    client = Client(raise_request_exception=False)
    client.force_login(world.user)
    show_factor(client, world.user)
    cache.clear()
    path, body = made or (world.path(route, method), world.body(route, method))
    return client, getattr(client, method.lower())(path, body)


def places(client, response):
    """What a browser is given: body, headers and cookies; and the session behind them."""
    yield "body", response.getvalue()
    yield "headers", repr(sorted(response.headers.items())).encode()
    yield "cookies", "".join(cookie.OutputString() for cookie in client.cookies.values()).encode()
    yield "session", repr(dict(client.session)).encode()


def found_in(search, client, response, name):
    return [(name, place, hit) for place, data in places(client, response) for hit in search.find(data)]


def history(search):
    rows = (
        (table, repr(sql(f"SELECT * FROM {table}")).encode())
        for table in HISTORY
        if sql("SELECT to_regclass(%s)", table)[0][0]
    )
    return [(table, hit) for table, data in rows for hit in search.find(data)]


def test_l_console_no_page_shows_what_is_sealed(tenant, sealed):
    ids, search = sealed
    worlds = {person: World(tenant, ids, person) for person in MEMBERS}
    leaks, shown = [], 0
    for person, world in worlds.items():
        for route in ROUTES:
            client, response = answer(world, route, "GET")
            shown += response.status_code == 200
            leaks += found_in(search, client, response, f"{person} GET /{route}")
    assert leaks == []
    assert shown > 60
    assert history(search) == []


def test_l_console_no_act_leaves_what_is_sealed_behind(tenant, sealed):
    ids, search = sealed
    worlds = {person: World(tenant, ids, person) for person in MEMBERS}
    leaks, done = [], 0
    for route in sorted(ACTS - LIVE_GRANTS):
        person = who_may(route, "POST")
        if person is None:
            continue
        client, response = answer(worlds[person], route, "POST")
        done += response.status_code in {200, 302, 303}
        leaks += found_in(search, client, response, f"{person} POST /{route}")
        if response.status_code == 303:
            leaks += found_in(search, client, client.get(response["Location"]), f"after POST /{route}")
    assert leaks == []
    assert done > 25
    assert history(search) == []


@pytest.mark.parametrize("route", sorted(LIVE_GRANTS))
def test_l_console_control_a_live_grant_shows_it_and_leaves_nothing(route, tenant, sealed):
    ids, search = sealed
    world = World(tenant, ids, "privacy")
    client, response = answer(world, route, "POST")
    hits = found_in(search, client, response, "live")
    assert {place for _, place, _ in hits} == {"body"}
    assert history(search) == []
    assert not any(search.find(repr(row.get_decoded()).encode()) for row in Session.objects.all())


def test_l_console_control_the_search_finds_it_in_a_row(tenant, sealed, monkeypatch):
    ids, search = sealed
    world = World(tenant, ids, "privacy")
    _, response = answer(world, "conversations/<uuid:conversation_id>/reveal", "POST")
    text = response.content.decode()
    at = text.index("@example.com")
    sql("UPDATE governance_consultation SET reason = %s", text[at - 33 : at])
    assert {table for table, _ in history(search)} == {"governance_consultation"}
