"""Detection profiles as a privacy officer works with them, in a real browser; the main task by keyboard alone."""

import pytest

from governance.identity.scoping import tenant_scope
from governance.privacy import profiling
from governance.privacy.models import DetectionProfile
from tests.conftest import as_principal, now
from tests.e2e.walking import but_forms_again, enter, grave_faults, keep, look, tab_to

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium")]
LESS = {
    "classes": {"EMAIL": "internal"},
    "deny": ["Project Falcon", "Zebulon Quigley"],
    "allow": ["support@example.com"],
    "patterns": [{"name": "ticket", "pattern": "TCK-[0-9]{6}"}],
}


def drafted(tenant, user):
    """A draft that leaves more unmasked, and the approval that waits for it."""
    officer = as_principal(tenant, user, second_factor=True)
    row, _ = profiling.draft(principal=officer, settings=LESS, reason="a new project", now=now())
    return row.id, profiling.ask_activation(principal=officer, profile_id=row.id, reason="as we agreed", now=now())


def test_a_profile_is_drafted_and_put_in_force_by_keyboard_alone(page, tenant, people, stored, live_server):
    enter(page, people["privacy_officer"], live_server.url)
    page.goto("/profiles")
    tab_to(page, "a[href='/profiles/draft']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#check >> text=This may stand as a profile.")
    tab_to(page, "#id_deny")
    page.keyboard.type("Project Falcon\nx")
    page.wait_for_selector("#check >> text=Terms that are masked, line 2: a term has at least 2 characters")
    keep(page, "profile-draft-wrong")
    assert grave_faults(page) == []
    page.keyboard.press("Backspace")
    page.wait_for_selector("#check pre >> text=Project Falcon")
    tab_to(page, "#id_reason")
    page.keyboard.type("a new project")
    tab_to(page, "[data-act]")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=It masks nothing yet")
    tab_to(page, "#id_text")
    page.keyboard.type("About project falcon")
    tab_to(page, ".tv-try button")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=About [TERM]")
    keep(page, "profile-tried")
    tab_to(page, "a.tv-back")
    page.keyboard.press("Enter")
    page.wait_for_selector("a.tv-grave")
    tab_to(page, "a.tv-grave")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-act]")
    keep(page, "profile-activate")
    tab_to(page, "[data-act]")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=is in force. A job scans anew")
    with tenant_scope(tenant.id):
        assert DetectionProfile.objects.get(state="active").reason == "a new project"
    assert page.faults == []


def test_the_json_is_where_writing_by_hand_begins(page, tenant, people, stored, live_server):
    enter(page, people["privacy_officer"], live_server.url)
    page.goto("/profiles/draft")
    page.fill("#id_deny", "Project Falcon")
    page.wait_for_selector("#check pre >> text=Project Falcon")
    page.check("[name=writing][value=json]")
    assert not page.locator("#id_deny").is_visible()
    assert '"Project Falcon"' in page.input_value("#id_document")
    page.fill("#id_document", '{"deny": "Project Falcon"}')
    page.wait_for_selector("#check >> text=has to be a list")
    page.fill("#id_reason", "r")
    page.click("[data-act]")
    page.wait_for_selector("[role=alert] >> text=has to be a list")
    assert page.input_value("#id_document") == '{"deny": "Project Falcon"}'
    assert but_forms_again(page.faults) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_profile_pages_are_accessible_and_narrow(theme, page, tenant, people, stored, live_server):
    page.emulate_media(color_scheme=theme)
    enter(page, people["privacy_officer"], live_server.url)
    look(page, f"profiles-none-{theme}", "/profiles")
    row, asked = drafted(tenant, people["privacy_officer"])
    for name, address in (
        ("profiles", "/profiles"), ("profile", f"/profiles/{row}"), ("profile-draft", "/profiles/draft"),
        ("profile-version", f"/profiles/{row}/version"), ("profile-ask", f"/profiles/{row}/ask"),
    ):  # fmt: skip
        look(page, f"{name}-{theme}", address)
    enter(page, people["security_officer"], live_server.url)
    look(page, f"profile-approval-{theme}", f"/approvals/{asked}")
    look(page, f"profile-agree-{theme}", f"/approvals/{asked}/agree")
    assert page.faults == []
