"""What the browser's tests share: signing in, pictures, and what must not be."""

import os
from pathlib import Path

from tests.conftest import PASSWORD, totp

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


def but_refusals(faults):
    """The browser reports a 403 as an error of the console; anything else is one."""
    return [fault for fault in faults if "403 (Forbidden)" not in fault]


def grave_faults(page):
    """The serious and critical faults that axe finds in the console's part of the page."""
    found = page.evaluate(AXE.read_text() + "; axe.run('.tv', {resultTypes: ['violations']})")
    return [
        (rule["id"], node["html"][:200])
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]
