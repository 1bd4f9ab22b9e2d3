"""The console as its people use it, in a real browser under the strict policy."""

import os
from pathlib import Path

import pytest

from tests.conftest import PASSWORD, make_person, totp

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium")]


def keep(page, name):
    """Save a picture where a folder is named for it."""
    folder = os.environ.get("THREADVAULT_PICTURES")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def sign_in(page, user):
    page.goto("/")
    page.fill("input[name=login]", user.username)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.fill("input[name=code]", totp(user.totp_secret))
    page.click("button[type=submit]")
    page.wait_for_selector("text=messages, all sealed")


def test_the_privacy_officer_reads_and_reveals(page, tenant, people, stored):
    sign_in(page, people["privacy_officer"])
    page.click("text=Read redacted conversations")
    keep(page, "console")
    page.locator("table a").first.click()
    assert page.locator(".tv-mark").first.inner_text().startswith("EMAIL")
    assert "@example.com" not in page.content()
    keep(page, "transcript")
    page.click("[data-open-reveal]")
    page.fill("#reveal-reason", "the customer asked")
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".tv-banner")
    assert "@example.com" in page.content()
    keep(page, "reveal")
    page.click("[data-hide]")
    page.wait_for_selector("[data-open-reveal]")
    assert "@example.com" not in page.content()
    assert page.faults == []


def test_the_analyst_is_refused_the_source(page, tenant, people, stored):
    sign_in(page, people["analyst"])
    page.goto("/conversations")
    page.locator("table a").first.click()
    page.click("[data-open-reveal]")
    page.fill("#reveal-reason", "I am curious")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("text=policy.denied")
    assert "@example.com" not in page.content()
    assert all("403" in fault for fault in page.faults)


def test_the_auditor_verifies_the_record_and_sees_no_chat(page, tenant, people, stored):
    sign_in(page, people["auditor"])
    page.click("text=Audit trail")
    page.click("text=Verify the chain")
    page.wait_for_selector("text=each follows the one before")
    page.click("text=Policies")
    page.wait_for_selector("text=analysts-read-redacted")
    assert page.faults == []
    assert page.goto("/conversations").status == 403


def test_the_security_officer_looks_at_keys(page, tenant, people, stored):
    sign_in(page, people["security_officer"])
    page.click("text=Look at the keys")
    page.wait_for_selector("text=Data keys")
    assert page.faults == []


def test_a_superuser_without_a_role_sees_nothing(page, tenant, people, stored):
    root = make_person(tenant, "analyst")
    root.memberships.update(ended_at="2026-01-01T00:00:00Z")
    root.is_superuser = root.is_staff = True
    root.save()
    page.goto("/")
    page.fill("input[name=login]", root.username)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_selector("text=identity.not_a_member")
    assert page.goto("/conversations").status == 403
