"""ATTACKS.md, rows E04 and E07: whose data key seals what, and holds that nest, are released by two people, and once."""

import pytest
from psycopg.errors import CheckViolation, UniqueViolation

from governance.access import seconding
from governance.access.errors import AccessDenied
from governance.approvals.asking import ApprovalRefused
from governance.identity.scoping import tenant_scope
from governance.privacy.erasing import ACT, erase_subject, subject_of
from governance.privacy.errors import Held, PrivacyError
from governance.privacy.holding import RELEASE, place_hold, release_hold
from governance.vault.models import Conversation
from governance.vault.reading import read_conversation
from tests.conftest import as_principal, item, make_person, now, store
from tests.security.test_c_ciphertext import sql
from tests.walk.test_message_path import approve


@pytest.fixture
def officer(tenant, people):
    return as_principal(tenant, people["privacy_officer"], second_factor=True)


@pytest.fixture
def second(tenant, people):
    return as_principal(tenant, people["security_officer"], second_factor=True)


@pytest.fixture
def chat(tenant):
    [result] = store(tenant, item("c-1", "hello there", "hello yourself", subject="kim"))
    return result.id


@pytest.fixture
def kim(officer, chat):
    return subject_of(principal=officer, reference="kim", now=now())


def erase(officer, second, kim):
    approval = approve(officer, second, ACT, kim)
    return erase_subject(principal=officer, reference="kim", approval_id=approval, now=now())


def recorded(event):
    return [body for (body,) in sql("SELECT body FROM governance_auditentry WHERE event = %s ORDER BY sequence", event)]


def shown(tenant, conversation):
    officer = as_principal(tenant, make_person(tenant, "privacy_officer"), second_factor=True)
    opened = read_conversation(
        principal=officer, conversation_id=conversation, purpose="support", view="source", reason="look", now=now()
    )
    return [one.document.item["content"] if one.document else None for one in opened.messages]


def held(tenant):
    with tenant_scope(tenant.id):
        return set(Conversation.objects.values_list("held", flat=True))


def test_e07_of_two_holds_each_keeps_everything_until_both_are_released(tenant, officer, second, kim, chat):
    holds = [place_hold(principal=officer, subject=kim, reason=f"claim {number}", now=now()) for number in range(2)]
    for hold in holds:
        assert held(tenant) == {True}
        with pytest.raises(Held):
            erase(officer, second, kim)
        release_hold(principal=officer, hold_id=hold, approval_id=approve(officer, second, RELEASE, hold), now=now())
    assert held(tenant) == {False}
    assert [len(recorded(event)) for event in ("hold.placed", "hold.released")] == [2, 2]
    refusals = [body for body in recorded("grant.refused") if '"code":"privacy.held"' in body]
    assert len(refusals) == 2
    erase(officer, second, kim)
    assert shown(tenant, chat) == [None, None], "the control: what nothing holds is erased"


def test_e07_control_where_nobody_looks_for_holds_a_held_person_is_erased(tenant, officer, second, kim, monkeypatch):
    place_hold(principal=officer, subject=kim, reason="a claim", now=now())
    monkeypatch.setattr("governance.privacy.erasing.check_no_hold", lambda subject, conversations: None)
    assert erase(officer, second, kim).body


def test_e07_a_hold_is_released_once_and_by_two(tenant, officer, second, kim):
    hold = place_hold(principal=officer, subject=kim, reason="a claim", now=now())
    alone = seconding.ask(principal=officer, act=RELEASE, subject=hold, reason="over", now=now())
    with pytest.raises(ApprovalRefused):
        release_hold(principal=officer, hold_id=hold, approval_id=alone, now=now())
    other = place_hold(principal=officer, subject=kim, reason="another claim", now=now())
    elsewhere = approve(officer, second, RELEASE, other)
    with pytest.raises(ApprovalRefused):
        release_hold(principal=officer, hold_id=hold, approval_id=elsewhere, now=now())
    assert held(tenant) == {True}
    seconding.second(principal=second, approval_id=alone, agree=True, now=now())
    release_hold(principal=officer, hold_id=hold, approval_id=alone, now=now())
    with pytest.raises(ApprovalRefused):
        release_hold(principal=officer, hold_id=hold, approval_id=alone, now=now())
    again = approve(officer, second, RELEASE, hold)
    with pytest.raises(PrivacyError):
        release_hold(principal=officer, hold_id=hold, approval_id=again, now=now())
    assert len(recorded("hold.released")) == 1
    assert held(tenant) == {True}, "the other hold stands"


@pytest.mark.parametrize("role", ["analyst", "auditor", "security_officer"])
def test_e07_a_wrong_role_neither_places_nor_releases(role, tenant, people, officer, second, kim):
    wrong = as_principal(tenant, people[role], second_factor=True)
    hold = place_hold(principal=officer, subject=kim, reason="a claim", now=now())
    approval = approve(officer, second, RELEASE, hold)
    with pytest.raises(AccessDenied):
        place_hold(principal=wrong, subject=kim, reason="r", now=now())
    with pytest.raises(AccessDenied):
        release_hold(principal=wrong, hold_id=hold, approval_id=approval, now=now())
    assert held(tenant) == {True}
    assert len(recorded("grant.refused")) == 1, "two equal refusals within a window are one entry"
    release_hold(principal=officer, hold_id=hold, approval_id=approval, now=now())
    assert held(tenant) == {False}, "the control: the right role does"


@pytest.fixture
def together(tenant):
    """A chat of two people, with the data key of each one's message."""
    said = [("kim", "I am kim"), ("lim", "I am lim")]
    messages = [{"role": "user", "content": text, "author": author, "external_id": author} for author, text in said]
    [result] = store(tenant, {"external_id": "c-2", "collection": "support-bot", "messages": messages})
    rows = sql(
        "SELECT id, source_data_key_id FROM governance_message WHERE conversation_id = %s ORDER BY ordinal", result.id
    )
    return result.id, rows


def test_e04_two_people_of_one_chat_have_a_data_key_each_and_one_is_erased_alone(tenant, officer, second, together):
    conversation, [(_, one), (_, other)] = together
    assert one != other
    kim = subject_of(principal=officer, reference="kim", now=now())
    assert shown(tenant, conversation) == ["I am kim", "I am lim"]
    erase(officer, second, kim)
    assert shown(tenant, conversation) == [None, "I am lim"]


def test_e04_the_database_refuses_a_shared_data_key_and_a_second_one_of_an_owner(together):
    _, [(_, key), (message, _)] = together
    with pytest.raises(CheckViolation, match="is_envelope"):
        sql("UPDATE governance_message SET source_data_key_id = %s WHERE id = %s", key, message)
    names = "tenant_id, version_id, conversation_id, owner_id, use, wrapped, created_at"
    with pytest.raises(UniqueViolation, match="data_key_one_an_owner"):
        sql(f"INSERT INTO governance_datakey (id, replaced, {names}) SELECT gen_random_uuid(), false, {names}"
            " FROM governance_datakey WHERE id = %s", key)  # fmt: skip


def test_e04_control_without_the_constraint_one_erasure_takes_the_others_text(tenant, officer, second, together):
    """What sharing would mean: the row of one person names the other's key, which the erasure destroys."""
    conversation, [(_, key), (message, _)] = together
    [(name, definition)] = sql(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'message_source_is_envelope'"
    )
    sql(f"ALTER TABLE governance_message DROP CONSTRAINT {name}")
    try:
        sql("UPDATE governance_message SET source_data_key_id = %s WHERE id = %s", key, message)
        erase(officer, second, subject_of(principal=officer, reference="kim", now=now()))
        assert shown(tenant, conversation) == [None, None]
    finally:
        sql("DELETE FROM governance_message WHERE id = %s", message)
        sql(f"ALTER TABLE governance_message ADD CONSTRAINT {name} {definition}")
