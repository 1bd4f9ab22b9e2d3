"""Detection profiles in the console: looked at, checked while typing, drafted, tried, put in force by one person or two."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.console.profile_acts import CHECKS_A_MINUTE
from governance.console.profile_forms import SettingsForm, filled_from
from governance.identity.scoping import tenant_scope
from governance.jobs.models import Job
from governance.pipeline.running import run_classification
from governance.privacy import profiling
from governance.privacy.models import DetectionProfile
from governance.privacy.profiles import read_settings
from governance.vault.models import Collection
from tests.api.clients import token_of
from tests.conftest import as_principal, item, now, store
from tests.console.browsing import entries, refusals, signed_in, text_of
from tests.console.officers import officer_client
from tests.security.matrix import fingerprint

BY_FORM = {
    "writing": "form",
    "deny": "Project Falcon\n\n  Zebulon Quigley ",
    "allow": "support@example.com\nPHONE: +1 415 555 2671",
    "patterns": "ticket CUSTOM TCK-[0-9]{6}",
    "level_EMAIL": "internal",
}
MORE = {"writing": "form", "deny": "Project Falcon"}
SETTINGS = {
    "classes": {"EMAIL": "internal"},
    "deny": ["Project Falcon", "Zebulon Quigley"],
    "allow": [{"type": "EMAIL", "value": "support@example.com"}, {"type": "PHONE", "value": "+1 415 555 2671"}],
    "patterns": [{"name": "ticket", "pattern": "TCK-[0-9]{6}", "type": "CUSTOM"}],
}


@pytest.fixture
def officer(tenant):
    return officer_client(tenant, "privacy_officer")


def drafted(client, tenant, **given):
    answer = client.post("/profiles/draft", {"reason": "a new project", **given})
    assert answer.status_code == 303, text_of(answer)
    with tenant_scope(tenant.id):
        return DetectionProfile.objects.latest("created_at")


def in_force(client, tenant, **given):
    row = drafted(client, tenant, **given)
    tag = client.get(f"/profiles/{row.id}/activate").context["sheet"].tag
    assert client.post(f"/profiles/{row.id}/activate", {"expected": tag}).status_code == 303
    return row


def settings_of(client, row):
    """What the domain opens of a version, as the API shows it."""
    shown = profiling.profile(principal=as_principal(row.tenant, client.person), profile_id=row.id, now=now())
    return shown.settings


def test_the_form_writes_what_the_domain_keeps_sealed(tenant, officer):
    row = drafted(officer, tenant, **BY_FORM)
    assert settings_of(officer, row) == SETTINGS
    assert (row.state, row.version, row.reason, row.collection_id) == ("draft", 1, "a new project", None)
    assert entries(tenant, event="profile.drafted")[-1]["profile"] == str(row.id)
    page = text_of(officer.get(f"/profiles/{row.id}"))
    for said in ("Project Falcon", "email support@example.com", "TCK-[0-9]{6}", "email internal confidential"):
        assert said in page, said
    assert "email falls from confidential to internal" in page
    assert "2 more values are left unmasked" in page
    listed = officer.get("/profiles").content.decode()
    assert f'href="/profiles/{row.id}"' in listed
    assert "Falcon" not in listed, "the list opens no settings"


def test_the_json_by_hand_is_the_same_profile(tenant, officer):
    given = {"writing": "json", "document": json.dumps(SETTINGS)}
    assert settings_of(officer, drafted(officer, tenant, **given)) == SETTINGS


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"deny": "Falcon\nx"}, "Terms that are masked, line 2: a term has at least 2 characters"),
        ({"deny": "Falcon\n\n\nx"}, "Terms that are masked, line 4: a term has at least 2 characters"),
        ({"allow": "what is this"}, "Values that are left, line 1: no detector finds this as a whole"),
        ({"patterns": "ticket CUSTOM [0-9]+"}, "Patterns of your own, line 1: *, + and {n,} have no end"),
        ({"patterns": "a CUSTOM a{1,2}\nticket FLOWER [0-9]"}, "Patterns of your own, line 2: a line is a name"),
        ({"patterns": "a CUSTOM a{1,2}\na CUSTOM b{1,2}"}, "Patterns of your own: two have the name a"),
        ({"level_EMAIL": "secret"}, "email: Select a valid choice"),
        ({"writing": "json", "document": "{"}, "In JSON, line 1: The data is not valid JSON at column 2."),
        ({"writing": "json", "document": '{"deny": [], "deny": ["Falcon"]}'}, "In JSON: An object gives a name twice"),
        ({"writing": "json", "document": ""}, "In JSON, line 1: The data is not valid JSON at column 1."),
        ({"writing": "json", "document": '{"deny": ["x"]}'}, "deny.0: a term has at least 2 characters"),
        ({"writing": "json", "document": '{"colour": 1}'}, "a member that is not known"),
        ({"reason": ""}, "Say why"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_the_form_stays_filled(given, text, officer):
    before = fingerprint()
    sent = {"reason": "because", "deny": "Project Falcon", "writing": "form", **given}
    answer = officer.post("/profiles/draft", sent)
    assert answer.status_code == 400
    assert text in text_of(answer)
    assert answer.context["form"]["deny"].value() == sent["deny"]
    assert fingerprint() == before
    if "reason" not in given:
        assert text in text_of(officer.post("/profiles/check", sent))


def test_no_fault_repeats_a_term_a_value_or_a_pattern(officer):
    sent = {"writing": "form", "deny": "secretive\ny" + "y" * 300, "allow": "hush-hush", "patterns": "p CUSTOM mum[0-9"}
    told = text_of(officer.post("/profiles/check", sent))
    assert "line 2" in told
    assert not [word for word in ("yyy", "hush", "mum") if word in told]


def test_what_is_typed_is_checked_and_nothing_is_kept(officer, monkeypatch):
    before = fingerprint()
    answer = officer.post("/profiles/check", BY_FORM)
    assert "This may stand as a profile." in text_of(answer)
    assert json.loads(answer.context["written"]) == SETTINGS
    assert fingerprint() == before
    assert CHECKS_A_MINUTE >= 60
    monkeypatch.setattr("governance.console.profile_acts.CHECKS_A_MINUTE", 2)
    assert [officer.post("/profiles/check", BY_FORM).status_code for _ in range(2)][-1] == 429


@pytest.mark.parametrize(
    ("settings", "writing"),
    [
        (SETTINGS, "form"),
        ({"deny": ["two\nlines"]}, "json"),
        ({"patterns": [{"name": "p", "pattern": " [0-9]{4} "}]}, "json"),
        ({"allow": [{"type": "CUSTOM", "value": " x"}]}, "json"),
    ],
    ids=["plain", "a term of two lines", "a pattern with spaces at its ends", "a value with a space before it"],
)
def test_the_form_says_settings_exactly_or_not_at_all(settings, writing):
    wanted = read_settings(settings).as_json()
    filled = filled_from(wanted)
    assert filled["writing"] == writing
    form = SettingsForm(filled)
    assert form.is_valid()
    assert form.cleaned_data["settings"] == wanted


def test_what_masks_more_takes_one_person_and_scans_anew(tenant, officer):
    row = in_force(officer, tenant, **MORE)
    with tenant_scope(tenant.id):
        assert DetectionProfile.objects.get(id=row.id).state == "active"
        assert Job.objects.filter(topic="rescan").exists()
    assert entries(tenant, event="profile.activated")[-1]["weakens"] == []
    late = officer.post(f"/profiles/{row.id}/activate", {"expected": "0" * 32})
    assert late.status_code == 412
    assert "This is how it is now." in text_of(late)


def test_what_masks_less_takes_two_people(tenant, officer, people):
    in_force(officer, tenant, **MORE)
    row = drafted(officer, tenant, writing="form")
    page = text_of(officer.get(f"/profiles/{row.id}"))
    assert "1 term is not masked any more" in page
    assert "Ask to put it in force" in page
    tag = officer.get(f"/profiles/{row.id}/activate").context["sheet"].tag
    alone = officer.post(f"/profiles/{row.id}/activate", {"expected": tag})
    assert (alone.status_code, alone.context["code"]) == (409, "profiles.refused")
    asked = officer.post(f"/profiles/{row.id}/ask", {"reason": "the project is over"})["Location"]
    second = officer_client(tenant)
    for address in (asked, f"{asked}/agree"):
        shown = text_of(second.get(address))
        assert "the whole tenant, version 2" in shown
        assert '- "Project Falcon"' in shown
        assert "Masks or protects less 1: 1 term is not masked any more" in shown
    assert officer.post(f"{asked}/agree").status_code == 409, "never the one who asked"
    assert officer.post(f"{asked}/carry-out").status_code == 409, "not before somebody agreed"
    assert second.post(f"{asked}/agree").status_code == 303
    assert second.post(f"{asked}/carry-out").status_code == 403, "whoever may ask for it carries it out"
    done = officer.post(f"{asked}/carry-out")
    assert (done.status_code, done["Location"]) == (303, f"/profiles/{row.id}")
    with tenant_scope(tenant.id):
        assert DetectionProfile.objects.get(state="active").id == row.id


def test_a_new_version_begins_as_the_last_one_says_it_and_stays_with_its_collection(tenant, officer, stored):
    with tenant_scope(tenant.id):
        collection = Collection.objects.get(name="support-bot")
    row = drafted(officer, tenant, **BY_FORM, collection=str(collection.id))
    page = officer.get(f"/profiles/{row.id}/version")
    assert "A new version for support-bot" in text_of(page)
    assert page.context["form"]["deny"].value() == "Project Falcon\nZebulon Quigley"
    answer = officer.post(f"/profiles/{row.id}/version", {**MORE, "reason": "less", "collection": ""})
    assert answer.status_code == 303
    with tenant_scope(tenant.id):
        newer = DetectionProfile.objects.latest("created_at")
    assert (newer.collection_id, newer.version) == (collection.id, 2)


def test_a_scope_with_a_profile_in_force_is_changed_from_its_page(tenant, officer, stored):
    names = [name for _key, name in officer.get("/profiles/draft").context["scopes"]]
    assert names == ["the whole tenant", "support-bot"]
    in_force(officer, tenant, **MORE)
    assert [name for _key, name in officer.get("/profiles/draft").context["scopes"]] == ["support-bot"]
    again = officer.post("/profiles/draft", {**MORE, "reason": "the same"})
    assert (again.status_code, again.context["code"]) == (409, "profiles.refused")
    elsewhere = officer.post("/profiles/draft", {**MORE, "reason": "r", "collection": str(tenant.id)})
    assert elsewhere.status_code == 404


def test_a_text_is_tried_and_kept_nowhere(tenant, officer):
    row = drafted(officer, tenant, **BY_FORM)
    before = fingerprint()
    text = "project  FALCON: mail support@example.com or kim@example.com about TCK-123456 <b>"
    page = officer.post(f"/profiles/{row.id}/try", {"text": text})
    shown = text_of(page)
    assert "[TERM]: mail support@example.com or [EMAIL] about [CUSTOM] <b>" in shown
    assert "a term of a detection profile" in shown
    assert "the pattern ticket of a detection profile" in shown
    assert "<b>" not in page.content.decode().split("As it would be shown")[1].split("<h2")[0]
    assert fingerprint() == before
    assert officer.get(f"/profiles/{row.id}/try").status_code == 405
    assert officer.post(f"/profiles/{row.id}/try", {"text": "x" * 1_048_577}).status_code == 422


def test_a_mark_of_a_profile_says_so_and_its_finding_leads_there(tenant, officer):
    in_force(officer, tenant, **MORE)
    (made,) = store(tenant, item("c-9", "About Project Falcon"))
    run_classification(tenant.id)
    page = officer.get(f"/conversations/{made.id}").content.decode()
    assert "Masked: term, by a term of a detection profile." in page
    found = officer.get(f"/conversations/{made.id}/messages/1/findings").content.decode()
    assert '<a href="/profiles">a term of a detection profile</a>' in found


def test_who_sees_and_who_works(tenant, officer, people):
    row = drafted(officer, tenant, **BY_FORM)
    second = officer_client(tenant)
    page = text_of(second.get(f"/profiles/{row.id}"))
    assert "Project Falcon" in page
    assert "Draft a new version" not in page
    assert "Draft a profile" not in text_of(second.get("/profiles"))
    assert second.post("/profiles/draft", {**MORE, "reason": "r"}).status_code == 403
    for role in ("analyst", "auditor"):
        client = signed_in(people[role])
        before = refusals(tenant)
        for address in ("/profiles", f"/profiles/{row.id}"):
            refused = client.get(address)
            assert (refused.status_code, "Falcon" in text_of(refused)) == (403, False)
        assert refusals(tenant, repeated=True) > before
        assert 'href="/profiles"' not in client.get("/").content.decode()
    assert 'href="/profiles"' in second.get("/").content.decode()


def test_console_and_api_show_the_same_version(tenant, officer, client):
    row = drafted(officer, tenant, **BY_FORM)
    headers = {"Authorization": f"Bearer {token_of(tenant, officer.person)}"}
    told = client.get(f"/api/v1/detection-profiles/{row.id}", headers=headers).json()
    assert told["settings"] == SETTINGS
    page = officer.get(f"/profiles/{row.id}").context
    assert page["deny"] == told["settings"]["deny"]
    assert page["line"].shown.settings == told["settings"]
    diff = client.get(f"/api/v1/detection-profiles/{row.id}/diff", headers=headers).json()
    assert [one.text for one in page["changes"]] == diff["diff"].splitlines()[2:]
    assert len(page["weakens"]) == len(diff["weakens"]) == 2


def test_what_people_wrote_in_a_profile_is_inert(tenant, officer):
    hostile = '<img src=x onerror="hit">\u202e'
    settings = {"deny": [hostile], "patterns": [{"name": "p", "pattern": "<script>[0-9]"}]}
    row = drafted(officer, tenant, writing="json", document=json.dumps(settings), reason=hostile[:-1])
    for address in ("/profiles", f"/profiles/{row.id}", f"/profiles/{row.id}/version"):
        page = officer.get(address).content.decode()
        assert "<img src=x" not in page, address
        assert "<script>[0-9]" not in page, address
    assert "\u202e" not in officer.get(f"/profiles/{row.id}").content.decode()


def test_queries_do_not_grow_with_profiles(tenant, officer, stored):
    def queries(address):
        with CaptureQueriesContext(connection) as seen:
            assert officer.get(address).status_code == 200
        return len(seen)

    row = in_force(officer, tenant, **MORE)
    addresses = ("/profiles", f"/profiles/{row.id}")
    before = {one: queries(one) for one in addresses if queries(one)}
    for number in range(4):
        drafted(officer, tenant, writing="form", deny=f"other {number}")
    officer.get("/profiles")
    assert {one: queries(one) for one in addresses} == before
