"""ATTACKS.md, row I11: stored markup in texts, titles, roles and names is inert on every page, in a real browser."""

from datetime import timedelta

import pytest

from governance.access import credentials, policies
from governance.access.errors import PolicyInvalid
from governance.console.site import urlpatterns
from governance.identity.members import MemberRefused, create_person
from governance.ingest.formats.errors import FormatError
from governance.pipeline.running import run_classification
from governance.privacy import profiling
from tests.conftest import as_principal, item, now, store
from tests.e2e.test_urlconf import FRAGMENTS, pages_of
from tests.e2e.walking import enter
from tests.security.matrix import World

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium")]
HOSTILE = '"><img src=x onerror="window.hit=1"><script>window.hit=1</script>{{7*7}}[a](javascript:window.hit=1)'
COLLECTION = HOSTILE[:200]
PLANTED = 'img[src="x"], .tv script, .tv a[href^="javascript"], [onerror]'


@pytest.fixture
def hostile(tenant, people):
    """A tenant whose every free text is markup."""
    chat = item("h-1", HOSTILE, f"```html\n{HOSTILE}\n```", title=HOSTILE, collection=COLLECTION, subject=HOSTILE)
    chat["external_id"] = HOSTILE
    chat["metadata"] = {HOSTILE: HOSTILE}
    chat["messages"].append({"role": "narrator", "content": HOSTILE, "external_id": "m-9", "author": HOSTILE})
    call = {"function": {"name": HOSTILE, "arguments": f'{{"a": "{HOSTILE[2:9]}"}}'}}
    chat["messages"].append(
        {"role": "assistant", "content": "mail kim0@example.com", "external_id": "m-10", "tool_calls": [call]}
    )
    (made,) = store(tenant, chat)
    assert made.status == 201, made
    run_classification(tenant.id)
    officer = as_principal(tenant, people["security_officer"], second_factor=True)
    cedar = 'forbid (principal, action, resource is Conversation) when { resource.collection == "<b onclick=1>" };'
    for name in ("h", "people-do-not-classify"):
        row = policies.draft(principal=officer, name=name, cedar=cedar, reason=HOSTILE, now=now())
        policies.ask_activation(principal=officer, policy_id=row.id, reason=HOSTILE, now=now())
    privacy = as_principal(tenant, people["privacy_officer"], second_factor=True)
    written = {"deny": [HOSTILE], "patterns": [{"name": "p", "pattern": "<img src=x>{1,2}"}]}
    profile, _ = profiling.draft(principal=privacy, settings=written, reason=HOSTILE, now=now())
    profiling.activate(principal=privacy, profile_id=profile.id, now=now())
    policies.add_purpose(principal=officer, code="odd", description=HOSTILE, now=now())
    credentials.make_token(
        principal=officer, user_id=None, name=HOSTILE, life=timedelta(days=1), scopes=frozenset(), purposes=frozenset(),
        now=now(),
    )  # fmt: skip
    return [made.id] * 3


def test_i11_names_of_people_and_policies_and_roles_cannot_hold_markup(tenant, people):
    with pytest.raises(MemberRefused):
        create_person(username="<b>kim")
    officer = as_principal(tenant, people["security_officer"], second_factor=True)
    with pytest.raises(PolicyInvalid):
        policies.draft(principal=officer, name="<b>", cedar="", reason="r", now=now())
    odd = item("odd", "text")
    odd["messages"][0]["role"] = "<b>"
    with pytest.raises(FormatError):
        store(tenant, odd)


@pytest.mark.parametrize("person", ["analyst", "privacy", "security", "auditor"])
def test_i11_stored_markup_is_inert_on_every_page(person, page, tenant, people, hostile, live_server):
    world = World(tenant, hostile, person)
    enter(page, world.user, live_server.url)
    seen, routes = [], {str(one.pattern) for one in urlpatterns}
    for route in sorted({*pages_of(person), "", "tokens", "approvals"} & routes - FRAGMENTS):
        if "finding_id" in route:
            continue
        assert page.goto(world.path(route, "GET")).status == 200, route
        assert page.evaluate("() => window.hit") is None, route
        assert page.locator(PLANTED).count() == 0, route
        seen += [route] if "window.hit=1" in page.locator("body").inner_text() else []
    assert page.faults == []
    wanted = {
        "analyst": "conversations/<uuid:conversation_id>", "privacy": "approvals", "security": "approvals", "auditor": "audit",
    }[person]  # fmt: skip
    assert wanted in seen or person == "auditor", seen


def test_i11_the_revealed_source_is_inert(page, tenant, people, hostile, live_server):
    enter(page, people["privacy_officer"], live_server.url)
    page.goto(f"/conversations/{hostile[0]}")
    page.click("[data-open-reveal]")
    page.fill("#reveal-reason", HOSTILE)
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".tv-banner")
    page.check("[name=shown-as][value=json]")
    assert page.evaluate("() => window.hit") is None
    assert page.locator(PLANTED).count() == 0
    assert "window.hit=1" in page.locator(".tv-banner").inner_text()
    assert page.faults == []


def test_i11_control_the_same_text_rendered_unsafely_fires(page):
    page.set_content(f"<div>{HOSTILE}</div>")
    page.wait_for_function("() => window.hit === 1")
    assert page.locator(PLANTED).count() > 0
