"""Findings corrected in place, and copies of a revealed message: by right, on the record, and exactly where it was meant."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.approvals.models import Approval
from governance.identity.scoping import tenant_scope
from governance.pipeline.running import run_classification
from governance.privacy.models import Finding
from governance.vault.models import Consultation
from tests.access.policing import Officers
from tests.conftest import item, store
from tests.console.browsing import entries, signed_in, text_of
from tests.console.officers import officer_client

TEXT = "My name is Zebulon,\r\nmail kim0@example.com 👩\u200d🚀 and Mr Quigley."
COPY = {"purpose": "support", "reason": "The customer asks", "message": "1"}
NO_COPY = 'forbid (principal, action == Action::"copy_revealed", resource is Conversation);'


@pytest.fixture
def chat(tenant):
    (made,) = store(tenant, item("c-1", TEXT, "Done."))
    run_classification(tenant.id)
    return made.id


@pytest.fixture
def officer(tenant):
    return officer_client(tenant, "privacy_officer")


def texts_of(page):
    """The texts of the page as a browser holds them, by number."""
    return {one.number: one.text for one in page.context["texts"]}


def mask(client, chat, word, *, kind="PERSON"):
    """Select a word in the text that the page shows, and send its place."""
    address = f"/conversations/{chat}/messages/1/findings"
    ((leaf, text),) = texts_of(client.get(address)).items()
    start = text.index(word)
    return client.post(address, {"leaf": leaf, "start": start, "end": start + len(word), "type": kind})


def test_a_stretch_is_masked_where_it_was_meant_behind_line_ends_marks_and_emoji(tenant, officer, chat):
    for word in ("Quigley", "Zebulon"):
        answer = mask(officer, chat, word)
        assert answer.status_code == 303, text_of(answer)
    shown = text_of(officer.get(f"/conversations/{chat}"))
    assert re.search(r"My name is PERSON ·\w+ , mail EMAIL ·\w+ 👩\u200d🚀 and Mr PERSON ·\w+ \.", shown), shown
    assert "masked" in text_of(officer.get(answer["Location"]))
    assert [entry["type"] for entry in entries(tenant, event="finding.marked")] == ["PERSON", "PERSON"]
    page = officer.get(f"/conversations/{chat}").content.decode()
    assert "Masked: person, by a person. You see the redacted view by privacy-officers-read-redacted@1." in page


def test_the_title_is_corrected_in_place(tenant, officer, people):
    (made,) = store(
        tenant, item("c-2", "Mail kim0@example.com", title="Zebulon 👩\u200d🚀 asks kim1@example.com for Quigley")
    )
    run_classification(tenant.id)
    page, address = f"/conversations/{made.id}", f"/conversations/{made.id}/messages/0/findings"
    assert f'href="{address}"' in officer.get(page).content.decode()
    assert f'href="{address}"' not in signed_in(people["analyst"]).get(page).content.decode()
    shown = officer.get(address)
    assert "Findings of the title and details" in text_of(shown)
    assert "kim" not in shown.content.decode()
    texts = texts_of(shown)
    (leaf,) = (number for number, text in texts.items() if "Quigley" in text)
    for word in ("Quigley", "Zebulon"):
        text = texts_of(officer.get(address))[leaf]
        place = {"leaf": leaf, "start": text.index(word), "end": text.index(word) + len(word), "type": "PERSON"}
        assert officer.post(address, place).status_code == 303
    title = text_of(officer.get(page)).split(" | ")[0]
    assert re.fullmatch(r"\[PERSON·\w+\] 👩\u200d🚀 asks \[EMAIL·\w+\] for \[PERSON·\w+\]", title), title
    assert {entry["record"] for entry in entries(tenant, event="finding.marked")} == {str(made.id)}
    assert "Mail EMAIL" in text_of(officer.get(page)), "control: the message is as it was"


def test_a_finding_of_the_title_is_undone_by_two_people_and_is_none_of_a_message(tenant, officer):
    (made,) = store(tenant, item("c-2", "Mail kim0@example.com", title="For kim1@example.com"))
    run_classification(tenant.id)
    with tenant_scope(tenant.id):
        finding = Finding.objects.get(conversation_id=made.id, message_id=None)
    records = f"/conversations/{made.id}/messages"
    assert officer.post(f"{records}/1/findings/{finding.id}/confirm").status_code == 404
    assert officer.post(f"{records}/0/findings/{finding.id}/confirm").status_code == 303
    approval = officer.post(f"{records}/0/findings/{finding.id}/undo", {"reason": "a public address"})["Location"]
    assert officer_client(tenant, "privacy_officer").post(f"{approval}/agree").status_code == 303
    assert "kim1@example.com" not in officer.get(f"/conversations/{made.id}").content.decode()
    assert officer.post(f"{approval}/carry-out").status_code == 303
    assert "kim1@example.com" in officer.get(f"/conversations/{made.id}").content.decode()
    assert "kim0@example.com" not in officer.get(f"/conversations/{made.id}").content.decode()


def test_the_page_shows_no_source(officer, chat):
    page = officer.get(f"/conversations/{chat}/messages/1/findings")
    assert "kim0@example.com" not in page.content.decode()
    assert "Zebulon" in page.content.decode(), "control: the rest of the text is there"
    assert "email" in text_of(page)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"end": "9999"}, 422),
        ({"start": "5", "end": "5"}, 422),
        ({"leaf": "99"}, 422),
        ({"type": "FLOWER"}, 400),
        ({"end": ""}, 400),
    ],
)
def test_a_place_that_is_none_is_refused(given, status, officer, chat):
    address = f"/conversations/{chat}/messages/1/findings"
    (leaf,) = texts_of(officer.get(address))
    answer = officer.post(address, {"leaf": leaf, "start": "0", "end": "2", "type": "PERSON", **given})
    assert answer.status_code == status
    assert "tv-problem" in answer.content.decode()


def test_two_people_show_again_what_is_not_what_it_seemed(tenant, officer, chat):
    with tenant_scope(tenant.id):
        finding = Finding.objects.get(conversation_id=chat, type="EMAIL", message_id__isnull=False)
    address = f"/conversations/{chat}/messages/1/findings"
    assert "It is no email" in text_of(officer.get(address))
    asked = officer.post(f"{address}/{finding.id}/undo", {"reason": "a public address"})
    assert asked.status_code == 303
    with tenant_scope(tenant.id):
        approval = Approval.objects.latest("id")
    assert officer.post(f"/approvals/{approval.id}/agree").status_code == 409
    assert officer_client(tenant, "privacy_officer").post(f"/approvals/{approval.id}/agree").status_code == 303
    assert "kim0@example.com" not in officer.get(f"/conversations/{chat}").content.decode()
    assert officer.post(f"/approvals/{approval.id}/carry-out").status_code == 303
    assert "kim0@example.com" in officer.get(f"/conversations/{chat}").content.decode()
    assert "Shown again" in text_of(officer.get(address))


def test_a_finding_is_confirmed(tenant, officer, chat):
    with tenant_scope(tenant.id):
        finding = Finding.objects.get(conversation_id=chat, type="EMAIL", message_id__isnull=False)
    address = f"/conversations/{chat}/messages/1/findings"
    assert officer.post(f"{address}/{finding.id}/confirm").status_code == 303
    assert "Masked, confirmed" in text_of(officer.get(address))
    assert officer.post(f"/conversations/{chat}/messages/2/findings/{finding.id}/confirm").status_code == 404


def test_an_analyst_sees_tips_but_corrects_nothing(tenant, people, chat):
    client = signed_in(people["analyst"])
    page = client.get(f"/conversations/{chat}").content.decode()
    assert "Masked: email, by the detector" in page
    assert "Correct" not in page
    assert client.get(f"/conversations/{chat}/messages/1/findings").status_code == 403


def test_formatted_and_json_show_the_same_view(people, chat):
    client = signed_in(people["analyst"])
    (first, _) = client.get(f"/conversations/{chat}").context["messages_shown"]
    assert '"content"' in first.raw.replace("&quot;", '"')
    marks = re.compile(r'<mark class="tv-mark".*?</mark>')
    assert marks.findall(str(first.body)) == marks.findall(str(first.raw)) != []
    assert "kim0" not in str(first.raw) + str(first.body)


def test_a_copy_is_a_grant_of_its_own_before_the_text_leaves(tenant, officer, chat):
    page = officer.post(f"/conversations/{chat}/reveal", {"purpose": "support", "reason": "The customer asks"})
    assert 'data-copy-source="1"' in page.content.decode()
    before = len(entries(tenant, event="grant.opened"))
    answer = officer.post(f"/conversations/{chat}/copy", COPY)
    assert (answer.status_code, answer.content.decode()) == (200, TEXT)
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Cache-Control"] == "no-store, private"
    (entry,) = entries(tenant, event="grant.opened")[before:]
    assert (entry["action"], entry["policies"]) == ("copy_revealed", ["privacy-officers-read-source@1"])
    with tenant_scope(tenant.id):
        assert Consultation.objects.filter(view="source", messages=1, reason="The customer asks").exists()


def test_without_the_right_there_is_no_button_and_no_text(tenant, people, officer, chat):
    Officers(tenant).put_in_force("no-copies", NO_COPY)
    page = officer.post(f"/conversations/{chat}/reveal", {"purpose": "support", "reason": "The customer asks"})
    assert "kim0@example.com" in page.content.decode()
    assert "data-copy-source" not in page.content.decode()
    answer = officer.post(f"/conversations/{chat}/copy", COPY)
    assert answer.status_code == 403
    assert "kim0" not in answer.content.decode()
    assert entries(tenant, event="grant.refused")[-1]["action"] == "copy_revealed"
    assert "data-copy-source" not in officer.get(f"/conversations/{chat}").content.decode()


def test_the_right_to_copy_opens_nothing_by_itself(tenant, chat):
    only_copy = (
        'permit (principal, action == Action::"copy_revealed", resource) when { principal.roles.contains("analyst") };'
    )
    Officers(tenant).put_in_force("analysts-copy", only_copy)
    analyst = officer_client(tenant, "analyst")
    assert analyst.post(f"/conversations/{chat}/copy", COPY).status_code == 403
    assert entries(tenant, event="grant.refused")[-1]["action"] == "read_source"


def test_a_copy_without_its_record_is_no_copy(officer, chat, monkeypatch):
    from governance.audit.errors import RecordRefused

    def refuse(**facts):
        raise RecordRefused("The record could not be written.")

    monkeypatch.setattr("governance.access.granting.record_now", refuse)
    answer = officer.post(f"/conversations/{chat}/copy", COPY)
    assert answer.status_code == 503
    assert "kim0" not in answer.content.decode()


@pytest.mark.parametrize("number", ["0", "3", "x"])
def test_a_message_that_is_not_there_is_not_copied(number, officer, chat):
    assert officer.post(f"/conversations/{chat}/copy", {**COPY, "message": number}).status_code in {400, 404}


def test_queries_of_a_transcript_do_not_grow_with_its_messages(tenant, officer):
    def queries(chat):
        with CaptureQueriesContext(connection) as seen:
            assert officer.get(f"/conversations/{chat}").status_code == 200
        return len(seen)

    short, long = store(
        tenant, item("short", "Mail kim@example.com"), item("long", *(f"Mail kim{at}@example.com" for at in range(20)))
    )
    run_classification(tenant.id)
    queries(short.id)
    assert queries(long.id) == queries(short.id)
