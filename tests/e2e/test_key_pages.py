"""Keys, jobs, approvals and health as officers use them, in a real browser under the strict policy."""

import json

import pytest

from governance.identity.scoping import tenant_scope
from governance.jobs.models import Job
from governance.pipeline import heartbeat
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.working import work_for_all
from tests.console.officers import officer_client, rewrapped, ring_of, version_of
from tests.e2e.walking import but_forms_again, grave_faults, keep, sign_in, tab_to

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium")]


@pytest.fixture
def unused(tenant, stored):
    """A version that wraps nothing any more."""
    return rewrapped(officer_client(tenant), tenant)


@pytest.fixture
def second_page(browser, live_server):
    """The browser of another person."""
    context = browser.new_context(base_url=live_server.url)
    yield context.new_page()
    context.close()


def asked_to_destroy(page, version):
    """Ask for the destruction with the form of the version's page; the page is that of the approval then."""
    page.goto(f"/keys/versions/{version.id}/ask-destroy")
    page.fill("#id_days", "7")
    page.fill("#id_reason", "wraps nothing")
    page.fill("#id_typed", "tombstone/1")
    page.click("[data-act]")
    page.wait_for_url("**/approvals/*")
    return page.url


def test_a_ring_is_rotated_and_rewrapped_with_plan_and_progress(page, tenant, people, stored):
    sign_in(page, people["security_officer"])
    page.click("#nav-sidebar >> text=Keys")
    page.click(".tv-ring >> text=Content")
    keep(page, "ring")
    page.click("a:has-text('Rotate …')")
    assert "content/1" in page.locator(".tv-plan").inner_text()
    keep(page, "rotate")
    page.fill("#id_reason", "it is time")
    page.click("[data-act]")
    page.wait_for_selector("text=content/2 is active now.")
    page.click("a:has-text('Rewrap …')")
    assert "Data keys to move" in page.locator(".tv-plan").inner_text()
    page.click("[data-act]")
    page.wait_for_selector("text=The job is in the queue.")
    page.click("button:has-text('Pause')")
    page.wait_for_selector("text=The job is paused.")
    assert page.locator("[hx-get]").count() == 0
    page.click("button:has-text('Resume')")
    page.wait_for_selector("[hx-get]")
    asked = []
    page.on("request", lambda request: "/progress" in request.url and asked.append(request.url))
    page.wait_for_event("request", lambda request: "/progress" in request.url)
    work_for_all(HANDLERS)
    page.wait_for_selector(".tv-tone-good:has-text('Done')")
    assert page.locator("progress").get_attribute("value") == page.locator("progress").get_attribute("max")
    keep(page, "job-done")
    before = len(asked)
    page.wait_for_timeout(2500)
    assert len(asked) == before, "what is over is not asked for again"
    assert page.faults == []


def test_a_destruction_is_asked_for_by_the_keyboard_alone(page, tenant, people, unused):
    sign_in(page, people["security_officer"])
    page.goto(f"/keys/versions/{unused.id}")
    tab_to(page, "a[href$='/ask-destroy']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ask-destroy")
    tab_to(page, "#id_days")
    page.keyboard.press("Control+a")
    page.keyboard.type("7")
    tab_to(page, "#id_reason")
    page.keyboard.type("wraps nothing any more")
    tab_to(page, "#id_typed")
    page.keyboard.type("tombstone/2")
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    assert page.url.endswith("/ask-destroy")
    assert page.locator("[role=alert]").count() == 0, "the Enter key sends no grave form"
    tab_to(page, "[data-act]")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Type tombstone/1, exactly as it is written.")
    keep(page, "destroy")
    tab_to(page, "#id_typed")
    page.keyboard.type("tombstone/1")
    tab_to(page, "[data-act]")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Waits for a second person")
    assert "tombstone/1" in page.locator(".tv-plan").inner_text()
    assert but_forms_again(page.faults) == []


def test_a_second_person_agrees_and_one_cancels(page, second_page, tenant, people, unused):
    sign_in(page, people["security_officer"])
    approval = asked_to_destroy(page, unused)
    sign_in(second_page, people["privacy_officer"])
    second_page.click("#nav-sidebar >> text=Approvals")
    keep(second_page, "approvals")
    second_page.click("text=Destroy a key version")
    assert "wraps nothing" in second_page.locator(".tv-plan").inner_text()
    second_page.click("a:has-text('Agree …')")
    second_page.click("[data-act]")
    second_page.wait_for_selector("text=You agreed.")
    page.goto(approval)
    keep(page, "approval")
    page.click("a:has-text('Carry it out …')")
    page.click("[data-act]")
    page.wait_for_selector(".tv-banner >> text=Two people agreed to destroy this version.")
    assert version_of(tenant, "tombstone").destroy_at is not None
    keep(page, "version-waiting")
    page.click(".tv-banner >> text=Cancel the destruction")
    page.fill("#id_reason", "an auditor asked for it")
    page.click("[data-act]")
    page.wait_for_selector("text=The destruction is cancelled.")
    assert version_of(tenant, "tombstone").destroy_at is None
    assert page.faults == []


def test_a_stale_form_comes_back_with_how_it_is_now(page, tenant, people, stored):
    sign_in(page, people["security_officer"])
    version = version_of(tenant)
    page.goto(f"/keys/versions/{version.id}/suspend")
    page.fill("#id_reason", "in doubt")
    officer_client(tenant).post(f"/keys/versions/{version.id}/suspend", {"expected": version.tag, "reason": "faster"})
    page.click("[data-act]")
    page.wait_for_selector("text=This is how it is now.")
    assert "Suspended" in page.locator(".tv-plan").inner_text()
    assert page.input_value("#id_reason") == "in doubt"
    assert but_forms_again(page.faults) == []


def addresses(tenant, unused):
    """Each page of keys, jobs, approvals and health, with something to show, by a name for its picture."""
    ring = ring_of(tenant)[0].id
    with tenant_scope(tenant.id):
        job = Job.objects.filter(topic="rewrap").latest("created_at")
        Job.objects.filter(id=job.id).update(state="paused", done=1_234_567, total=4_000_000, seconds=900)
    officer = officer_client(tenant)
    given = {"days": 7, "reason": "wraps nothing", "typed": "tombstone/1"}
    approval = officer.post(f"/keys/versions/{unused.id}/ask-destroy", given)["Location"]
    return {
        "keys": "/keys", "ring": f"/keys/rings/{ring}", "version": f"/keys/versions/{unused.id}",
        "providers": "/keys/providers", "rotate": f"/keys/rings/{ring}/rotate",
        "reencrypt": f"/keys/rings/{ring}/reencrypt", "compromise": f"/keys/versions/{unused.id}/compromise",
        "destroy": f"/keys/versions/{unused.id}/ask-destroy", "jobs": "/jobs", "job": f"/jobs/{job.id}",
        "job-cancel": f"/jobs/{job.id}/cancel", "rescan": "/jobs/rescan", "approvals": "/approvals", "approval": approval,
        "carry-out": f"{approval}/carry-out", "health": "/health",
    }  # fmt: skip


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_accessible_and_fit_in_both_themes(theme, page, tenant, people, unused):
    heartbeat.beat()
    page.emulate_media(color_scheme=theme)
    sign_in(page, people["security_officer"])
    wrong = {}
    for name, address in addresses(tenant, unused).items():
        page.set_viewport_size({"width": 1280, "height": 820})
        assert page.goto(address).status == 200, name
        page.wait_for_function("theme => theme !== 'dark' || document.documentElement.classList.contains('dark')", arg=theme)
        assert page.locator("time[datetime]").count() == page.locator("time[title]").count(), name
        keep(page, f"{name}-{theme}")
        if faults := grave_faults(page):
            wrong[name] = faults
        page.set_viewport_size({"width": 390, "height": 800})
        if (width := page.evaluate("document.documentElement.scrollWidth")) > 390:
            wrong[f"{name} at 390"] = width
        keep(page, f"{name}-{theme}-narrow")
    assert wrong == {}, json.dumps(wrong, indent=1)
    assert page.faults == []
