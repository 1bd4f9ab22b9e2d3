"""ATTACKS.md, row A15: every privileged act has an event. The acts come from the access matrix and the task list."""

from types import SimpleNamespace

import pytest
from celery import current_app

from governance.audit import throttling
from governance.console import auditing
from governance.console.site import urlpatterns
from governance.custody import carrying, verifying
from governance.pipeline import tasks
from governance.vault import collections, explaining
from tests.conftest import item, store
from tests.security.matrix import PERSONS, World, expected
from tests.security.test_c_ciphertext import sql

DONE = {"200", "201", "202", "204", "207", "303"}
MEMBERS = ("producer", "worker", "analyst", "privacy", "security", "auditor")


def has_form(page) -> bool:
    """Whether a page of the console shows the form of an act on a GET."""
    return hasattr(page.callback, "threadvault_act") and page.callback.threadvault_act.shows


# What puts nothing on the record, and why that is right. A route that is not here must leave an entry by who asked.
NO_ACT = {
    "livez": "shows nothing", "healthz": "shows nothing", "api/v1/schema": "public", "api/v1/docs": "public",
    "api/v1/members": "shows rules",
    "api/v1/tokens": "shows one's own",
    "api/v1/purposes": "shows rules", "api/v1/policies": "shows rules", "api/v1/collections": "shows rules",
    "api/v1/collections/<uuid:collection_id>": "shows rules",
    "api/v1/policies/<uuid:policy_id>": "shows rules", "api/v1/policies/<uuid:policy_id>/diff": "shows rules",
    "api/v1/approvals": "shows who waits", "api/v1/approvals/<uuid:approval_id>": "shows who waits",
    "api/v1/detection-profiles": "shows rules", "api/v1/detection-profiles/<uuid:profile_id>": "shows rules",
    "api/v1/detection-profiles/<uuid:profile_id>/diff": "shows rules",
    "api/v1/detection-profiles/<uuid:profile_id>:try": "stores nothing",
    "api/v1/break-glass": "shows who waits", "api/v1/break-glass/<uuid:glass_id>": "shows who waits", "api/v1/detect": "stores nothing",
    "api/v1/records/<uuid:record_id>/findings": "shows places", "api/v1/findings/precision": "shows counts", "api/v1/jobs": "shows counts", "api/v1/jobs/<uuid:job_id>": "shows counts",
    "api/v1/audit/verifications/<uuid:job_id>": "shows counts and a verdict",
    "api/v1/key-rings": "shows rules", "api/v1/key-rings/<uuid:ring_id>": "shows rules",
    "api/v1/key-rings/<uuid:ring_id>/plan": "shows counts", "api/v1/key-versions": "shows rules",
    "api/v1/key-versions/<uuid:version_id>": "shows rules",
    "api/v1/key-versions/<uuid:version_id>/blast-radius": "shows counts",
    "api/v1/conversations/<uuid:conversation_id>:explain": "about oneself",
    "": "counts", "console/": "counts", "policies": "shows rules",
    "keys": "shows rules", "keys/providers": "shows states", "keys/rings/<uuid:ring_id>": "shows rules",
    "keys/versions/<uuid:version_id>": "shows rules", "jobs": "shows counts", "jobs/<uuid:job_id>": "shows counts",
    "jobs/<uuid:job_id>/progress": "shows counts", "audit/verifications/<uuid:job_id>": "shows counts",
    "approvals": "shows who waits",
    "approvals/<uuid:approval_id>": "shows who waits", "health": "shows states", "ingest": "shows counts",
    **{str(one.pattern): "its GET shows a form" for one in urlpatterns if has_form(one)},
    "members": "shows rules", "tokens": "shows one's own",
    "policies/<uuid:policy_id>": "shows rules", "policies/check": "stores nothing",
    "profiles": "shows rules", "profiles/<uuid:profile_id>": "shows rules", "profiles/check": "stores nothing",
    "profiles/<uuid:profile_id>/try": "stores nothing",
    "why": "about oneself", "conversations/<uuid:conversation_id>/why": "about oneself",
    "conversations/purpose": "own session", "tenant": "own session", "console/sign-out": "own session",
    "console/password": "leads on", "console/search": "leads on",
}  # fmt: skip
OWN_SESSION = {
    "conversations/purpose", "tenant", "api/v1/conversations/<uuid:conversation_id>:explain", "why",
    "conversations/<uuid:conversation_id>/why",
}  # fmt: skip
STORES_NOTHING = {
    "policies/check",
    "profiles/check",
    "profiles/<uuid:profile_id>/try",
    "console/search",
    "api/v1/detect",
    "api/v1/detection-profiles/<uuid:profile_id>:try",
}
NO_ACT_TASKS = {
    "threadvault.checkpoint": "signs the record",
    "threadvault.checkpoints": "signs the record",
    "threadvault.sweep": "rings",
    "threadvault.jobs": "each topic records what it does",
    "threadvault.figures": "counts",
    "threadvault.expire": "marks what has ended by itself",
}


def by(user) -> int:
    """How many entries there are by this person; that a session began is none of the act's."""
    own = "SELECT count(*) FROM governance_auditentry WHERE actor = %s AND event NOT LIKE 'signin.%%'"
    return sql(own, str(user.pk))[0][0]


def acts() -> list:
    """The lines of the matrix that somebody inside may do, and that are acts; sign-in has a test of its own."""
    return [
        line
        for line in expected()
        if any(line.answers[person] in DONE for person in MEMBERS)
        and not line.route.startswith("accounts/")
        and not (line.route in NO_ACT and (line.method == "GET" or line.route in OWN_SESSION | STORES_NOTHING))
    ]


@pytest.fixture
def worlds(tenant, stored):
    found = {person: World(tenant, stored, person) for person in PERSONS}
    assert all(found[person].token for person in MEMBERS)  # Making it is an entry of its own.
    return found


def unrecorded(worlds) -> list[str]:
    """The acts that were done, and left no entry by who did them."""
    silent = []
    for line in acts():
        person = next(person for person in MEMBERS if line.answers[person] in DONE)
        world = worlds[person]
        if line.route == "api/v1/audit/<int:sequence>/explanation":
            world = worlds["auditor"]
        made = world.path(line.route, line.method), world.body(line.route, line.method)
        before = by(world.user)
        assert world.knock(line.route, line.method, made=made) in DONE
        if by(world.user) == before:
            silent.append(f"{line.method} /{line.route}")
    return silent


def test_a15_every_act_of_a_route_is_on_the_record(worlds):
    assert len(acts()) >= 23
    assert unrecorded(worlds) == []


def test_a15_control_an_act_without_its_event_is_found(worlds, monkeypatch):
    monkeypatch.setattr(collections, "record_with_effect", lambda **_: None)
    for module in (explaining, auditing, verifying, carrying):
        monkeypatch.setattr(module, "record_now", lambda **_: SimpleNamespace(sequence=0))
    assert unrecorded(worlds) == [
        "GET /api/v1/conversations/<uuid:conversation_id>/readers",
        "GET /api/v1/audit/<int:sequence>/explanation",
        "POST /api/v1/audit:verify",
        "GET /api/v1/audit:export",
        "POST /api/v1/policies/<uuid:policy_id>:dry-run",
        "PATCH /api/v1/collections/<uuid:collection_id>",
        "GET /conversations/<uuid:conversation_id>/readers",
        "POST /policies/<uuid:policy_id>/dry-run",
        "GET /audit/<int:sequence>/explanation",
        "GET /audit",
        "POST /audit/verify",
        "POST /audit/export",
    ]


def test_a15_every_refusal_of_a_route_is_on_the_record(worlds):
    """A 403 is the policies' answer to a member; a wrong one-time code is one of the sign-in's."""
    silent = []
    for line in expected():
        for person in MEMBERS:
            if line.answers[person] != "403" or line.route.startswith("accounts/") or line.route.endswith("step-up"):
                continue
            world = worlds[person]
            if world.user.kind == "service" and not line.route.startswith("api/"):
                continue  # No page knows a service account: nothing was asked of the policies.
            made = world.path(line.route, line.method), world.body(line.route, line.method)
            before = by(world.user)
            world.knock(line.route, line.method, made=made)
            throttling.write_all()  # Equal refusals of a minute are one entry with their count.
            if by(world.user) == before:
                silent.append(f"{line.method} /{line.route} {person}")
    assert silent == []


def test_a15_every_task_that_acts_is_on_the_record(tenant):
    ours = {name for name in current_app.tasks if name.startswith("threadvault.")}
    assert ours - set(NO_ACT_TASKS) == {"threadvault.classify", "threadvault.keys"}
    store(tenant, item())
    tasks.classify(str(tenant.id))
    events = [row[0] for row in sql("SELECT event FROM governance_auditentry WHERE tenant_id = %s", str(tenant.id))]
    assert "batch.processed" in events
    assert "key.rotated" not in events
    sql("UPDATE governance_keyversion SET activated_at = now() - interval '91 days'")
    tasks.keys()
    assert sql("SELECT count(*) FROM governance_auditentry WHERE event = 'key.rotated'") == [(5,)]
