"""Policies in the console: what is shown, checked while typing, drafted, tried, asked for and carried out; and why not."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.access.models import AccessPolicy
from governance.approvals.models import Approval
from governance.audit.models import AuditEntry
from governance.console.policy_acts import CHECKS_A_MINUTE
from governance.identity.scoping import tenant_scope
from tests.access.policing import FORBID_MAIL, Officers
from tests.console.browsing import entries, refusals, signed_in, text_of
from tests.console.officers import officer_client
from tests.security.matrix import fingerprint

BY_FORM = {
    "writing": "form",
    "effect": "forbid",
    "roles": ["analyst"],
    "actions": ["read_redacted"],
    "purposes": ["quality"],
}
NARROW = 'forbid (principal, action == Action::"read_redacted", resource) when { context.purpose == "quality" };'


@pytest.fixture
def officer(tenant):
    return officer_client(tenant)


def policy_named(tenant, name, **fields):
    with tenant_scope(tenant.id):
        return AccessPolicy.objects.filter(name=name, **fields).latest("version")


def drafted(client, tenant, name="no-quality", **given):
    answer = client.post("/policies/draft", {"name": name, "reason": "less is enough", **BY_FORM, **given})
    assert answer.status_code == 303, text_of(answer)
    return policy_named(tenant, name)


def test_the_list_shows_what_decides_and_leads_to_each(tenant, officer, people):
    page = text_of(officer.get("/policies"))
    assert "analysts-read-redacted" in page
    assert "Draft a policy" in page
    assert "Draft a policy" not in text_of(signed_in(people["auditor"]).get("/policies"))


def test_a_version_stands_as_form_and_as_cedar(tenant, officer, people):
    row = policy_named(tenant, "analysts-read-redacted")
    for client in (officer, signed_in(people["auditor"])):
        page = text_of(client.get(f"/policies/{row.id}"))
        assert row.cedar.splitlines()[1] in page
        assert "Roles analyst Actions export, list, read_redacted, search" in page
    assert "Ask to take it out of force" in text_of(officer.get(f"/policies/{row.id}"))
    assert "Ask to take it out of force" not in page
    by_hand = policy_named(tenant, "people-do-not-classify")
    assert "The form cannot say this policy" in text_of(officer.get(f"/policies/{by_hand.id}"))


def test_the_form_writes_cedar_and_a_draft_decides_nothing(tenant, officer, people, stored):
    row = drafted(officer, tenant)
    assert row.cedar.startswith('@id("no-quality")\nforbid (principal, action in [Action::"read_redacted"], resource)')
    assert (row.state, row.reason) == ("draft", "less is enough")
    assert entries(tenant, event="policy.drafted")[-1]["policy"] == str(row.id)
    assert signed_in(people["analyst"]).get(f"/conversations/{stored[0]}").status_code == 200


def test_a_new_version_begins_as_the_last_one_says_it(tenant, officer):
    row = policy_named(tenant, "analysts-read-redacted")
    page = officer.get(f"/policies/{row.id}/version")
    form = page.context["form"]
    assert (form["writing"].value(), form["roles"].value()) == ("form", ["analyst"])
    assert 'value="analyst" id="id_roles_0" checked' in page.content.decode()
    answer = officer.post(f"/policies/{row.id}/version", {"writing": "cedar", "cedar": NARROW, "reason": "r", "name": "x"})
    assert answer.status_code == 303
    newer = policy_named(tenant, "analysts-read-redacted")
    assert (newer.version, newer.cedar) == (2, NARROW)
    shown = text_of(officer.get(f"/policies/{newer.id}"))
    assert "What differs from version 1, which is in force" in shown
    assert f"+{NARROW}" in shown


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"name": "Big Name"}, "small letters"),
        ({"writing": "cedar", "cedar": "permit all"}, "access.policy_invalid"),
        ({"actions": []}, "Choose actions"),
        ({"actions": ["list", "manage_keys"]}, "two policies"),
        ({"reason": ""}, "Say why"),
        ({"writing": "cedar", "cedar": ""}, "access.policy_invalid"),
        ({"not_before": "yesterday"}, "From (UTC)"),
    ],
)
def test_what_is_wrong_is_said_above_the_form_which_stays_filled(given, text, tenant, officer):
    before = fingerprint()
    answer = officer.post("/policies/draft", {"name": "kept", "reason": "because", **BY_FORM, **given})
    assert answer.status_code in {400, 422}
    assert text in text_of(answer)
    assert answer.context["form"]["roles"].value() == ["analyst"]
    assert fingerprint() == before


def check(client, **given):
    return client.post("/policies/check", {"name": "p", "writing": "form", **given})


def test_what_is_typed_is_checked_and_nothing_is_kept(officer):
    before = fingerprint()
    good = check(officer, **BY_FORM)
    assert "This may stand as a policy." in text_of(good)
    assert 'forbid (principal, action in [Action::"read_redacted"], resource)' in text_of(good)
    by_hand = check(officer, writing="cedar", cedar=NARROW)
    assert "Effect Forbids, whatever else permits it" in text_of(by_hand)
    for wrong in ({"writing": "cedar", "cedar": "permit ("}, {"actions": ["fly"]}, {"writing": "neither"}, {"lowest": "x"}):
        answer = check(officer, **wrong)
        assert answer.status_code == 200
        assert "tv-problem" in answer.content.decode(), wrong
    assert fingerprint() == before


def test_checks_are_limited(officer, monkeypatch):
    assert CHECKS_A_MINUTE >= 60
    monkeypatch.setattr("governance.console.policy_acts.CHECKS_A_MINUTE", 2)
    assert [check(officer, **BY_FORM).status_code for _ in range(3)] == [200, 200, 429]


def test_a_dry_run_says_what_would_change(tenant, officer, people, stored):
    for _ in range(2):
        assert signed_in(people["analyst"]).get(f"/conversations/{stored[0]}").status_code == 200
    row = drafted(officer, tenant, purposes=["support"])
    answer = officer.post(f"/policies/{row.id}/dry-run", {"last": "100"})
    assert answer.context["found"].changes
    page = text_of(answer)
    assert "Newly refused" in page
    assert people["analyst"].username in page
    assert entries(tenant, event="access.explained")[-1]["kind"] == "dry_run"
    assert officer.post(f"/policies/{row.id}/dry-run", {"last": "7"}).status_code == 422


def test_two_people_put_a_policy_in_force_and_out_again(tenant, officer, people, stored):
    second, reader = officer_client(tenant), signed_in(people["analyst"])
    row = drafted(officer, tenant, purposes=["support"])
    for before, after in (("draft", "active"), ("active", "retired")):
        assert policy_named(tenant, "no-quality").state == before
        asked = officer.post(f"/policies/{row.id}/ask", {"reason": "agreed in the meeting"})
        assert asked.status_code == 303
        with tenant_scope(tenant.id):
            approval = Approval.objects.latest("id")
        assert f'href="/policies/{row.id}"' in officer.get(asked["Location"]).content.decode()
        assert officer.post(f"/approvals/{approval.id}/agree").status_code == 409, "never the one who asked"
        assert second.post(f"/approvals/{approval.id}/agree").status_code == 303
        assert officer.post(f"/approvals/{approval.id}/carry-out").status_code == 303
        assert policy_named(tenant, "no-quality").state == after
        expected = 403 if after == "active" else 200
        assert reader.get(f"/conversations/{stored[0]}").status_code == expected


def test_a_second_person_who_manages_no_policies_reads_what_they_agree_to(tenant, officer, people, stored):
    second, row = officer_client(tenant, "privacy_officer"), drafted(officer, tenant)
    assert second.get(f"/policies/{row.id}").status_code == 403
    asked = officer.post(f"/policies/{row.id}/ask", {"reason": "agreed in the meeting"})["Location"]
    line = '+forbid (principal, action in [Action::"read_redacted"], resource)'
    before = refusals(tenant)
    for address in (asked, f"{asked}/agree", f"{asked}/refuse", f"/policies/{row.id}"):
        page = second.get(address)
        assert page.status_code == 200, address
        assert line in text_of(page), address
        assert "Roles analyst Actions read_redacted Purposes quality" in text_of(page), address
    assert (refusals(tenant), "All versions" in text_of(page), "Dry run" in text_of(page)) == (before, False, False)
    for address in (asked, f"/policies/{row.id}"):
        refused = signed_in(people["analyst"]).get(address)
        assert refused.status_code == 403, address
        assert "read_redacted" not in text_of(refused), address
    assert second.post(f"/policies/{row.id}/dry-run", {"last": "100"}).status_code == 403
    assert second.post(f"{asked}/agree").status_code == 303
    assert line in text_of(second.get(asked)), "what somebody agreed to stays open to them"
    third = officer_client(tenant, "privacy_officer").get(asked)
    assert third.status_code == 200
    assert line not in text_of(third), "nobody asks them any more"


def test_a_policy_that_is_to_go_is_shown_as_what_goes(tenant, officer):
    row = policy_named(tenant, "analysts-read-redacted")
    asked = officer.post(f"/policies/{row.id}/ask", {"reason": "too wide"})["Location"]
    page = text_of(officer_client(tenant, "privacy_officer").get(f"{asked}/agree"))
    assert "What would not decide any more" in page
    assert f"-{row.cedar.splitlines()[1]}" in page


def test_a_refused_reader_is_told_why(tenant, people, stored):
    Officers(tenant).put_in_force("rule", FORBID_MAIL("support-bot"))
    reader = signed_in(people["analyst"])
    page = reader.get(f"/conversations/{stored[0]}")
    assert page.status_code == 403
    assert f'action="/conversations/{stored[0]}/why"' in page.content.decode()
    before = refusals(tenant)
    answer = reader.post(f"/conversations/{stored[0]}/why", {"action": "read_redacted", "purpose": "support"})
    assert "A policy forbids it." in text_of(answer)
    assert "rule@1" in text_of(answer)
    assert refusals(tenant) == before


def test_the_refused_reveal_and_a_refused_page_are_explained(tenant, people, stored):
    reader = officer_client(tenant, "analyst")
    page = reader.post(f"/conversations/{stored[0]}/reveal", {"purpose": "quality", "reason": "r"})
    assert 'value="read_source"' in page.content.decode()
    assert 'name="purpose" value="quality"' in page.content.decode()
    answer = text_of(reader.post(f"/conversations/{stored[0]}/why", {"action": "read_source", "purpose": "quality"}))
    assert "No policy permits it." in answer
    assert "Somebody who holds the role privacy_officer may." in answer
    refused = reader.get("/keys")
    assert 'value="manage_keys"' in refused.content.decode()
    answer = text_of(reader.post("/why", {"action": "manage_keys"}))
    assert "Somebody who holds the role security_officer may. By security-officers-act@1" in answer


def test_the_auditor_sees_who_can_read_and_why_an_entry_was_decided(tenant, people, stored):
    signed_in(people["security_officer"]).get(f"/conversations/{stored[0]}")
    auditor = signed_in(people["auditor"])
    page = auditor.get(f"/conversations/{stored[0]}/readers")
    text = text_of(page)
    assert f"{people['analyst'].username} quality visibility_off all: the redacted view not needed no end set" in text
    assert f"{people['privacy_officer'].username} support visibility none: the source a fresh one" in text
    assert entries(tenant, event="access.explained")[-1]["subject"] == str(stored[0])
    trail = auditor.get("/audit?event=grant.refused").content.decode()
    with tenant_scope(tenant.id):
        entry = AuditEntry.objects.filter(event="grant.refused").latest("sequence")
    assert f'href="/audit/{entry.sequence}/explanation"' in trail
    assert f'href="/conversations/{stored[0]}/readers"' in trail
    answer = text_of(auditor.get(f"/audit/{entry.sequence}/explanation"))
    assert "No policy permits it. This is what the policies of today say." in answer
    assert auditor.get("/audit/1/explanation").status_code == 404


def test_queries_do_not_grow_with_policies(tenant, officer):
    officers = Officers(tenant)

    def queries(address):
        with CaptureQueriesContext(connection) as seen:
            assert officer.get(address).status_code == 200
        return len(seen)

    row = policy_named(tenant, "analysts-read-redacted")
    addresses = ("/policies", f"/policies/{row.id}")
    before = {one: queries(one) for one in addresses if queries(one)}
    for number in range(4):
        officers.draft("analysts-read-redacted", FORBID_MAIL(f"bot-{number}"))
        officers.draft(f"other-{number}", FORBID_MAIL(f"bot-{number}"))
    officer.get("/policies")  # The new members began another epoch, and the first request of it reads the rules.
    assert {one: queries(one) for one in addresses} == before
