"""The pages of keys: what they show to whom, the acts with their plans, and forms that are stale."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.identity.scoping import tenant_scope
from governance.keys.models import KeyTransition
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.working import work_for_all
from tests.conftest import make_tenant
from tests.console.browsing import signed_in, text_of
from tests.console.officers import officer_client, rewrapped, ring_of, rotate, version_of


@pytest.fixture
def officer(tenant, stored):
    return officer_client(tenant)


def queries(client, address):
    with CaptureQueriesContext(connection) as seen:
        assert client.get(address).status_code == 200
    return len(seen)


def test_the_picture_and_the_table_say_the_same(tenant, officer):
    page = officer.get("/keys")
    text = text_of(page)
    (branch,) = page.context["branches"]
    assert branch.provider == "Key file"
    assert {ring.use for ring, _ in branch.rings} == {ring.use for ring in page.context["rings"]}
    assert text.count("content/1") == 2, "once in the picture, once in the table"
    assert "6 data keys" in text or "3 data keys" in text


def test_an_auditor_looks_and_is_offered_nothing(tenant, people, stored):
    client = signed_in(people["auditor"])
    for address in (f"/keys/rings/{ring_of(tenant)[0].id}", f"/keys/versions/{version_of(tenant).id}"):
        page = client.get(address)
        assert page.status_code == 200
        assert "What can be done" not in text_of(page)
        assert "/rotate" not in page.content.decode()


def test_rotating_shows_its_plan_and_gives_a_new_version(tenant, officer):
    ring, tag = ring_of(tenant)
    sheet = officer.get(f"/keys/rings/{ring.id}/rotate")
    assert "Active version content/1" in text_of(sheet)
    assert f'name="expected" value="{tag}"' in sheet.content.decode()
    answer = officer.post(f"/keys/rings/{ring.id}/rotate", {"expected": tag, "reason": "it is time"}, follow=True)
    assert answer.redirect_chain == [(f"/keys/rings/{ring.id}", 303)]
    assert "content/2 is active now." in text_of(answer)
    assert version_of(tenant).state == "deactivated"
    with tenant_scope(tenant.id):
        assert KeyTransition.objects.filter(actor=officer.person.id, reason="it is time").exists()


def test_a_stale_form_is_told_so_and_shows_how_it_is_now(tenant, officer):
    ring, tag = ring_of(tenant)
    rotate(officer, tenant)
    page = officer.post(f"/keys/rings/{ring.id}/rotate", {"expected": tag, "reason": "r"})
    assert page.status_code == 412
    assert "not as you saw it any more" in text_of(page)
    assert "Active version content/2" in text_of(page)
    assert tag not in page.content.decode()
    assert ring_of(tenant)[1] in page.content.decode()
    with tenant_scope(tenant.id):
        assert ring.versions.count() == 2


def test_control_the_tag_of_now_is_taken(tenant, officer):
    rotate(officer, tenant)
    assert rotate(officer, tenant).status_code == 303
    assert version_of(tenant, number=3).state == "active"


@pytest.mark.parametrize("given", [{}, {"expected": ""}, {"expected": "*"}])
def test_a_form_without_what_the_person_saw_is_refused(given, tenant, officer):
    ring, _ = ring_of(tenant)
    assert officer.post(f"/keys/rings/{ring.id}/rotate", given).status_code == 400


@pytest.mark.parametrize("given", ["local:/tmp/mine", "https://example.org", "2", "-1"])
def test_z13_a_form_names_no_provider_that_the_configuration_does_not_list(given, tenant, officer):
    """A provider is chosen by its place in the list; no address goes from a browser to a connection."""
    assert rotate(officer, tenant, provider=given).status_code == 400
    assert version_of(tenant).state == "active"


def test_z13_control_one_that_is_listed_is_taken(tenant, officer):
    assert rotate(officer, tenant, provider="1").status_code == 303


def test_rewrapping_becomes_a_job_with_progress(tenant, officer):
    rotate(officer, tenant)
    ring, _ = ring_of(tenant)
    assert "Data keys to move" in text_of(officer.get(f"/keys/rings/{ring.id}/rewrap"))
    answer = officer.post(f"/keys/rings/{ring.id}/rewrap")
    assert answer.status_code == 303
    assert answer["Location"].startswith("/jobs/")
    assert "Rewrap: Content" in text_of(officer.get(f"/keys/rings/{ring.id}"))
    busy = officer.post(f"/keys/rings/{ring.id}/rewrap")
    assert busy.status_code == 409
    assert "being rewrapped already" in text_of(busy)
    work_for_all(HANDLERS)
    moved = officer.get(answer["Location"])
    assert "Done" in text_of(moved)
    assert "hx-get" not in moved.content.decode(), "what is over is not asked for again"
    assert "Every data key is under the active version." in text_of(officer.get(f"/keys/rings/{ring.id}"))


@pytest.mark.parametrize(
    ("act", "state"), [("suspend", "suspended"), ("deactivate", "deactivated"), ("compromise", "compromised")]
)
def test_it_changes_the_state_with_a_reason(act, state, tenant, officer):
    version = version_of(tenant)
    given = {"expected": version.tag, "typed": "content/1"}
    nothing = officer.post(f"/keys/versions/{version.id}/{act}", {**given, "reason": "  "})
    assert nothing.status_code == 400
    assert "Say why" in text_of(nothing)
    done = officer.post(f"/keys/versions/{version.id}/{act}", {**given, "reason": "in doubt"}, follow=True)
    assert f"The version is {state} now." in text_of(done)
    assert "in doubt" in text_of(done), "the reason stands in its history"
    assert version_of(tenant).state == state


def test_what_cannot_be_taken_back_takes_the_name_typed(tenant, officer):
    version = version_of(tenant)
    given = {"expected": version.tag, "reason": "stolen"}
    for typed in ("", "content/2", "CONTENT/1", str(version.id)):
        page = officer.post(f"/keys/versions/{version.id}/compromise", {**given, "typed": typed})
        assert page.status_code == 400
    assert version_of(tenant).state == "active"
    assert officer.post(f"/keys/versions/{version.id}/compromise", {**given, "typed": "content/1"}).status_code == 303


def test_a_version_that_wraps_something_is_not_destroyed(tenant, officer):
    rotate(officer, tenant)
    version = version_of(tenant)
    page = text_of(officer.get(f"/keys/versions/{version.id}"))
    assert "It can be destroyed once it wraps nothing" in page
    given = {"days": 7, "reason": "old", "typed": "content/1"}
    refused = officer.post(f"/keys/versions/{version.id}/ask-destroy", given)
    assert refused.status_code == 409
    assert "keys.in_use" in text_of(refused)


@pytest.mark.parametrize("days", ["6", "31", "", "x"])
def test_a_destruction_waits_for_seven_to_thirty_days(days, tenant, officer):
    version = rewrapped(officer, tenant)
    given = {"days": days, "reason": "old", "typed": "tombstone/1"}
    assert officer.post(f"/keys/versions/{version.id}/ask-destroy", given).status_code == 400


def test_two_people_schedule_a_destruction_and_one_cancels_it(tenant, officer):
    version, second = rewrapped(officer, tenant), officer_client(tenant)
    sheet = officer.get(f"/keys/versions/{version.id}/ask-destroy")
    assert "Conversations under a legal hold 0" in text_of(sheet)
    given = {"days": 7, "reason": "wraps nothing", "typed": "tombstone/1"}
    asked = officer.post(f"/keys/versions/{version.id}/ask-destroy", given)["Location"]
    assert officer.post(f"{asked}/carry-out").status_code == 409, "nobody has agreed yet"
    assert officer.post(f"{asked}/agree").status_code == 409, "the second person is another"
    assert second.post(f"{asked}/agree").status_code == 303
    begun = officer.post(f"{asked}/carry-out", follow=True)
    assert "The waiting has begun" in text_of(begun)
    assert "Waits for its destruction" in text_of(begun)
    assert "1 waits for its destruction" in text_of(officer.get("/keys"))
    waiting = version_of(tenant, "tombstone")
    assert waiting.destroy_at is not None
    third = officer_client(tenant)
    assert third.post(f"/keys/versions/{version.id}/cancel", {"expected": waiting.tag, "reason": "wait"}).status_code == 303
    assert version_of(tenant, "tombstone").destroy_at is None
    again = third.post(
        f"/keys/versions/{version.id}/cancel", {"expected": version_of(tenant, "tombstone").tag, "reason": "r"}
    )
    assert again.status_code == 409


def test_the_minimum_is_raised_by_one_and_lowered_by_two(tenant, officer):
    rewrapped(officer, tenant)
    ring, tag = ring_of(tenant, "tombstone")
    raised = officer.post(f"/keys/rings/{ring.id}/raise-minimum", {"expected": tag, "number": 2}, follow=True)
    assert "Versions below 2 open nothing now." in text_of(raised)
    assert "Below the lowest version accepted" in text_of(raised)
    lower = officer.post(f"/keys/rings/{ring.id}/raise-minimum", {"expected": ring_of(tenant, "tombstone")[1], "number": 1})
    assert lower.status_code == 409
    asked = officer.post(f"/keys/rings/{ring.id}/ask-minimum", {"number": 1, "reason": "an old backup"})["Location"]
    assert "Lowest version accepted 1" in text_of(officer.get(asked))
    officer_client(tenant).post(f"{asked}/agree")
    assert officer.post(f"{asked}/carry-out").status_code == 303
    assert ring_of(tenant, "tombstone")[0].minimum_version == 1


def test_providers_say_how_they_are_and_which_versions_they_wrap(tenant, officer):
    page = text_of(officer.get("/keys/providers"))
    assert "Key file check_circle Works" in page
    assert "content/1" in page


def test_another_tenants_keys_are_not_found(tenant, officer):
    other = make_tenant()
    ring, tag = ring_of(other)
    version = version_of(other)
    for address in (f"/keys/rings/{ring.id}", f"/keys/versions/{version.id}", f"/keys/rings/{uuid4()}"):
        assert officer.get(address).status_code == 404
    assert officer.post(f"/keys/rings/{ring.id}/rotate", {"expected": tag}).status_code == 404
    given = {"expected": version.tag, "reason": "r", "typed": "content/1"}
    assert officer.post(f"/keys/versions/{version.id}/compromise", given).status_code == 404
    assert version_of(other).state == "active"


def test_no_page_asks_more_of_the_database_where_there_are_more_versions(tenant, officer):
    rotate(officer, tenant)
    ring, _ = ring_of(tenant)
    addresses = ("/keys", f"/keys/rings/{ring.id}", f"/keys/versions/{version_of(tenant).id}", "/keys/providers")
    before = {address: queries(officer, address) for address in addresses if officer.get(address)}
    for _ in range(4):
        rotate(officer, tenant)
    officer.get("/keys")  # What the acts said is shown once, and forgotten.
    assert {address: queries(officer, address) for address in addresses} == before
