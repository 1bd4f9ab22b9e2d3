"""The sample chats that `make run` seeds, as a privacy officer meets them first; the pictures of README.md are made here."""

import pytest

from governance.identity.models import Tenant, User
from governance.management import demonstration
from governance.pipeline.running import run_classification
from tests.e2e.walking import enter, keep

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium")]
CHAT = "Card locked after three tries"


@pytest.fixture
def officer(transactional_db, tmp_path, monkeypatch):
    """The privacy officer of the demonstration, whose chats were scanned."""
    monkeypatch.setattr(demonstration, "_file", lambda: tmp_path / "demo.json")
    assert demonstration.seed() == 13
    run_classification(Tenant.objects.get(slug=demonstration.SLUG).id)
    return User.objects.get(username="privacy_officer")


def test_the_sample_chats_are_read_and_revealed(page, live_server, officer):
    page.set_viewport_size({"width": 1280, "height": 930})
    enter(page, officer, live_server.url)
    page.goto("/conversations")
    assert page.locator(".tv-title a").count() == 13
    keep(page, "console")
    page.click(f"text={CHAT}")
    page.wait_for_selector(".tv-message")
    page.click("text=Tool call find_customer")
    marks = page.locator(".tv-formatted .tv-mark:visible").all_inner_texts()
    assert {mark.split("·")[0] for mark in marks} == {"CARD", "EMAIL", "PHONE"}
    assert "4111" not in page.content()
    keep(page, "transcript")
    page.click("[data-open-reveal]")
    page.fill("#reveal-reason", "the customer asks why the card was locked")
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".tv-banner")
    assert "4111 1111 1111 1111" in page.inner_text(".tv-message >> nth=0")
    keep(page, "reveal")
    page.click("[data-hide]")
    page.wait_for_selector("[data-open-reveal]")
    assert "4111" not in page.content()
    assert page.faults == []
