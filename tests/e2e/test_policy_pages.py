"""Policies as security officers and auditors use them, in a real browser under the strict policy; the main task by keyboard."""

import pytest

from governance.access.models import AccessPolicy
from governance.identity.scoping import tenant_scope
from tests.access.policing import FORBID_MAIL, Officers
from tests.conftest import make_person
from tests.e2e.walking import but_refusals, enter, grave_faults, keep, look, tab_to

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium")]
DRAFT = "/policies/draft"


def policy_id(tenant, name):
    with tenant_scope(tenant.id):
        return AccessPolicy.objects.get(name=name).id


def test_what_is_written_is_checked_while_it_is_written(page, tenant, people, stored, live_server):
    enter(page, people["security_officer"], live_server.url)
    page.goto("/policies")
    page.click("text=Draft a policy")
    page.wait_for_selector("#check >> text=Choose actions")
    page.fill("#id_name", "no-quality")
    page.check("[name=effect][value=forbid]")
    page.check("[name=roles][value=analyst]")
    page.check("[name=actions][value=read_redacted]")
    page.wait_for_selector("#check >> text=This may stand as a policy.")
    assert "forbid (principal" in page.locator("#check pre").inner_text()
    keep(page, "policy-draft")
    assert not page.locator("#id_cedar").is_visible()
    page.check("[name=writing][value=cedar]")
    assert "forbid (principal" in page.input_value("#id_cedar")
    page.fill("#id_cedar", 'permit (principal, action == Action::"fly", resource);')
    page.wait_for_selector("#check >> text=unrecognized action")
    keep(page, "policy-draft-wrong")
    assert page.faults == []


def test_a_policy_is_drafted_asked_for_and_approved_by_keyboard_alone(page, tenant, people, stored, live_server):
    enter(page, people["security_officer"], live_server.url)
    page.goto("/policies")
    tab_to(page, f"a[href='{DRAFT}']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#check >> text=Choose actions")
    tab_to(page, "#id_name")
    page.keyboard.type("no-quality")
    tab_to(page, "[name=effect]")
    page.keyboard.press("ArrowDown")
    tab_to(page, "[name=roles][value=analyst]")
    page.keyboard.press("Space")
    tab_to(page, "[name=actions][value=read_redacted]")
    page.keyboard.press("Space")
    tab_to(page, "#id_reason")
    page.keyboard.type("less is enough")
    tab_to(page, "[data-act]")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=It decides nothing yet")
    keep(page, "policy")
    tab_to(page, "a.tv-grave")
    page.keyboard.press("Enter")
    page.wait_for_selector("#id_reason")
    keep(page, "policy-ask")
    tab_to(page, "#id_reason")
    page.keyboard.type("agreed on Monday")
    tab_to(page, "[data-act]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/approvals/*")
    approval = page.url
    for person, link, said in (
        (make_person(tenant, "security_officer"), "/agree", "You agreed."),
        (people["security_officer"], "/carry-out", "is in force"),
    ):
        enter(page, person, live_server.url)
        page.goto(approval)
        tab_to(page, f"a[href$='{link}']")
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-act]")
        tab_to(page, "[data-act]")
        page.keyboard.press("Enter")
        page.wait_for_selector(f"text={said}")
    assert page.faults == []


def test_who_can_read_and_why_not_where_the_question_comes_up(page, tenant, people, stored, live_server):
    Officers(tenant).put_in_force("rule", FORBID_MAIL("support-bot"))
    enter(page, people["analyst"], live_server.url)
    page.goto(f"/conversations/{stored[0]}")
    page.click("text=Why can I not?")
    page.wait_for_selector("text=A policy forbids it.")
    keep(page, "why")
    enter(page, people["auditor"], live_server.url)
    page.goto("/audit?event=grant.refused")
    keep(page, "trail")
    page.click("text=Why was this refused?")
    page.wait_for_selector("text=This is what the policies of today say.")
    page.go_back()
    page.locator("text=Who can read").first.click()
    page.wait_for_selector("text=Nobody can read it")
    keep(page, "readers-none")
    assert but_refusals(page.faults) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_policy_pages_are_accessible_and_narrow(theme, page, tenant, people, stored, live_server):
    page.emulate_media(color_scheme=theme)
    enter(page, people["security_officer"], live_server.url)
    row = policy_id(tenant, "privacy-officers-read-source")
    newer = Officers(tenant).draft("privacy-officers-read-source", FORBID_MAIL("mail")).id
    for name, address in (
        ("policies", "/policies"), ("policy-one", f"/policies/{row}"), ("policy-diff", f"/policies/{newer}"),
        ("policy-version", f"/policies/{row}/version"), ("policy-new", DRAFT),
    ):  # fmt: skip
        look(page, f"{name}-{theme}", address)
    page.goto(f"/policies/{newer}")
    page.click("button:has-text('Dry run')")
    page.wait_for_selector(".tv-cards")
    keep(page, f"dry-run-{theme}")
    assert grave_faults(page) == []
    assert page.faults == []
