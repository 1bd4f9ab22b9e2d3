"""The console as its people use it, in a real browser under the strict policy."""

import pytest
from django.contrib.sessions.backends.db import SessionStore

from governance.console.finders import AlpineFinder
from governance.pipeline.running import run_classification
from tests.conftest import PASSWORD, item, make_person, store, totp
from tests.e2e.walking import but_refusals, grave_faults, keep, sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium")]
PAGES = {
    "privacy_officer": ["/", "/conversations", "TRANSCRIPT"],
    "auditor": ["/", "/audit", "/policies"],
    "security_officer": ["/", "/keys", "/policies"],
}


def open_first(page):
    page.goto("/conversations")
    page.locator(".tv table a").first.click()
    page.wait_for_selector(".tv-message")


def ask_for_source(page, reason):
    page.click("[data-open-reveal]")
    page.fill("#reveal-reason", reason)
    page.click("dialog button[type=submit]")


def test_the_privacy_officer_reads_and_reveals(page, tenant, people, stored):
    sign_in(page, people["privacy_officer"])
    keep(page, "overview")
    page.click("#nav-sidebar >> text=Conversations")
    page.wait_for_selector("text=Title, redacted")
    page.locator(".tv table a").first.click()
    assert page.locator(".tv-mark").first.inner_text().startswith("EMAIL")
    assert "@example.com" not in page.content()
    ask_for_source(page, "the customer asked")
    page.wait_for_selector(".tv-banner")
    assert "@example.com" in page.content()
    page.click("[data-hide]")
    page.wait_for_selector("[data-open-reveal]")
    assert "@example.com" not in page.content()
    assert page.faults == []


def test_the_source_hides_by_itself_and_does_not_come_back(page, tenant, people, stored):
    sign_in(page, people["privacy_officer"])
    page.clock.install()
    open_first(page)
    ask_for_source(page, "the customer asked")
    page.wait_for_selector(".tv-banner")
    page.clock.fast_forward("00:59")
    assert "@example.com" in page.content()
    page.clock.fast_forward("00:03")
    page.wait_for_selector("[data-open-reveal]")
    page.go_back()
    page.wait_for_load_state()
    assert "@example.com" not in page.content()
    assert page.faults == []


def test_the_analyst_is_refused_the_source(page, tenant, people, stored):
    sign_in(page, people["analyst"])
    open_first(page)
    ask_for_source(page, "I am curious")
    page.wait_for_selector("text=policy.denied")
    assert "@example.com" not in page.content()
    assert but_refusals(page.faults) == []


def test_the_auditor_verifies_the_record_and_sees_no_chat(page, tenant, people, stored):
    sign_in(page, people["auditor"])
    page.click("#nav-sidebar >> text=Audit trail")
    page.click("text=Verify the chain")
    page.wait_for_selector("text=The chain is whole.")
    page.select_option("#event", "member.added")
    page.wait_for_url("**/audit?event=member.added")
    page.click("#nav-sidebar >> text=Policies")
    page.wait_for_selector("text=analysts-read-redacted")
    assert page.locator("#nav-sidebar >> text=Conversations").count() == 0
    assert page.faults == []
    assert page.goto("/conversations").status == 403


def test_the_security_officer_looks_at_keys(page, tenant, people, stored):
    sign_in(page, people["security_officer"])
    page.click("#nav-sidebar >> text=Keys")
    page.wait_for_selector("text=Live data keys")
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
    assert but_refusals(page.faults) == []


def test_hostile_text_runs_nothing(page, tenant, people):
    hostile = '<img src=x onerror="window.hit=1"><script>window.hit=1</script> ![p](//example.org/p.gif) pay\u200bpal'
    store(tenant, item("hostile", hostile, "```html\n<script>window.hit=1</script>\n```", title=hostile))
    run_classification(tenant.id)
    sign_in(page, people["analyst"])
    open_first(page)
    assert page.evaluate("window.hit") is None
    assert page.locator(".tv-body .tv-hidden").inner_text() == "U+200B"
    assert page.locator(".tv-body :is(img, script, a)").count() == 0
    keep(page, "hostile")
    assert page.faults == []


def test_the_account_pages_look_and_work(page, tenant, people):
    user = people["analyst"]
    sign_in(page, user)
    for address in ("/accounts/2fa/", "/accounts/password/change/", "/accounts/logout/"):
        page.goto(address)
        assert page.locator("main .brand").is_visible()
    page.click("main button[type=submit]")
    page.wait_for_selector("input[name=login]")
    assert page.faults == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("role", PAGES)
def test_pages_are_accessible_in_both_themes(role, theme, page, tenant, people, stored):
    assert AlpineFinder().find("unfold/js/alpine/alpine.js")
    page.emulate_media(color_scheme=theme)
    sign_in(page, people[role])
    for address in PAGES[role]:
        if address == "TRANSCRIPT":
            open_first(page)
        else:
            page.goto(address)
        page.wait_for_function("theme => theme !== 'dark' || document.documentElement.classList.contains('dark')", arg=theme)
        assert (address, grave_faults(page)) == (address, [])
    assert page.faults == []


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_the_window(width, page, tenant, people, stored):
    page.set_viewport_size({"width": width, "height": 800})
    sign_in(page, people["privacy_officer"])
    for address in ("/", "/conversations", "TRANSCRIPT"):
        if address == "TRANSCRIPT":
            open_first(page)
        else:
            page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.faults == []


def test_the_parts_of_the_skin_work_under_the_strict_policy(page, tenant, people, stored):
    sign_in(page, people["analyst"])
    page.click(f"text={people['analyst'].username}")
    page.click("text=Dark")
    page.wait_for_function("document.documentElement.classList.contains('dark')")
    page.reload()
    page.wait_for_function("document.documentElement.classList.contains('dark')")
    page.locator("span.material-symbols-outlined:visible", has_text="dock_to_right").click()
    page.locator("#nav-sidebar").wait_for(state="hidden")
    page.set_viewport_size({"width": 390, "height": 800})
    page.locator("span.material-symbols-outlined:visible", has_text="dock_to_right").click()
    page.locator("#nav-sidebar").wait_for(state="visible")
    open_first(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.id") == "m2"
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto("/")
    page.locator("span.material-symbols-outlined:visible", has_text="dock_to_right").click()
    page.click(f"text={people['analyst'].username}")
    page.click("text=Log out")
    page.wait_for_selector("text=Are you sure you want to sign out?")
    assert page.faults == []


def test_a_new_person_sets_up_a_second_factor(page, tenant):
    user = make_person(tenant, "analyst")
    page.goto("/accounts/login/")
    page.fill("input[name=login]", user.username)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_selector("#nav-sidebar", state="attached")
    page.goto("/accounts/2fa/totp/activate/")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_selector("main img[src^='data:']")
    keep(page, "second-factor")
    page.fill("input[name=code]", totp(page.input_value("#authenticator_secret")))
    page.click("main button[type=submit]")
    page.wait_for_selector("text=Recovery Codes")
    keep(page, "recovery-codes")
    assert page.faults == []


def test_a_person_adds_a_passkey_signs_in_with_it_and_reveals(page, tenant, stored):
    """A virtual authenticator of the browser's own; no code and no password the second time."""
    user = make_person(tenant, "privacy_officer")
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
                "isUserVerified": True, "automaticPresenceSimulation": True,
            }
        },
    )  # fmt: skip
    page.goto("/accounts/login/")
    page.fill("input[name=login]", user.username)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]:not(#passkey_login)")
    page.wait_for_selector("#nav-sidebar", state="attached")
    page.goto("/accounts/2fa/webauthn/add/")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.fill("input[name=name]", "laptop")
    page.check("input[name=passwordless]")
    page.click("#mfa_webauthn_add")
    page.wait_for_url("**/accounts/2fa/**")
    page.wait_for_selector("text=Recovery")
    keep(page, "passkey")
    page.goto("/accounts/logout/")
    page.click("main button[type=submit]")
    page.goto("/accounts/login/")
    page.click("#passkey_login")
    page.wait_for_selector("#nav-sidebar", state="attached")
    open_first(page)
    ask_for_source(page, "the customer asked")
    page.wait_for_selector(".tv-banner")
    assert "@example.com" in page.content(), "the passkey was the fresh second factor"
    grow_old(page)
    open_first(page)
    page.click("[data-open-reveal]")
    keep(page, "reveal-by-passkey")
    page.click("text=Show your passkey")
    page.click("#mfa_webauthn_reauthenticate")
    page.wait_for_selector(".tv-message")
    ask_for_source(page, "the customer asked again")
    page.wait_for_selector(".tv-banner")
    assert "@example.com" in page.content(), "shown in place, the passkey is fresh again"
    page.goto("/accounts/sessions/")
    keep(page, "sessions")
    assert page.faults == []


def grow_old(page):
    """Let the second factor of the page's session be an hour old."""
    (cookie,) = [one for one in page.context.cookies() if one["name"].endswith("sessionid")]
    session = SessionStore(cookie["value"])
    session["account_authentication_methods"] = [
        {**record, "at": record["at"] - 3600} for record in session["account_authentication_methods"]
    ]
    session.save()
