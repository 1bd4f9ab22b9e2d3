"""Every page of the console's URLconf in a real browser: no error of the console, and no request to another host."""

import pytest
from django.conf import settings
from django.test import Client

from governance.console.site import urlpatterns
from tests.e2e.walking import FAULT_SCRIPT
from tests.security.matrix import World, expected, show_factor

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium")]
FRAGMENTS = {  # A part of a page, which asks for it; no page by itself.
    "jobs/<uuid:job_id>/progress", "audit/verifications/<uuid:job_id>",
}  # fmt: skip
MEMBERS = ("analyst", "privacy", "security", "auditor")


def pages_of(person):
    """The routes whose page this person is the first to be shown."""
    for pattern in urlpatterns:
        route = str(pattern.pattern)
        line = next((one for one in expected() if (one.route, one.method) == (route, "GET")), None)
        if line and route not in FRAGMENTS and next((one for one in MEMBERS if line.answers[one] == "200"), None) == person:
            yield route


def test_every_page_belongs_to_somebody():
    shown = {route for person in MEMBERS for route in pages_of(person)}
    assert {str(one.pattern) for one in urlpatterns if has_page(one)} - FRAGMENTS == shown


def has_page(pattern):
    declared = getattr(pattern.callback, "threadvault_act", None)
    return declared is None or declared.shows


@pytest.mark.parametrize("person", MEMBERS)
def test_no_page_of_the_urlconf_has_an_error(person, page, tenant, stored, live_server):
    world = World(tenant, stored, person)
    client = Client()
    client.force_login(world.user)
    show_factor(client, world.user)
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
    for route in pages_of(person):
        assert page.goto(world.path(route, "GET")).status == 200, route
        assert page.faults == [], route


def test_control_an_error_of_a_page_is_seen(page, live_server):
    page.goto("/accounts/login/")
    page.evaluate(FAULT_SCRIPT)
    page.wait_for_function("window.refused")
    assert any("Content Security Policy" in fault for fault in page.faults)
