"""Who may open which page, and what stands there."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from governance.console.site import urlpatterns
from governance.identity.members import add_member
from governance.identity.models import User
from tests.conftest import OPERATOR, PASSWORD, item, make_person, make_tenant, store
from tests.console.browsing import refusals, signed_in, text_of

# name of the page -> roles to which it is open; a page without a row fails the test below.
OPEN = {
    "index": {"analyst", "privacy_officer", "security_officer", "auditor"},
    "conversations": {"analyst", "privacy_officer"},
    "conversation": {"analyst", "privacy_officer"},
    "readers": {"auditor"},
    "keys": {"security_officer", "auditor"},
    "providers": {"security_officer", "auditor"},
    "jobs": {"security_officer"},
    "rescan": {"security_officer"},
    "ingest": {"security_officer"},
    "approvals": {"analyst", "privacy_officer", "security_officer", "auditor"},
    "health": {"security_officer", "auditor"},
    "policies": {"security_officer", "auditor"},
    "policy-draft": {"security_officer"},
    "profiles": {"privacy_officer", "security_officer"},
    "profile-draft": {"privacy_officer"},
    "members": {"security_officer"},
    "member-invite": {"security_officer"},
    "tokens": {"analyst", "privacy_officer", "security_officer", "auditor"},
    "token-make": {"analyst", "privacy_officer", "security_officer", "auditor"},
    "audit": {"auditor"},
}
POSTS = {"purpose", "reveal", "verify", "audit-export", "tenant", "why", "why-act", "policy-check", "profile-check", "copy"}
OF_CONVERSATIONS = {"conversation", "reveal", "readers", "why", "copy"}
ROWS = (
    "<int:number>",
    "<uuid:user_id>",
    "<uuid:token_id>",
    "<uuid:policy_id>",
    "<uuid:profile_id>",
    "<int:sequence>",
    "<uuid:ring_id>",
    "<uuid:version_id>",
    "<uuid:job_id>",
    "<uuid:approval_id>",
)  # tests/security/access_matrix.txt
ROLES = ("analyst", "privacy_officer", "security_officer", "auditor")


def address(name, stored):
    return reverse(f"console:{name}", args=[stored[0]] if name in OF_CONVERSATIONS else [])


def test_every_page_has_a_row():
    named = {pattern.name for pattern in urlpatterns if not any(row in str(pattern.pattern) for row in ROWS)}
    assert named == OPEN.keys() | POSTS


@pytest.mark.parametrize("role", ROLES)
def test_it_opens_pages_by_policy_and_records_refusals(role, tenant, people, stored):
    client = signed_in(people[role])
    for name, roles in OPEN.items():
        before = refusals(tenant, repeated=True)
        response = client.get(address(name, stored))
        expected = 200 if role in roles else 403
        assert (name, response.status_code) == (name, expected)
        assert (name, refusals(tenant, repeated=True) - before) == (name, 0 if expected == 200 else 1)


@pytest.mark.parametrize("role", ROLES)
def test_the_sidebar_shows_what_is_open(role, people, stored):
    page = signed_in(people[role]).get("/").content.decode()
    for name in (
        "conversations", "keys", "policies", "audit", "approvals", "jobs", "ingest", "health", "members", "tokens",
    ):  # fmt: skip
        shown = f'href="{reverse(f"console:{name}")}"' in page
        assert (name, shown) == (name, role in OPEN[name])


def test_it_sends_strangers_to_sign_in(stored):
    for name in OPEN:
        response = Client().get(address(name, stored))
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/?next=")


@pytest.mark.parametrize("name", sorted(POSTS))
def test_what_acts_takes_no_get(name, people, stored):
    assert signed_in(people["auditor"]).get(address(name, stored)).status_code == 405


def test_what_acts_needs_the_token_of_its_form(people, stored):
    client = Client(enforce_csrf_checks=True)
    client.force_login(people["auditor"])
    for name in POSTS:
        response = client.post(address(name, stored))
        assert response.status_code == 403
        assert "Send the form again" in text_of(response)


def test_a_superuser_without_a_role_sees_nothing(tenant, stored):
    root = User.objects.create_superuser("root", "", PASSWORD)
    for name in OPEN:
        response = signed_in(root).get(address(name, stored))
        assert response.status_code == 403
        assert "holds no role" in text_of(response)


def test_a_member_of_another_tenant_gets_not_found(stored):
    outsider = make_person(make_tenant(), "privacy_officer")
    response = signed_in(outsider).get(address("conversation", stored))
    assert response.status_code == 404
    assert "There is no conversation with this id." in text_of(response)
    assert not signed_in(outsider).get("/conversations").context["lines"]


def test_the_list_shows_redacted_titles_and_filters(tenant, people, stored):
    store(tenant, item("pending", collection="other", title="Never scanned"))
    client = signed_in(people["analyst"])
    assert len(client.get("/conversations").context["lines"]) == 4
    waiting = client.get("/conversations?state=pending")
    assert len(waiting.context["lines"]) == 1
    assert "Never scanned" not in text_of(waiting)
    assert "not scanned yet" in text_of(waiting)
    assert len(client.get("/conversations?collection=other").context["lines"]) == 1
    assert "Nothing matches these filters" in text_of(client.get("/conversations?collection=nowhere"))
    assert len(client.get("/conversations?before=nonsense").context["lines"]) == 4
    assert client.get("/conversations?collection=%00&state=%00").status_code == 200


def test_the_list_goes_on_to_older_ones(tenant, people, monkeypatch, stored):
    monkeypatch.setattr("governance.console.conversations.PAGE", 2)
    client = signed_in(people["analyst"])
    first = client.get("/conversations")
    second = client.get(f"/conversations?{first.context['older']}")
    ids = [line["listed"].id for page in (first, second) for line in page.context["lines"]]
    assert ids == sorted(stored, reverse=True)


def test_the_transcript_is_redacted(people, stored):
    page = signed_in(people["privacy_officer"]).get(address("conversation", stored))
    assert (
        '<mark class="tv-mark" tabindex="0" role="note" data-tip="Masked: email, by the detector ' in page.content.decode()
    )
    assert "kim0@example.com" not in page.content.decode()
    assert page["Cache-Control"] == "no-store, private"


def test_the_transcript_says_why_something_is_withheld(tenant, people):
    (result,) = store(tenant, item("pending"))
    page = signed_in(people["analyst"]).get(reverse("console:conversation", args=[result.id]))
    assert "Withheld: not scanned yet." in text_of(page)


def test_a_long_transcript_comes_in_pages(tenant, people):
    from governance.pipeline.running import run_classification

    (result,) = store(tenant, item("long", *(f"line {number}" for number in range(520))))
    while run_classification(tenant.id).claimed:
        pass
    client = signed_in(people["analyst"])
    first = client.get(reverse("console:conversation", args=[result.id]))
    assert 'id="m500"' in first.content.decode()
    assert "?after=499" in first.content.decode()
    second = client.get(reverse("console:conversation", args=[result.id]) + "?after=499")
    assert [message.anchor for message in second.context["messages_shown"]][::19] == ["m501", "m520"]
    odd = client.get(reverse("console:conversation", args=[result.id]) + "?after=99999999999999999999")
    assert odd.status_code == 200


def test_the_purpose_is_one_of_the_tenants(people, stored):
    client = signed_in(people["analyst"])
    client.post("/conversations/purpose", {"purpose": "quality"})
    assert client.get("/conversations").context["purpose"] == "quality"
    client.post("/conversations/purpose", {"purpose": "curiosity"})
    assert client.get("/conversations").context["purpose"] == "quality"


def test_a_person_of_two_tenants_switches(tenant, people, stored):
    other = make_tenant()
    add_member(tenant=other, user=people["analyst"], role="auditor", actor=OPERATOR)
    client = signed_in(people["analyst"])
    assert len(client.get("/").context["vault_tenants"]) == 2
    for chosen in (tenant, other):
        client.post("/tenant", {"tenant": str(chosen.id)})
        assert client.get("/").context["vault_tenant"] == chosen
    assert client.get(address("conversation", stored)).status_code == 404
    assert client.post("/tenant", {"tenant": str(make_tenant().id)}).status_code == 404


def test_keys_are_shown_without_their_bytes_or_places(people, stored):
    page = signed_in(people["security_officer"]).get("/keys")
    assert {ring.use for ring in page.context["rings"]} >= {"Content", "Redacted forms"}
    assert any(ring.shown.data_keys for ring in page.context["rings"])
    assert "root.key" not in page.content.decode()


@pytest.mark.parametrize("role", ROLES)
def test_no_page_runs_code_of_its_own(role, people, stored):
    client = signed_in(people[role])
    for name in OPEN:
        response = client.get(address(name, stored))
        page = response.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", page), name
        assert not re.search(r"\son[a-z]+\s*=\s*[\"']", page), name
        assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", page), name
        policy = [directive.strip() for directive in response["Content-Security-Policy"].split(";")]
        assert {"default-src 'none'", "script-src 'self'"} <= set(policy)
        assert not [directive for directive in policy if "unsafe-eval" in directive]


def test_an_inactive_person_is_signed_out(people):
    client = signed_in(people["auditor"])
    people["auditor"].is_active = False
    people["auditor"].save()
    assert client.get("/audit").status_code == 302


def test_unknown_addresses_get_a_plain_page(people):
    response = signed_in(people["auditor"]).get("/nothing-here")
    assert response.status_code == 404
    assert "There is no page at this address" in text_of(response)


def test_the_sign_in_page_offers_no_sign_up(transactional_db):
    page = Client().get("/accounts/login/")
    assert page.status_code == 200
    assert "sign up" not in text_of(page).lower()
