"""The record as auditors verify it and take it along, in a real browser under the strict policy; by keyboard alone."""

import pytest

from governance.pipeline.handlers import HANDLERS
from governance.pipeline.working import work_for_all
from tests.audit.test_offline import offline
from tests.conftest import PASSWORD, totp
from tests.e2e.test_key_pages import tab_to
from tests.e2e.test_policy_pages import enter
from tests.e2e.walking import grave_faults, keep
from tests.security.chains import around, signed
from tests.security.walking_chains import Walker, grown, in_small_steps

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium")]
VERIFY = "form[action='/audit/verify'] button"
EXPORT = "form[action='/audit/export'] button"


@pytest.fixture
def long_chain(tenant, stored, monkeypatch):
    in_small_steps(monkeypatch)
    grown(tenant)
    return tenant


def sign_in_by_keyboard(page, user):
    page.goto("/")
    tab_to(page, "input[name=login]")
    page.keyboard.type(user.username)
    tab_to(page, "input[name=password]")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("input[name=code]")
    page.evaluate("document.activeElement.blur()")
    tab_to(page, "input[name=code]")
    page.keyboard.type(totp(user.totp_secret))
    page.keyboard.press("Enter")
    page.wait_for_selector("#nav-sidebar", state="attached")


def test_an_auditor_verifies_a_long_chain_by_keyboard_alone(page, long_chain, people):
    sign_in_by_keyboard(page, people["auditor"])
    tab_to(page, "#nav-sidebar a[href='/audit']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/audit")
    tab_to(page, VERIFY)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=The verification is in the queue.")
    page.wait_for_event("request", lambda request: "/audit/verifications/" in request.url)
    keep(page, "verifying")
    assert grave_faults(page) == []
    work_for_all(HANDLERS)
    page.wait_for_selector("[role=status] >> text=The chain is whole.")
    assert page.locator("[hx-get]").count() == 0, "what is over is not asked for again"
    keep(page, "verified")
    assert grave_faults(page) == []
    assert page.faults == []


def test_the_progress_moves_and_the_first_bad_entry_is_named(page, long_chain, people, live_server):
    enter(page, people["auditor"], live_server.url)
    page.goto("/audit")
    page.click(VERIFY)
    page.wait_for_selector("section >> text=Verify the audit trail")
    around("UPDATE governance_auditentry SET body = replace(body, 'actor', 'aktor') WHERE tenant_id = %s AND sequence = 17",
           long_chain.id)  # fmt: skip
    walker = Walker(long_chain, people["auditor"])  # Whoever asks meanwhile is given the same job.
    walker.go()
    page.wait_for_selector("progress[value='5']")
    keep(page, "verifying-step")
    walker.finish()
    page.wait_for_selector("[role=alert] >> text=The chain is broken at entry 17.")
    assert "Its bytes do not give its hash." in page.locator("[role=alert]").inner_text()
    keep(page, "broken")
    assert grave_faults(page) == []
    page.click("[role=alert] a")
    assert page.locator("tbody tr").first.get_attribute("id") == "e17"
    assert page.faults == []


def test_the_record_is_taken_along_and_verified_elsewhere(page, long_chain, people, live_server, tmp_path):
    signed(long_chain)
    enter(page, people["auditor"], live_server.url)
    page.goto("/audit")
    tab_to(page, EXPORT)
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    path = tmp_path / "chain.jsonl"
    download.value.save_as(path)
    assert download.value.suggested_filename == f"audit-{long_chain.slug}.jsonl"
    found = offline(path)
    assert (found.returncode, "whole" in found.stdout) == (0, True), found.stderr
    assert page.faults == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("state", ["waiting", "paused", "whole", "broken"])
def test_verification_is_accessible_and_narrow(theme, state, page, long_chain, people, live_server):
    walker = Walker(long_chain, people["auditor"])
    if state == "broken":
        around("UPDATE governance_auditentry SET body = replace(body, 'actor', 'aktor') WHERE sequence = 17")
    if state in {"whole", "broken"}:
        walker.finish()
    if state == "paused":
        walker.go(2)
        walker.rewrite_row(state="paused")
    page.emulate_media(color_scheme=theme)
    enter(page, people["auditor"], live_server.url)
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"/audit?verification={walker.job}")
        keep(page, f"record-{state}-{theme}-{width}")
        assert grave_faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.faults == []
