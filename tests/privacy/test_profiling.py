"""Detection profiles in force: sealed, versioned, two people for what masks less, and everything scanned anew."""

import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from governance.access import seconding
from governance.access.errors import AccessDenied
from governance.approvals.asking import ApprovalRefused
from governance.crypto.errors import CannotOpen
from governance.identity.scoping import tenant_scope
from governance.keys.models import KeyUse
from governance.keys.rings import lock_shared, rings_of
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.running import run_classification
from governance.pipeline.working import work_for_all
from governance.privacy import profiling
from governance.privacy.profiles import SettingsInvalid
from governance.privacy.profiles.loading import NO_PROFILES, active_profiles
from governance.privacy.profiling import ProfileRefused, UnknownProfile
from governance.vault.comparing import verify_content
from governance.vault.errors import NotFound
from governance.vault.models import Collection
from governance.vault.reading import read_conversation
from tests.conftest import as_principal, item, make_person, make_tenant, now, store, totp
from tests.security.test_c_ciphertext import sql

TEXT = "Project Falcon: mail kim@example.com or call +1 415 555 2671"
DENY = {"deny": ["project falcon"]}
ALLOW = {"allow": ["kim@example.com"]}


@pytest.fixture
def chat(tenant):
    (stored,) = store(tenant, item("c-1", TEXT, "fine", title="Falcon"))
    run_classification(tenant.id)
    return stored.id


@pytest.fixture
def officer(tenant, people):
    return as_principal(tenant, people["privacy_officer"], second_factor=True)


@pytest.fixture
def other(tenant):
    return as_principal(tenant, make_person(tenant, "privacy_officer"), second_factor=True)


def shown(tenant, chat):
    analyst = as_principal(tenant, make_person(tenant, "analyst"))
    opened = read_conversation(principal=analyst, conversation_id=chat, purpose="support", now=now())
    return opened.messages[0].document.item["content"]


def in_force(principal, settings, **more):
    """Draft settings and put them into force at once."""
    row, _ = profiling.draft(principal=principal, settings=settings, reason="r", now=now(), **more)
    return profiling.activate(principal=principal, profile_id=row.id, now=now())


def agreed(officer, other, settings):
    """Draft settings with an approval that two people gave."""
    row, _ = profiling.draft(principal=officer, settings=settings, reason="r", now=now())
    asked = profiling.ask_activation(principal=officer, profile_id=row.id, reason="our own address", now=now())
    seconding.second(principal=other, approval_id=asked, agree=True, now=now())
    return row.id, asked


def class_of(chat):
    return sql("SELECT classification FROM governance_conversation WHERE id = %s", chat)[0][0]


def test_one_person_masks_more_and_what_was_scanned_is_scanned_anew(tenant, officer, chat):
    assert shown(tenant, chat).startswith("Project Falcon")
    row, job = in_force(officer, DENY)
    assert (row.version, row.state) == (1, "active")
    assert shown(tenant, chat).startswith("Project Falcon"), "the job has not run yet"
    work_for_all(HANDLERS)
    assert sql("SELECT state, done, total FROM governance_job WHERE id = %s", job) == [("done", 3, 3)]
    assert shown(tenant, chat).startswith("[TERM·")
    (later,) = store(tenant, item("c-2", TEXT))
    run_classification(tenant.id)
    assert shown(tenant, later.id).startswith("[TERM·"), "new chats, too"
    with tenant_scope(tenant.id):
        assert verify_content(tenant=tenant.id).faults == []


def test_what_masks_less_takes_a_second_person(tenant, officer, other, chat):
    row, found = profiling.draft(principal=officer, settings=ALLOW, reason="r", now=now())
    assert found.weakens == ("1 more values are left unmasked",)
    with pytest.raises(ProfileRefused, match="second person"):
        profiling.activate(principal=officer, profile_id=row.id, now=now())
    work_for_all(HANDLERS)
    assert "[EMAIL·" in shown(tenant, chat), "nothing changed"
    approval = profiling.ask_activation(principal=officer, profile_id=row.id, reason="our own", now=now())
    with pytest.raises(ApprovalRefused):
        profiling.activate(principal=officer, profile_id=row.id, approval_id=approval, now=now())
    with pytest.raises(ApprovalRefused, match="another than the one who asked"):
        seconding.second(principal=officer, approval_id=approval, agree=True, now=now())
    seconding.second(principal=other, approval_id=approval, agree=True, now=now())
    profiling.activate(principal=officer, profile_id=row.id, approval_id=approval, now=now())
    work_for_all(HANDLERS)
    assert "mail kim@example.com" in shown(tenant, chat)
    assert "[PHONE·" in shown(tenant, chat)


def test_an_approval_holds_for_what_it_weakened_and_not_for_more(tenant, officer, other):
    first, approval = agreed(officer, other, ALLOW)
    in_force(officer, DENY)
    with pytest.raises(ApprovalRefused, match="something else"):
        profiling.activate(principal=officer, profile_id=first, approval_id=approval, now=now())
    second, _ = agreed(officer, other, {"allow": ["x@example.com"], **DENY})
    with pytest.raises(ApprovalRefused, match="something else"):
        profiling.activate(principal=officer, profile_id=second, approval_id=approval, now=now())


def test_a_collection_has_settings_of_its_own_on_top(tenant, officer, chat):
    (elsewhere,) = store(tenant, item("c-9", TEXT, collection="hr"))
    run_classification(tenant.id)
    with tenant_scope(tenant.id):
        hr = Collection.objects.get(name="hr").id
    in_force(officer, DENY)
    _, job = in_force(officer, {"patterns": [{"name": "mine", "pattern": "call"}]}, collection_id=hr)
    work_for_all(HANDLERS)
    assert sql("SELECT done, total FROM governance_job WHERE id = %s", job) == [(2, 2)], "only that collection's"
    assert shown(tenant, elsewhere.id).startswith("[TERM·")
    assert "[CUSTOM·" in shown(tenant, elsewhere.id)
    assert shown(tenant, chat).startswith("[TERM·")
    assert " call " in shown(tenant, chat)
    assert ("pattern:mine",) in sql("SELECT DISTINCT rule FROM governance_finding")


def test_the_table_of_classes_raises_and_lowers_conversations(tenant, officer, other, chat):
    assert class_of(chat) == 2
    in_force(officer, {"classes": {"EMAIL": "restricted"}})
    work_for_all(HANDLERS)
    assert class_of(chat) == 3
    row, approval = agreed(officer, other, {"classes": {"EMAIL": "internal", "PHONE": "public", "NONE": "public"}})
    profiling.activate(principal=officer, profile_id=row, approval_id=approval, now=now())
    work_for_all(HANDLERS)
    assert class_of(chat) == 1
    assert sql("SELECT classification FROM governance_message ORDER BY ordinal") == [(1,), (0,)]


def test_a_title_counts_into_the_class_of_its_conversation(tenant):
    (stored,) = store(tenant, item("c-3", "nothing here", title="card 4111 1111 1111 1111"))
    run_classification(tenant.id)
    assert class_of(stored.id) == 3
    store(tenant, item("c-3", "nothing here", "kim@example.com", title="card 4111 1111 1111 1111"))
    run_classification(tenant.id)
    assert class_of(stored.id) == 3, "a later message does not lower it"


def test_a_change_waits_for_batches_that_read_the_settings_before(tenant, officer, chat):
    row, _ = profiling.draft(principal=officer, settings=DENY, reason="r", now=now())
    done = threading.Event()

    def change():
        profiling.activate(principal=officer, profile_id=row.id, now=now())
        done.set()
        connections.close_all()

    with tenant_scope(tenant.id):
        lock_shared([rings_of(tenant.id)[KeyUse.REDACTED]])
        assert active_profiles() is NO_PROFILES
        changing = threading.Thread(target=change)
        changing.start()
        assert not done.wait(0.5), "a batch under the old settings is still at work"
    assert done.wait(10)
    changing.join()
    with tenant_scope(tenant.id):
        assert active_profiles().whole.terms is not None


def test_settings_lie_sealed_and_at_their_own_place(tenant, officer, chat):
    row, _ = in_force(officer, DENY)
    kept = sql("SELECT document FROM governance_detectionprofile")[0][0]
    assert b"falcon" not in bytes(kept).lower()
    assert profiling.profile(principal=officer, profile_id=row.id, now=now()).settings["deny"] == ["project falcon"]
    other, _ = profiling.draft(principal=officer, settings={"deny": ["heron"]}, reason="r", now=now())
    sql(
        "UPDATE governance_detectionprofile SET document = (SELECT document FROM governance_detectionprofile WHERE id = %s)"
        " WHERE id = %s",
        row.id, other.id,
    )  # fmt: skip
    with pytest.raises(CannotOpen):
        profiling.profile(principal=officer, profile_id=other.id, now=now())


def test_no_term_stands_in_the_record(tenant, officer, other):
    row, approval = agreed(officer, other, {"deny": ["heron"], "allow": ["kim@example.com"]})
    profiling.activate(principal=officer, profile_id=row, approval_id=approval, now=now())
    bodies = " ".join(body for (body,) in sql("SELECT body FROM governance_auditentry"))
    assert '"profile.activated"' in bodies
    assert "1 more values are left unmasked" in bodies
    assert "heron" not in bodies
    assert "kim@example" not in bodies
    assert "kim@example" not in str(sql("SELECT details FROM governance_approval"))


def test_a_profile_that_cannot_be_opened_stops_the_work_and_loses_nothing(tenant, officer):
    in_force(officer, DENY)
    sql("UPDATE governance_detectionprofile SET version = 7")
    store(tenant, item("c-1", TEXT))
    run_classification(tenant.id, seconds=0.1)
    assert sql("SELECT DISTINCT state FROM governance_message") == [(0,)], "never scanned without the tenant's own list"
    sql("UPDATE governance_detectionprofile SET version = 1")
    sql("UPDATE governance_message SET lease_until = NULL")
    run_classification(tenant.id)
    assert sql("SELECT DISTINCT state FROM governance_message") == [(1,)]


def test_only_the_right_people_and_only_what_is_there(tenant, people, officer, chat):
    analyst = as_principal(tenant, people["analyst"], second_factor=True)
    with pytest.raises(AccessDenied):
        profiling.draft(principal=analyst, settings=DENY, reason="r", now=now())
    with pytest.raises(AccessDenied):
        profiling.profiles_of(principal=analyst, now=now())
    stale = as_principal(tenant, people["privacy_officer"])
    with pytest.raises(AccessDenied):
        profiling.draft(principal=stale, settings=DENY, reason="r", now=now())
    with pytest.raises(SettingsInvalid):
        profiling.draft(principal=officer, settings={"x": 1}, reason="r", now=now())
    with pytest.raises(NotFound):
        profiling.draft(principal=officer, settings=DENY, reason="r", collection_id=chat, now=now())
    with pytest.raises(UnknownProfile):
        profiling.profile(principal=officer, profile_id=chat, now=now())
    with pytest.raises(ProfileRefused, match="in force already"):
        profiling.draft(principal=officer, settings={}, reason="r", now=now())
    assert sql("SELECT count(*) FROM governance_detectionprofile") == [(0,)]
    row, _ = in_force(officer, DENY)
    with pytest.raises(ProfileRefused, match="active"):
        profiling.activate(principal=officer, profile_id=row.id, now=now())
    elsewhere = make_tenant()
    stranger = as_principal(elsewhere, make_person(elsewhere, "privacy_officer"), second_factor=True)
    assert profiling.profiles_of(principal=stranger, now=now()) == []
    with pytest.raises(UnknownProfile):
        profiling.profile(principal=stranger, profile_id=row.id, now=now())


def test_the_command_goes_the_whole_way(tenant, people, officer, chat, tmp_path, capsys):
    file, text = tmp_path / "profile.json", tmp_path / "text.txt"
    file.write_text('{"deny": ["Project Falcon"]}')
    text.write_text("about Project Falcon")
    who = ["--member", people["privacy_officer"].username, "--tenant", tenant.slug]

    def run(*arguments, code=False):
        call_command(
            "profiles", *arguments, *who, *(["--code", totp(people["privacy_officer"].totp_secret)] if code else [])
        )
        return capsys.readouterr().out

    assert "as they are" in run("list")
    drafted = run("draft", "--file", str(file), "--reason", "new name", code=True)
    (number,) = [str(row[0]) for row in sql("SELECT id FROM governance_detectionprofile")]
    assert f"manage.py profiles apply {number}" in drafted
    assert '+    "Project Falcon"' in run("diff", number)
    assert "about [TERM]" in run("try", number, "--text", str(text))
    with pytest.raises(CommandError, match="by its id"):
        run("show", "x")
    with pytest.raises(CommandError, match="no JSON"):
        run("draft", "--file", str(text))
    assert "Project Falcon" in run("show", number)
