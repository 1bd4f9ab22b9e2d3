"""ATTACKS.md, row Z01: every route, every method, every kind of person, against a file that people review."""

import pytest
from django.contrib import admin
from django.urls import reverse

from governance.access import policies
from governance.console.site import site
from tests.security.matrix import METHODS, PERSONS, World, expected, fingerprint, routes

DONE = {"200", "201", "202", "204", "303"}
# What console and API both do: the route of the one, and of the other.
BOTH_WAYS = {
    "keys": "api/v1/key-rings",
    "keys/rings/<uuid:ring_id>": "api/v1/key-rings/<uuid:ring_id>",
    "keys/versions/<uuid:version_id>": "api/v1/key-versions/<uuid:version_id>",
    **{
        f"keys/rings/<uuid:ring_id>/{act}": f"api/v1/key-rings/<uuid:ring_id>:{act}"
        for act in ("rotate", "rewrap", "reencrypt", "raise-minimum", "ask-minimum")
    },
    **{
        f"keys/versions/<uuid:version_id>/{act}": f"api/v1/key-versions/<uuid:version_id>:{act}"
        for act in ("suspend", "resume", "deactivate", "compromise", "ask-destroy", "cancel")
    },
    "jobs": "api/v1/jobs",
    "jobs/rescan": "api/v1/jobs",
    "jobs/<uuid:job_id>": "api/v1/jobs/<uuid:job_id>",
    **{f"jobs/<uuid:job_id>/{act}": f"api/v1/jobs/<uuid:job_id>:{act}" for act in ("pause", "resume", "cancel")},
    "policies": "api/v1/policies",
    "policies/draft": "api/v1/policies",
    "policies/<uuid:policy_id>": "api/v1/policies/<uuid:policy_id>",
    "policies/<uuid:policy_id>/version": "api/v1/policies",
    "policies/<uuid:policy_id>/dry-run": "api/v1/policies/<uuid:policy_id>:dry-run",
    "policies/<uuid:policy_id>/ask": "api/v1/policies/<uuid:policy_id>:ask",
    "members": "api/v1/members",
    "members/invite": "api/v1/members",
    "members/<uuid:user_id>/give": "api/v1/members/<uuid:user_id>/roles",
    "tokens": "api/v1/tokens",
    "tokens/make": "api/v1/tokens",
    "conversations/<uuid:conversation_id>/messages/<int:number>/findings": "api/v1/records/<uuid:record_id>/findings",
    **{
        f"conversations/<uuid:conversation_id>/messages/<int:number>/findings/<int:finding_id>/{act}": (
            f"api/v1/findings/<int:finding_id>:{way}"
        )
        for act, way in (("undo", "ask-unmask"), ("confirm", "confirm"))
    },
    "conversations/<uuid:conversation_id>/readers": "api/v1/conversations/<uuid:conversation_id>/readers",
    "conversations/<uuid:conversation_id>/why": "api/v1/conversations/<uuid:conversation_id>:explain",
    "audit/<int:sequence>/explanation": "api/v1/audit/<int:sequence>/explanation",
    "approvals/<uuid:approval_id>": "api/v1/approvals/<uuid:approval_id>",
    "approvals/<uuid:approval_id>/agree": "api/v1/approvals/<uuid:approval_id>:second",
    "approvals/<uuid:approval_id>/refuse": "api/v1/approvals/<uuid:approval_id>:refuse",
    "approvals/<uuid:approval_id>/carry-out": "api/v1/key-versions/<uuid:version_id>:destroy",
}
REFUSED = {"302", "401", "403", "404", "405"}
TRY_ALL_METHODS = {"anonymous", "analyst", "security"}


def test_z01_every_route_of_the_urlconf_has_a_line():
    listed = {line.route for line in expected()}
    assert set(routes()) - listed == set(), "routes without a line in access_matrix.txt"
    assert listed - set(routes()) == set(), "lines without a route"


def test_z01_every_registered_model_has_its_pages_in_the_urlconf():
    """A model that is registered gets pages; they stand in the URLconf and so in the file. The stock site has none."""
    assert not admin.site._registry
    for model in site._registry:
        assert reverse(f"console:{model._meta.app_label}_{model._meta.model_name}_changelist").lstrip("/") in set(routes())


@pytest.mark.parametrize("person", PERSONS)
def test_z01_the_answers_are_those_of_the_file(person, tenant, stored):
    world = World(tenant, stored, person)
    world.collection()
    wrong, lines = [], {(line.route, line.method): line.answers[person] for line in expected()}
    for route in routes():
        for method in METHODS:
            wanted = lines.get((route, method), "405")
            listed = (route, method) in lines
            if not listed and person not in TRY_ALL_METHODS:
                continue
            answer = world.knock(route, method, made=None if listed else (world.nowhere(route), {}))
            if answer != wanted and (listed or answer not in REFUSED):
                wrong.append(f"{method} /{route}: {answer}, the file says {wanted}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("person", ["anonymous", "outsider", "superuser", "analyst", "auditor"])
def test_z01_what_is_refused_changes_nothing(person, tenant, stored):
    world, changed = World(tenant, stored, person), []
    assert person in {"anonymous", "superuser"} or world.token
    for line in expected():
        if line.answers[person] in {"401", "403", "404"}:
            made = world.path(line.route, line.method), world.body(line.route, line.method)
            before = fingerprint()
            world.knock(line.route, line.method, made=made)
            if (after := fingerprint()) != before:
                changed.append((line.route, line.method, [name for name in after if after[name] != before[name]]))
    assert not changed


def test_z01_control_a_route_that_does_not_ask_is_seen(tenant, stored, monkeypatch):
    """Without the question to the policies, the analyst's answers differ from the file."""
    monkeypatch.setattr(policies, "require", lambda **_: None)
    world = World(tenant, stored, "analyst")
    line = next(line for line in expected() if (line.route, line.method) == ("api/v1/policies", "POST"))
    assert world.knock(line.route, line.method) != line.answers["analyst"]


def let_through(route, method):
    """The members whom the file lets through."""
    line = next(line for line in expected() if (line.route, line.method) == (route, method))
    return {person for person in ("analyst", "privacy", "security", "auditor") if line.answers[person] in DONE}


def test_z04_console_and_api_let_the_same_people_through():
    """The lines above are held by the tests above; here each act has the same rights on both ways."""
    acts = {line.route for line in expected() if line.method == "POST"}
    for page, way in BOTH_WAYS.items():
        method = "POST" if page in acts else "GET"
        assert (page, let_through(page, method)) == (page, let_through(way, method))
