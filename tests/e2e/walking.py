"""What the browser's tests share: signing in, pictures, and what must not be."""

import os
from pathlib import Path

import pytest

from tests.conftest import PASSWORD, totp
from tests.console.browsing import signed_in
from tests.security.matrix import show_factor

AXE = Path(__file__).parents[2] / "static" / "node_modules" / "axe-core" / "axe.min.js"
# What the strict policy refuses, and the console says so.
FAULT_SCRIPT = """() => {
  document.addEventListener("securitypolicyviolation", () => { window.refused = true; });
  const script = document.createElement("script");
  script.textContent = "window.hit = 1";
  document.head.append(script);
}"""


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
    page.wait_for_selector("#nav-sidebar", state="attached")


def enter(page, user, base):
    """Give the page the session of a person who showed a second factor just now."""
    client = signed_in(user)
    show_factor(client, user)
    page.context.clear_cookies()
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": base}])


def tab_to(page, selector):
    """Walk with the Tab key alone until the element has the focus."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            return
    pytest.fail(f"the Tab key never comes to {selector}")


def but_refusals(faults):
    """The browser reports a 403 as an error of the console; anything else is one."""
    return [fault for fault in faults if "403 (Forbidden)" not in fault]


def but_forms_again(faults):
    """The browser reports a form that comes again (400, 409, 412, 422) as an error of the console, too."""
    return [
        fault for fault in but_refusals(faults) if not any(f"status of {code}" in fault for code in (400, 409, 412, 422))
    ]


def grave_faults(page):
    """The serious and critical faults that axe finds in the console's part of the page."""
    found = page.evaluate(AXE.read_text() + "; axe.run('.tv', {resultTypes: ['violations']})")
    return [
        (rule["id"], node["html"][:200])
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def look(page, name, address):
    """Go to a page in both widths, keep pictures of it, and hold it to axe and to the width of the window."""
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(address)
        page.wait_for_load_state("networkidle")
        keep(page, f"{name}-{width}")
        assert (address, grave_faults(page)) == (address, [])
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (address, width)
