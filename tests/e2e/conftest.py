"""A browser on Debian's Chromium; nothing leaves the machine, and every console error fails the test."""

import shutil

import pytest

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright's loop runs in the thread of the test.
        started = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def page(browser, live_server):
    """A page that collects what must not be: errors, and requests to other hosts."""
    context = browser.new_context(viewport={"width": 1280, "height": 820}, base_url=live_server.url)
    opened = context.new_page()
    opened.faults = []
    opened.on("console", lambda message: message.type == "error" and opened.faults.append(message.text))
    opened.on("pageerror", lambda error: opened.faults.append(str(error)))
    opened.on(
        "request",
        lambda request: request.url.startswith((live_server.url, "data:")) or opened.faults.append(request.url),
    )
    yield opened
    context.close()
