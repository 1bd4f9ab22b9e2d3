"""Members and tokens as officers use them, in a real browser; a token is made and revoked by keyboard alone."""

import pytest

from tests.e2e.walking import enter, grave_faults, keep, look, tab_to

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium")]


def test_a_token_is_made_and_revoked_by_keyboard_alone(page, tenant, people, stored, live_server):
    enter(page, people["analyst"], live_server.url)
    page.goto("/tokens")
    tab_to(page, "a[href='/tokens/make']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#id_name")
    tab_to(page, "#id_name")
    page.keyboard.type("nightly import")
    tab_to(page, "[name=scopes][value=list]")
    page.keyboard.press("Space")
    keep(page, "token-make")
    tab_to(page, "[data-act]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#token")
    keep(page, "token-made")
    plain = page.locator("#token").inner_text()
    assert plain.startswith("tv_")
    assert plain not in page.url
    assert plain not in page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie, history.state])")
    tab_to(page, "a[href='/tokens']:not(nav *)")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=nightly import")
    keep(page, "tokens")
    assert plain not in page.content()
    tab_to(page, "a[href$='/revoke']")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-act]")
    tab_to(page, "[data-act]")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=The token is revoked.")
    page.go_back()
    page.go_back()
    page.wait_for_load_state()
    assert plain not in page.content()
    assert page.faults == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_member_and_token_pages_are_accessible_and_narrow(theme, page, tenant, people, stored, live_server):
    page.emulate_media(color_scheme=theme)
    enter(page, people["security_officer"], live_server.url)
    member = people["analyst"].id
    for name, address in (
        ("members", "/members"), ("invite", "/members/invite"), ("give", f"/members/{member}/give"),
        ("take", f"/members/{member}/take/analyst"), ("tokens-of-all", "/tokens?everybody=1"), ("token", "/tokens/make"),
    ):  # fmt: skip
        look(page, f"{name}-{theme}", address)
    page.goto("/members/invite")
    page.fill("#id_username", f"kim-{theme}")
    page.click("[data-act]")
    page.wait_for_selector("#link")
    keep(page, f"invited-{theme}")
    assert grave_faults(page) == []
    assert page.faults == []
