"""ATTACKS.md, row L20: what a browser keeps of a chat, in storage and behind the back button. Each row has its control.

OWASP ASVS 5.0, 14.3.1 to 14.3.3.
"""

import shutil
from contextlib import suppress

import pytest
from playwright.sync_api import Error

from governance.web.headers import NoStoreMiddleware
from tests.e2e.conftest import FLAGS
from tests.e2e.walking import sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.needs("chromium")]
TEXT = "Mail me at"
# What the console keeps: how the side is folded, and light or dark.
KNOWN = {"sidebarDesktopOpen", "adminTheme", "_x_adminTheme"}
KEPT = """async () => ({
  local: {...localStorage}, session: {...sessionStorage},
  workers: (await navigator.serviceWorker.getRegistrations()).length, caches: await caches.keys(),
  databases: (await indexedDB.databases()).map((one) => one.name),
})"""


@pytest.fixture(scope="module")
def browser():
    """A browser that keeps pages for the back button, as people's do; the tests' own switches that off."""
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        started = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=FLAGS, ignore_default_args=["--disable-back-forward-cache"]
        )
        yield started
        started.close()


@pytest.fixture
def reader(page, people, stored):
    """A page on which an analyst reads a chat."""
    sign_in(page, people["analyst"])
    page.goto(f"/conversations/{stored[0]}")
    assert TEXT in page.inner_text("body")
    return page


def sign_out(page):
    page.goto("/accounts/logout/")
    page.click("main form button[type=submit]")
    page.wait_for_url("**/accounts/login/**")


def back_to_the_chat(page, chat):
    """Go back until the address is the chat's or the sign-in's for it; what is shown then."""
    for _ in range(4):
        with suppress(Error):  # Where a page leads on at once, the browser gives up the navigation that is waited for.
            page.go_back(wait_until="commit", timeout=10_000)
        if str(chat) in page.url:
            break
    return page.inner_text("body")


def stock_headers(monkeypatch):
    """Answer as Django does without our middleware: no word about caches, nothing cleared."""
    monkeypatch.setattr(NoStoreMiddleware, "__call__", lambda self, request: self.get_response(request))


def test_l20_back_after_signing_out_shows_nothing(reader, stored):
    sign_out(reader)
    shown = back_to_the_chat(reader, stored[0])
    assert TEXT not in shown
    assert "/accounts/login/" in reader.url
    assert "Sign in" in shown


def test_l20_control_with_the_stock_headers_back_shows_the_chat(page, people, stored, monkeypatch):
    stock_headers(monkeypatch)
    sign_in(page, people["analyst"])
    page.goto(f"/conversations/{stored[0]}")
    sign_out(page)
    assert TEXT in back_to_the_chat(page, stored[0])


def test_l20_what_was_revealed_is_gone_as_well(page, people, stored):
    person = people["privacy_officer"]
    sign_in(page, person)
    page.goto(f"/conversations/{stored[0]}")
    revealed = page.evaluate(
        """async () => {
          const form = document.querySelector("form[action$='/reveal'], form[hx-post$='/reveal']");
          const body = new FormData(form); body.set("purpose", "subject_request"); body.set("reason", "asked by the person");
          const answer = await fetch(form.getAttribute("action") || form.getAttribute("hx-post"), {method: "POST", body});
          const text = await answer.text();
          document.querySelector("main, #main, body").insertAdjacentHTML("beforeend", text);
          return text;
        }"""
    )
    assert "kim0@example.com" in revealed
    sign_out(page)
    shown = back_to_the_chat(page, stored[0])
    assert "kim0@example.com" not in shown
    assert "Sign in" in shown


def test_l20_nothing_of_a_chat_stays_in_the_browser(reader, stored):
    for path in ("/", "/conversations", f"/conversations/{stored[0]}"):
        reader.goto(path)
    kept = reader.evaluate(KEPT)
    assert set(kept["local"]) | set(kept["session"]) <= KNOWN
    assert TEXT not in str(kept)
    assert (kept["workers"], kept["caches"], kept["databases"]) == (0, [], [])


def test_l20_control_what_is_kept_is_seen(reader):
    reader.evaluate("async () => { localStorage.setItem('chat', 'Mail me at'); await caches.open('chats'); }")
    kept = reader.evaluate(KEPT)
    assert kept["local"]["chat"] == TEXT
    assert kept["caches"] == ["chats"]


def test_l20_signing_out_clears_what_the_browser_keeps_of_us(reader):
    reader.evaluate("async () => { localStorage.setItem('chat', 'Mail me at'); await caches.open('chats'); }")
    sign_out(reader)
    kept = reader.evaluate(KEPT)
    assert (kept["local"], kept["caches"]) == ({}, [])
    assert "sessionid" not in {cookie["name"] for cookie in reader.context.cookies()}


def test_l20_control_with_the_stock_headers_it_stays(reader, monkeypatch):
    reader.evaluate("async () => { localStorage.setItem('chat', 'Mail me at'); await caches.open('chats'); }")
    stock_headers(monkeypatch)
    sign_out(reader)
    kept = reader.evaluate(KEPT)
    assert kept["local"]["chat"] == TEXT
    assert kept["caches"] == ["chats"]
