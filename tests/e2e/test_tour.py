"""docs/tour.md, walked from a chat that a program sends to the verified record; its pictures are made here."""

import json
from urllib.request import Request, urlopen

import pytest
from django.core.management import call_command

from governance.identity.models import User
from governance.pipeline.running import run_classification
from tests.api.clients import token_of
from tests.conftest import make_person
from tests.e2e.walking import but_refusals, enter, keep, sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium")]
TEXT = "Call me at +1 415 555 2671"


@pytest.fixture
def chat(tenant, people, live_server):
    """Step 1: a program sends a chat with its token, and a worker redacts it."""
    producer = User.objects.get(memberships__tenant=tenant, memberships__role="producer")
    token = token_of(tenant, producer)
    said = [{"role": "user", "content": TEXT}, {"role": "assistant", "content": "I will call you today."}]
    body = json.dumps({"items": [{"collection": "support-bot", "messages": said}]}).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with urlopen(Request(f"{live_server.url}/api/v1/conversations:batch", body, headers)) as answer:
        told = json.load(answer)["results"][0]
    assert told["status"] == 201
    run_classification(tenant.id)
    return told["id"]


def read_redacted(page, chat):
    page.click("#nav-sidebar >> text=Conversations")
    page.click(f"a[href='/conversations/{chat}']")
    page.wait_for_selector(".tv-message")
    assert page.locator(".tv-mark").first.inner_text().startswith("PHONE")
    assert "2671" not in page.content()


def reveal(page, chat):
    page.goto(f"/conversations/{chat}")
    page.click("[data-open-reveal]")
    page.fill("#reveal-reason", "the customer asks to be called back")
    keep(page, "tour-reveal")
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".tv-banner")
    assert TEXT in page.content()
    keep(page, "tour-revealed")


def rotate(page):
    page.click("#nav-sidebar >> text=Keys")
    page.click(".tv-ring >> text=Content")
    page.click("a:has-text('Rotate …')")
    page.fill("#id_reason", "the tour")
    page.click("[data-act]")
    page.wait_for_selector("text=content/2 is active now.")
    keep(page, "tour-rotated")


def draft(page):
    page.goto("/policies/draft")
    page.wait_for_selector("#check >> text=Choose actions")
    page.fill("#id_name", "no-analysts")
    page.check("[name=effect][value=forbid]")
    page.check("[name=roles][value=analyst]")
    page.check("[name=actions][value=read_redacted]")
    page.wait_for_selector("#check >> text=This may stand as a policy.")
    page.fill("#id_reason", "the tour")
    keep(page, "tour-policy")
    page.click("[data-act]")
    page.wait_for_selector("text=It decides nothing yet")
    page.click("a.tv-grave")
    page.fill("#id_reason", "as we agreed")
    page.click("[data-act]")
    page.wait_for_url("**/approvals/*")
    return page.url


def act(page, link, said):
    page.click(f"a[href$='{link}']")
    page.click("[data-act]")
    page.wait_for_selector(f"text={said}")


def test_the_tour(page, tenant, people, chat, live_server, tmp_path):
    sign_in(page, people["analyst"])
    keep(page, "tour-landing")
    read_redacted(page, chat)
    keep(page, "tour-redacted")

    enter(page, people["privacy_officer"], live_server.url)
    reveal(page, chat)

    enter(page, people["security_officer"], live_server.url)
    page.goto("/")
    keep(page, "tour-officer")
    rotate(page)
    approval = draft(page)
    enter(page, make_person(tenant, "security_officer"), live_server.url)
    page.goto(approval)
    keep(page, "tour-approval")
    act(page, "/agree", "You agreed.")
    enter(page, people["security_officer"], live_server.url)
    page.goto(approval)
    act(page, "/carry-out", "is in force")

    enter(page, people["analyst"], live_server.url)
    page.goto(f"/conversations/{chat}")
    page.wait_for_selector("text=policy.denied")
    page.click("text=Why can I not?")
    page.wait_for_selector("text=A policy forbids it.")
    keep(page, "tour-why")

    enter(page, people["auditor"], live_server.url)
    page.goto("/audit")
    page.click("text=Verify the chain")
    page.wait_for_selector("text=The chain is whole.")
    keep(page, "tour-audit")
    assert but_refusals(page.faults) == []


def test_the_tours_training_set(tenant, people, chat, tmp_path):
    from tests.conftest import totp

    officer = people["security_officer"]
    given = {"member": officer.username, "code": totp(officer.totp_secret)}
    call_command("collections", "allow", "support-bot", "training", **given)
    wanted = {"purpose": "training", "format": "openai-jsonl", "collection": "support-bot"}
    call_command("export", tmp_path / "training.jsonl", member=people["analyst"].username, **wanted)
    [line] = (tmp_path / "training.jsonl").read_text().splitlines()
    assert json.loads(line)["messages"][0]["content"].startswith("Call me at [PHONE")
    manifest = json.loads((tmp_path / "training.jsonl.manifest.json").read_text())
    assert (manifest["conversations"], manifest["complete"]) == (1, True)
