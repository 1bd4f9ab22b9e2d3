"""The transcript as a privacy officer uses it, in a real browser: read, reveal and copy, correct in place, by keyboard alone."""

import pytest

from governance.pipeline.running import run_classification
from tests.conftest import item, store
from tests.e2e.walking import enter, grave_faults, keep, look, tab_to
from tests.security.test_c_ciphertext import sql

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium")]
TEXT = "My name is Zebulon 👩\u200d🚀.\nMail kim0@example.com soon."


@pytest.fixture
def chat(tenant):
    (made,) = store(tenant, item("c-1", TEXT, "Done."))
    run_classification(tenant.id)
    return made.id


def opened_grants():
    return sql(
        "SELECT count(*) FROM governance_auditentry WHERE event = 'grant.opened' AND body LIKE %s", "%copy_revealed%"
    )[0][0]


def test_a_conversation_is_read_and_revealed_by_keyboard_alone(page, tenant, people, chat, live_server):
    enter(page, people["privacy_officer"], live_server.url)
    page.goto("/conversations")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "collection"
    tab_to(page, f"a[href='/conversations/{chat}']")
    page.keyboard.press("Enter")
    page.wait_for_selector(".tv-message")
    page.keyboard.press("?")
    page.wait_for_selector("dialog[data-shortcuts][open]")
    keep(page, "shortcuts")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[data-shortcuts]:not([open])", state="attached")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.id") == "m1"
    tab_to(page, ".tv-mark")
    tip = page.evaluate("getComputedStyle(document.activeElement, '::after').content")
    assert "Masked: email, by the detector" in tip
    assert "privacy-officers-read-redacted@1" in tip
    keep(page, "tip")
    assert grave_faults(page) == []
    page.goto(f"/conversations/{chat}")
    tab_to(page, "[name=shown-as]")
    page.keyboard.press("ArrowRight")
    assert page.locator(".tv-raw").first.is_visible()
    assert not page.locator(".tv-body").first.is_visible()
    keep(page, "json")
    assert grave_faults(page) == []
    page.goto(f"/conversations/{chat}")
    tab_to(page, "[data-open-reveal]")
    page.keyboard.press("Enter")
    tab_to(page, "#reveal-reason")
    page.keyboard.type("the customer asked")
    tab_to(page, "dialog button[type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_selector(".tv-banner")
    assert "kim0@example.com" in page.content()
    assert page.faults == []


def test_a_revealed_message_is_copied_by_right_and_on_the_record(page, tenant, people, chat, live_server):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    enter(page, people["privacy_officer"], live_server.url)
    page.goto(f"/conversations/{chat}")
    page.click("[data-open-reveal]")
    page.fill("#reveal-reason", "the customer asked")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("[data-copy-source='1']")
    keep(page, "revealed")
    assert grave_faults(page) == []
    before = opened_grants()
    seen = []
    page.on("response", lambda answer: answer.url.endswith("/copy") and seen.append(opened_grants()))
    tab_to(page, "[data-copy-source='1']")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Copied, and on the record")
    assert page.evaluate("navigator.clipboard.readText()") == TEXT
    assert seen == [before + 1], "the grant stood on the record when the answer came"
    page.context.clear_cookies()
    page.evaluate("navigator.clipboard.writeText('')")
    page.click("[data-copy-source='1']")
    page.wait_for_selector("text=Not copied")
    assert page.evaluate("navigator.clipboard.readText()") == ""


def test_a_stretch_is_masked_by_keyboard_alone(page, tenant, people, chat, live_server):
    enter(page, people["privacy_officer"], live_server.url)
    page.goto(f"/conversations/{chat}")
    tab_to(page, f"a[href='/conversations/{chat}/messages/1/findings']")
    page.keyboard.press("Enter")
    page.wait_for_selector("textarea[data-leaf]")
    tab_to(page, "textarea[data-leaf]")
    page.keyboard.press("Control+Home")
    for _ in range(len("My name is ")):
        page.keyboard.press("ArrowRight")
    for _ in range(len("Zebulon")):
        page.keyboard.press("Shift+ArrowRight")
    page.wait_for_function("() => document.querySelector('#id_end').value === '18'")
    page.keyboard.type("x")
    assert page.input_value("textarea[data-leaf]").startswith("My name is Zebulon"), "it takes no change"
    keep(page, "correct")
    assert grave_faults(page) == []
    tab_to(page, "[data-act]")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=The stretch is masked from now on.")
    keep(page, "corrected")
    page.goto(f"/conversations/{chat}")
    assert "Zebulon" not in page.content()
    assert page.locator(".tv-mark").first.inner_text().startswith("PERSON")
    assert page.faults == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_are_accessible_and_narrow(theme, page, tenant, people, chat, live_server):
    page.emulate_media(color_scheme=theme)
    enter(page, people["privacy_officer"], live_server.url)
    look(page, f"transcript-{theme}", f"/conversations/{chat}")
    look(page, f"findings-{theme}", f"/conversations/{chat}/messages/1/findings")
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(f"/conversations/{chat}")
    page.locator(".tv-mark").first.focus()
    keep(page, f"tip-{theme}-390")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "a tip is no wider than the window"
    assert page.faults == []
