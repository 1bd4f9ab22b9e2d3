"""ATTACKS.md, row Z04: whichever way somebody asks for several rows at once, each row is decided and redacted alone."""

import html
import json
import re
from datetime import timedelta
from io import StringIO
from uuid import UUID

import pytest
from django.contrib.admin import ModelAdmin
from django.core.management import CommandError, call_command
from django.db.models import Q
from rest_framework.test import APIClient

from governance.access import authorising
from governance.access.deciding import Decision
from governance.console.site import site
from governance.identity.models import User
from governance.identity.scoping import tenant_scope
from governance.identity.tokens import mint
from governance.pipeline.running import run_classification
from governance.vault import exporting, listing
from governance.vault.models import Conversation
from governance.vault.resources import cells_found
from tests.access.policing import FORBID_MAIL, Officers
from tests.api.clients import sent
from tests.conftest import item, now, store
from tests.console.browsing import signed_in, text_of

CAPPED = "forbid (principal, action, resource is Conversation) when { resource.classification >= 2 };"
POLICIES = {"as seeded": "", "a collection forbidden": FORBID_MAIL("mail"), "a ceiling": CAPPED}


@pytest.fixture
def chats(tenant):
    """Six conversations of two collections, half of them confidential."""
    made = store(
        tenant,
        *(item(f"c-{at}", f"Write to kim{at}@example.com", collection=("bot", "mail")[at % 2]) for at in range(6)),
    )
    run_classification(tenant.id)
    ids = [one.id for one in made]
    with tenant_scope(tenant.id):
        Conversation.objects.filter(id__in=ids[:3]).update(classification=2)
        Conversation.objects.filter(id__in=ids[3:]).update(classification=1)
    return ids


def client_of(tenant, user):
    client = APIClient()
    token = mint(tenant=tenant, user=user, name="t", now=now(), life=timedelta(hours=1)).plain
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}", HTTP_THREADVAULT_PURPOSE="support")
    return client


def by_api(client, chat):
    answer = client.get(f"/api/v1/conversations/{chat}/messages")
    return "".join(answer.json()["results"][0]["text"]) if answer.status_code == 200 else None


def by_console(browser, chat):
    answer = browser.get(f"/conversations/{chat}")
    return text_of(answer) if answer.status_code == 200 else None


def by_export(client):
    """The text of the first message of each conversation that an export holds, by id; nothing where it is refused."""
    answer = client.get("/api/v1/conversations:export")
    if answer.status_code != 200:
        return {}
    lines, _ = sent(answer)
    found = (json.loads(line) for line in lines)
    return {UUID(one["id"]): "".join(one["messages"][0]["text"]) for one in found}


def as_page(text):
    """The text as a page shows it: a mark becomes a badge of its kind and its pseudonym."""
    return " ".join(re.sub(r"\[([A-Z_]+)[·_:](\w+)\]", r" \1 ·\2 ", text).split())


def by_command(tenant, user, chat):
    out = StringIO()
    try:
        call_command(
            "read",
            str(chat),
            "--tenant",
            tenant.slug,
            "--purpose",
            "support",
            "--member",
            user.username,
            "--json",
            stdout=out,
        )
    except CommandError:
        return None
    return "".join(json.loads(out.getvalue())["messages"][0]["text"])


def listed(client, browser):
    """The ids in the list of the API and the ids to which the list of the console leads."""
    answer = client.get("/api/v1/conversations?page_size=100")
    of_api = {row["id"] for row in answer.json()["results"]} if answer.status_code == 200 else set()
    page = browser.get("/conversations").content.decode()
    return of_api, page


@pytest.mark.parametrize("rule", POLICIES)
@pytest.mark.parametrize("role", ["analyst", "privacy_officer", "security_officer", "auditor"])
def test_z04_every_way_gives_the_same_answer(role, rule, tenant, people, chats):
    if POLICIES[rule]:
        Officers(tenant).put_in_force("rule", POLICIES[rule])
    user = people[role]
    client, browser = client_of(tenant, user), signed_in(user)
    of_api, page = listed(client, browser)
    exported = by_export(client)
    opened = 0
    for chat in chats:
        ways = by_api(client, chat), by_console(browser, chat), by_command(tenant, user, chat)
        allowed = {way is not None for way in ways}
        assert allowed == {str(chat) in of_api} == {f"/conversations/{chat}" in page} == {chat in exported}
        assert exported.get(chat) == ways[0]
        if allowed == {True}:
            opened += 1
            assert "[EMAIL" in ways[0]
            assert ways[0] == ways[2]
            assert as_page(ways[0]) in ways[1]
            assert not any("@example.com" in text for text in ways)
    expected = {"as seeded": 6, "a collection forbidden": 3, "a ceiling": 3}[rule]
    assert opened == (expected if role in {"analyst", "privacy_officer"} else 0)


def test_z04_control_a_list_that_does_not_ask_differs(tenant, people, chats, monkeypatch):
    Officers(tenant).put_in_force("rule", FORBID_MAIL("mail"))
    client, browser = client_of(tenant, people["analyst"]), signed_in(people["analyst"])
    refused = {str(chat) for chat in chats if by_api(client, chat) is None}
    monkeypatch.setattr(listing, "visible", lambda **_: listing.Visible(Q(), cells_found()))
    assert listed(client, browser)[0] == set(), "the grant asks once more for each row, and refuses the list whole"

    def allow_all(*, cells, **_):
        return {cell: Decision(allowed=True) for cell in cells}

    monkeypatch.setattr(authorising, "decide_cells", allow_all)
    assert refused & listed(client, browser)[0]


def test_z04_control_an_export_that_does_not_ask_differs(tenant, people, chats, monkeypatch):
    Officers(tenant).put_in_force("rule", FORBID_MAIL("mail"))
    client = client_of(tenant, people["analyst"])
    assert len(by_export(client)) == 3
    monkeypatch.setattr(exporting, "visible", lambda **_: listing.Visible(Q(), cells_found()))
    assert by_export(client) == {}, "the grant asks once more for each row, and refuses the page whole"

    def allow_all(*, cells, **_):
        return {cell: Decision(allowed=True) for cell in cells}

    monkeypatch.setattr(authorising, "decide_cells", allow_all)
    assert len(by_export(client)) == 6


def loose_parts(console) -> list[str]:
    """What of a console changes or shows many rows past the single path: actions, edits in lists, sets of forms."""
    found = []
    for model, pages in console._registry.items():
        ours = set(pages.actions)
        found += [f"{model.__name__}.actions"] * bool(ours) + [f"{model.__name__}.list_editable"] * bool(pages.list_editable)
        found += [f"{model.__name__}.inlines"] * bool(pages.inlines)
    return found + [f"site action {name}" for name in dict(console.actions)]


def test_z04_the_console_has_no_way_to_change_rows_in_bulk():
    assert loose_parts(site) == []


def test_z04_control_a_list_that_can_be_edited_is_found():
    class Loose(ModelAdmin):
        list_display = ("username", "is_active")
        list_editable = ("is_active",)

    site.register(User, Loose)
    try:
        assert loose_parts(site) == ["User.list_editable"]
    finally:
        site.unregister(User)


def test_z04_a_batch_refuses_each_item_alone_and_writes_none_of_another_tenant(tenant, people):
    """Edited ids in a bulk body: they are members of the schema or errors, never keys of rows."""
    producer = User.objects.get(memberships__tenant=tenant, memberships__role="producer")
    client = client_of(tenant, producer)
    foreign = {**item("c-2", "hello"), "id": "00000000-0000-0000-0000-000000000001", "tenant_id": "x"}
    answer = client.post("/api/v1/conversations:batch", {"items": [item("c-1", "hello"), foreign]}, format="json")
    assert answer.status_code == 207
    first, second = answer.json()["results"]
    assert (first["status"], second["status"]) == (201, 422)


def without_brackets(value):
    """The item as the console's JSON shows it once its markup is gone: a mark is a badge without its brackets."""
    return json.loads(re.sub(r"\[([A-Z_]+·\w+)\]", r"\1", json.dumps(value, ensure_ascii=False)))


@pytest.mark.parametrize("role", ["analyst", "privacy_officer"])
def test_z04_the_json_of_the_console_is_the_item_of_the_api_and_of_the_command(role, tenant, people, chats):
    client, browser = client_of(tenant, people[role]), signed_in(people[role])
    for chat in chats:
        of_api = [one["item"] for one in client.get(f"/api/v1/conversations/{chat}/messages").json()["results"]]
        shown = browser.get(f"/conversations/{chat}").context["messages_shown"]
        of_console = [json.loads(html.unescape(re.sub(r"<[^>]*>", "", str(one.raw)))) for one in shown]
        assert of_console == [without_brackets(one) for one in of_api]


def test_z04_console_and_api_say_the_same_readers_and_the_same_reasons(tenant, people, chats):
    Officers(tenant).put_in_force("rule", FORBID_MAIL("mail"))
    auditor, analyst = (client_of(tenant, people[role]) for role in ("auditor", "analyst"))
    of_auditor, of_analyst = signed_in(people["auditor"]), signed_in(people["analyst"])
    for chat in chats:
        listed_readers = auditor.get(f"/api/v1/conversations/{chat}/readers?page_size=100").json()["results"]
        page = of_auditor.get(f"/conversations/{chat}/readers").context["readers"]
        assert [(one["username"], one["purpose"], one["view"]) for one in listed_readers] == [
            (one.username, one.purpose, one.view) for one in page
        ]
        asked = {"action": "read_redacted", "purpose": "support"}
        said = analyst.post(f"/api/v1/conversations/{chat}:explain", asked, format="json").json()
        found = of_analyst.post(f"/conversations/{chat}/why", asked).context["found"]
        assert (found.allowed, list(found.policies)) == (said["allowed"], said["policies"])
