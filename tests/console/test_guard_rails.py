"""What acts goes through one decorator; what does not act changes nothing. The pages come from the URLconf."""

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import path

from governance.audit.events import EVENTS
from governance.console.acting import Act, UndeclaredAct, act
from governance.console.forms import TypedForm
from governance.console.site import urlpatterns
from tests.console.browsing import refusals, signed_in, text_of
from tests.security.matrix import World, expected, fingerprint, show_factor
from tests.security.test_c_ciphertext import sql

PAGES = {str(one.pattern): one.callback for one in urlpatterns}
ACTS = {route: view.threadvault_act for route, view in PAGES.items() if hasattr(view, "threadvault_act")}
FACTOR_ACTS = sorted(route for route, spec in ACTS.items() if spec.factor_for and spec.shows)
LEAVE_A_RECORD = {  # Looking there is itself recorded.
    "audit", "audit/<int:sequence>/explanation", "conversations", "conversations/<uuid:conversation_id>",
    "conversations/<uuid:conversation_id>/readers", "conversations/<uuid:conversation_id>/messages/<int:number>/findings",
}  # fmt: skip
SHOWN_ONCE = {"members/invite", "tokens/make"}  # They answer with what is on that page alone, instead of leading on.
MEMBERS = ("analyst", "privacy", "security", "auditor")


def undeclared(patterns):
    """Pages that neither look nor act by the console's own decorators."""
    return [str(one.pattern) for one in patterns if not {"threadvault_page", "threadvault_act"} & vars(one.callback).keys()]


def who_may(route, method, status):
    lines = [line for line in expected() if (line.route, line.method) == (route, method)]
    return next((person for line in lines for person in MEMBERS if line.answers[person] == status), None)


def own(user):
    """The events on the record by this person, but those of signing in."""
    named = "SELECT event FROM governance_auditentry WHERE actor = %s AND event NOT LIKE 'signin.%%' ORDER BY sequence"
    return [row[0] for row in sql(named, str(user.pk))]


def but_looks(tables):
    """The form of a correction shows the text that it is about, and that somebody looked is kept."""
    return {name: found for name, found in tables.items() if name != "governance_consultation"}


def test_every_page_looks_or_acts_by_its_decorator():
    assert undeclared(urlpatterns) == []


def test_control_a_page_without_the_decorators_is_found():
    assert undeclared([*urlpatterns, path("bare", lambda request: HttpResponse())]) == ["bare"]


def test_every_act_names_what_it_leaves_on_the_record():
    for route, spec in ACTS.items():
        assert bool(spec.events) != bool(spec.no_event), route
        assert set(spec.events) <= EVENTS.keys(), route


@pytest.mark.parametrize(
    "declared",
    [
        {},
        {"events": ("key.rotated",), "no_event": "both"},
        {"events": ("key.invented",)},
        {"events": ("key.rotated",), "factor_for": "manage_keys"},
        {"events": ("key.rotated",), "form": TypedForm},
    ],
    ids=["no event", "event and none", "unknown event", "factor without a form", "typed without a form"],
)
def test_an_act_that_does_not_hold_together_stops_the_start(declared):
    with pytest.raises(UndeclaredAct):
        act(**declared)


def test_only_what_is_declared_takes_a_post(tenant, stored):
    world = World(tenant, stored, "security")
    taken = [
        route
        for route in PAGES
        if route not in ACTS and world.knock(route, "POST", made=(world.nowhere(route), {})) != "405"
    ]
    assert taken == []


def test_no_get_changes_anything(tenant, stored):
    """By whoever may look; a row and an entry of the record count as a change alike."""
    changed, looked = [], 0
    worlds = {person: World(tenant, stored, person) for person in MEMBERS}
    for route in PAGES:
        person = who_may(route, "GET", "200")
        if person is None:
            continue
        world = worlds[person]
        made, said = (world.path(route, "GET"), {}), own(world.user)
        before = fingerprint()
        assert world.knock(route, "GET", made=made) == "200", route
        looked += 1
        after = fingerprint()
        tables = {name for name in after if after[name] != before[name]}
        if route in LEAVE_A_RECORD:
            tables -= {"governance_consultation"}
        elif own(world.user) != said:
            tables |= {"governance_auditentry"}
        if tables:
            changed.append((route, tables))
    assert changed == []
    assert looked > 25


def test_control_a_get_that_changes_something_is_seen(tenant, stored):
    before = fingerprint()
    sql("UPDATE governance_keyring SET minimum_version = minimum_version")
    assert fingerprint() != before


def test_every_act_leaves_the_events_that_it_names(tenant, stored):
    wrong = []
    worlds = {person: World(tenant, stored, person) for person in MEMBERS}
    for route, spec in ACTS.items():
        if route.endswith("withdraw"):
            continue  # Only who asked may: tests/console/test_approvals.py.
        world = worlds[who_may(route, "POST", "303") or who_may(route, "POST", "200") or who_may(route, "POST", "302")]
        made = world.path(route), world.body(route, "POST")
        before = len(own(world.user))
        assert world.knock(route, "POST", made=made) in {"200", "302", "303"}, route
        left = own(world.user)[before:]
        if bool(set(left) & set(spec.events)) != bool(spec.events) or (spec.no_event and left):
            wrong.append((route, left))
    assert wrong == []


def test_no_grave_act_is_done_without_a_fresh_second_factor(tenant, stored):
    """The form comes again and asks for the factor, and nothing is changed; with a factor the same form goes through."""
    worlds = {person: World(tenant, stored, person) for person in MEMBERS}
    for route in FACTOR_ACTS:
        status = 200 if route in SHOWN_ONCE else 303
        world = worlds[who_may(route, "POST", str(status))]
        made, body = world.path(route), world.body(route, "POST")
        client, before = signed_in(world.user), fingerprint()
        answer = client.post(made, body)
        assert (route, answer.status_code) == (route, 403)
        assert "Show your second factor" in text_of(answer), route
        assert but_looks(fingerprint()) == but_looks(before), route
        show_factor(client, world.user)
        assert (route, client.post(made, body).status_code) == (route, status)


def test_no_act_is_done_without_the_token_of_its_form(tenant, stored):
    """Not even by whoever may: another site cannot make the person's browser act."""
    world = World(tenant, stored, "security")
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.user)
    show_factor(client, world.user)
    done = [route for route in ACTS if client.post(world.nowhere(route), {}).status_code != 403]
    assert done == []


def test_control_with_its_token_the_same_form_is_looked_at(tenant, stored):
    world = World(tenant, stored, "security")
    assert world.knock("jobs/rescan", "POST") == "303"


def test_a_wrong_code_is_on_the_record(tenant, people, stored):
    world = World(tenant, stored, "security")
    made = world.path("keys/rings/<uuid:ring_id>/rewrap")
    before = refusals(tenant)
    answer = signed_in(people["security_officer"]).post(made, {"code": "abcdef"})
    assert answer.status_code == 403
    assert refusals(tenant) == before + 1


def test_an_act_declares_by_default_that_it_has_no_form():
    assert not Act(events=("job.asked",)).shows
