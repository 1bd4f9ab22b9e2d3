"""ATTACKS.md, rows C: ciphertext moved, changed, cut, replayed. Each row has its control beside it."""

import os
import tracemalloc
import unicodedata
from types import SimpleNamespace
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import IntegrityError, connection, connections
from hypothesis import given
from hypothesis import strategies as st

from governance.audit.models import AuditEntry
from governance.crypto import envelope as envelope_module
from governance.crypto.derivation import join_parts
from governance.crypto.envelope import OpenDataKey, Place, associated_data
from governance.crypto.errors import CannotOpen, TooLarge, UnknownFormat
from governance.crypto.padding import LIMIT, pad
from governance.identity.scoping import tenant_scope
from governance.runtime.postgres import ADMIN
from governance.vault.comparing import verify_content
from governance.vault.errors import IntegrityFailure
from governance.vault.models import Message
from governance.vault.reading import read_conversation
from tests.conftest import as_principal, item, make_person, make_tenant, now, store

PLACE = Place(uuid4(), uuid4(), uuid4(), "message.source", 1)


def key():
    return OpenDataKey(key_id=uuid4(), secret=os.urandom(32))


def admin():
    """A connection of PostgreSQL's superuser: whoever can write the tables around every wall."""
    database = connections["default"].settings_dict
    return psycopg.connect(
        host=database["HOST"], port=database["PORT"] or 5432, user=ADMIN, dbname=database["NAME"], autocommit=True
    )


def sql(statement, *values):
    with admin() as outside:
        cursor = outside.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def read(tenant, conversation, view="source"):
    officer = make_person(tenant, "privacy_officer")
    opened = read_conversation(
        principal=as_principal(tenant, officer, second_factor=True),
        conversation_id=conversation, purpose="support", view=view, reason="test", now=now(),
    )  # fmt: skip
    return [message.document.item["content"] for message in opened.messages]


def unbound(place, data_key):
    """The control's mutant: an AAD that names no place."""
    return b"anywhere"


@pytest.fixture
def two(tenant):
    """A conversation of two messages, with their ids."""
    conversation = store(tenant, item("c-1", "first text here", "second text here"))[0].id
    with tenant_scope(tenant.id):
        ids = list(Message.objects.filter(conversation_id=conversation).order_by("ordinal").values_list("id", flat=True))
    return conversation, ids


SWAP = (
    "UPDATE governance_message m SET source = o.source FROM governance_message o"
    " WHERE m.id = ANY(%s) AND o.id = ANY(%s) AND m.id <> o.id"
)


def test_c01_swapped_rows_are_refused(tenant, two):
    conversation, ids = two
    sql(SWAP, ids, ids)
    with pytest.raises(IntegrityFailure):
        read(tenant, conversation)
    with tenant_scope(tenant.id):
        entry = AuditEntry.objects.get(event="integrity_failure")
    assert str(ids[0]) in entry.body
    assert "text" not in entry.body


def test_c01_control_without_the_place_swapped_rows_open(tenant, monkeypatch):
    monkeypatch.setattr(envelope_module, "associated_data", unbound)
    conversation = store(tenant, item("c-1", "first text here", "second text here"))[0].id
    ids = [row[0] for row in sql("SELECT id FROM governance_message")]
    sql(SWAP, ids, ids)
    assert read(tenant, conversation) == ["second text here", "first text here"]


def test_c02_swapped_columns_are_refused(tenant, stored):
    """The envelope of one column does not open in the other, nor does the database take it there."""
    with admin() as outside, pytest.raises(psycopg.errors.CheckViolation):
        outside.execute("UPDATE governance_message SET source = redacted")
    sql("UPDATE governance_message SET source = redacted, source_data_key_id = redacted_data_key_id")
    with pytest.raises(IntegrityFailure):
        read(tenant, stored[0])


def test_c02_control_without_the_place_the_other_column_opens(tenant, monkeypatch):
    from governance.pipeline.running import run_classification

    monkeypatch.setattr(envelope_module, "associated_data", unbound)
    conversation = store(tenant, item("c-1", "mail kim@example.com please", "done"))[0].id
    run_classification(tenant.id)
    sql("UPDATE governance_message SET source = redacted, source_data_key_id = redacted_data_key_id")
    assert read(tenant, conversation)[0].startswith("mail [EMAIL")


@pytest.mark.parametrize("shared_kek", [False, True], ids=["own kek", "one kek for both"])
def test_c03_a_row_copied_to_another_tenant_is_refused(tenant, two, shared_kek):
    conversation, ids = two
    other = make_tenant()
    victim = store(other, item("c-9", "other text", "more text"))[0].id
    if shared_kek:
        sql(
            "UPDATE governance_datakey t SET version_id = t.version_id, wrapped = s.wrapped FROM governance_datakey s"
            " WHERE t.tenant_id = %s AND t.use = 'content' AND s.tenant_id = %s AND s.use = 'content'"
            " AND t.conversation_id = %s AND s.conversation_id = %s",
            other.id, tenant.id, victim, conversation,
        )  # fmt: skip
    target = sql(
        "SELECT id, source_data_key_id FROM governance_message WHERE conversation_id = %s ORDER BY ordinal", victim
    )[0]
    stolen = sql("SELECT source FROM governance_message WHERE id = %s", ids[0])[0][0]
    forged = bytes(stolen[:6]) + target[1].bytes + bytes(stolen[22:])
    sql("UPDATE governance_message SET source = %s WHERE id = %s", forged, target[0])
    with pytest.raises(IntegrityFailure):
        read(other, victim)


def test_c03_control_the_copied_envelope_opens_at_home(tenant, two):
    assert read(tenant, two[0])[0] == "first text here"


def put_back(tenant, conversation):
    """Seal anew, then write the older envelope back; return its id."""
    old = sql("SELECT id, redacted, redacted_revision FROM governance_message WHERE ordinal = 0")[0]
    sql("UPDATE governance_message SET state = 0, attempt = 0")
    from governance.pipeline.running import run_classification

    run_classification(tenant.id)
    return old


def test_c04_an_older_envelope_put_back_is_refused_and_with_its_revision_found(tenant, stored):
    old = put_back(tenant, stored[0])
    sql("UPDATE governance_message SET redacted = %s WHERE id = %s", old[1], old[0])
    conversation = sql("SELECT conversation_id FROM governance_message WHERE id = %s", old[0])[0][0]
    with pytest.raises(IntegrityFailure):
        read(tenant, conversation, "redacted")
    sql("UPDATE governance_message SET redacted_revision = %s WHERE id = %s", old[2], old[0])
    assert read(tenant, conversation, "redacted"), "row and revision together open: only the record can tell"
    with tenant_scope(tenant.id):
        faults = verify_content(tenant=tenant.id).faults
    assert [fault for fault in faults if str(old[0]) in fault and "recorded last" in fault]


def test_c04_control_without_a_rollback_the_content_is_whole(tenant, stored):
    put_back(tenant, stored[0])
    with tenant_scope(tenant.id):
        report = verify_content(tenant=tenant.id)
    assert report.faults == []
    assert report.envelopes == 18


def test_c05_every_flipped_bit_is_refused_in_the_same_words():
    opened = key()
    sealed = opened.seal(b"x" * 130, PLACE)
    answers = set()
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CannotOpen) as refusal:
            opened.open(bytes(changed), PLACE)
        answers.add(str(refusal.value))
        assert refusal.value.__cause__ is None
    assert len(answers) == 1
    assert len(sealed) * 8 >= 1600


def test_c05_control_the_unchanged_envelope_opens():
    opened = key()
    assert opened.open(opened.seal(b"x" * 130, PLACE), PLACE) == b"x" * 130


def test_c06_cut_and_lengthened_envelopes_are_refused_within_bounded_memory():
    opened = key()
    sealed = opened.seal(b"x" * 100, PLACE)
    noise = os.urandom(10_000_000)
    cases = [sealed[:length] for length in range(len(sealed))] + [sealed + b"\x00", b"", noise, sealed[:42] + noise]
    tracemalloc.start()
    for case in cases:
        with pytest.raises(CannotOpen):
            opened.open(case, PLACE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * len(noise)


def test_c06_control_the_whole_envelope_opens():
    opened = key()
    assert opened.open(opened.seal(b"", PLACE), PLACE) == b""


names = st.text(max_size=40)
ids = st.uuids()


@given(
    st.tuples(ids, ids, ids, names, st.integers(0, 2**32 - 1)), st.tuples(ids, ids, ids, names, st.integers(0, 2**32 - 1))
)
def test_c07_different_places_have_different_associated_data(one, two):
    data_key = UUID(int=7)
    same = associated_data(Place(*one), data_key) == associated_data(Place(*two), data_key)
    assert same == (one == two)


@given(st.lists(st.binary(max_size=12), max_size=4), st.lists(st.binary(max_size=12), max_size=4))
def test_c07_joined_parts_are_never_ambiguous(one, two):
    assert (join_parts(*one) == join_parts(*two)) == (one == two)


def test_c07_control_plain_joining_is_ambiguous():
    assert b"".join([b"tenant1", b"23"]) == b"".join([b"tenant12", b"3"])
    assert join_parts(b"tenant1", b"23") != join_parts(b"tenant12", b"3")
    composed, decomposed = (unicodedata.normalize(form, "\u00e9").encode() for form in ("NFC", "NFD"))
    assert join_parts(composed) != join_parts(decomposed)


@pytest.mark.parametrize(
    ("offset", "value"),
    [(0, b"TVE0"), (0, b"TVE2"), (4, b"\x00"), (4, b"\x02"), (5, b"\x01"), (5, b"\xff")],
    ids=["version 0", "version 2", "algorithm 0", "algorithm 2", "flag compressed", "all flags"],
)
def test_c11_unknown_headers_are_refused_before_any_key_is_used(offset, value, monkeypatch):
    opened = key()
    sealed = bytearray(opened.seal(b"text", PLACE))
    sealed[offset : offset + len(value)] = value
    used = SimpleNamespace(compare_digest=lambda *_: pytest.fail("a key was used"))
    monkeypatch.setattr(envelope_module, "hmac", used)  # The commitment is compared before anything is decrypted.
    with pytest.raises(UnknownFormat):
        opened.open(bytes(sealed), PLACE)


def test_c11_control_the_header_that_is_known_is_taken():
    opened = key()
    assert opened.seal(b"text", PLACE)[:6] == b"TVE1\x01\x00"


@pytest.mark.parametrize(
    "text",
    [b"", b"\x00", b"x", "👩‍👩‍👧 你好".encode(), b"a\x00b", b"x" * 100_000],
    ids=["empty", "nul", "one", "emoji", "inner nul", "long"],
)
def test_c14_every_text_comes_back_as_it_was(text):
    opened = key()
    assert opened.open(opened.seal(text, PLACE), PLACE) == text


def test_c14_null_stays_null_and_too_much_is_a_typed_error(tenant, two):
    with tenant_scope(tenant.id):
        assert Message.objects.get(id=two[1][0]).redacted is None

    class Huge(bytes):
        def __len__(self):
            return LIMIT + 1

    with pytest.raises(TooLarge):
        pad(Huge())


def test_c14_control_unpadded_text_loses_its_end():
    assert pad(b"a\x00")[4:].rstrip(b"\x00") == b"a", "without the length in front the NUL would be lost"


RAW = [
    pytest.param(b"plain text of a user, long enough to be an envelope in size alone....", id="text"),
    pytest.param(b"TVE1", id="magic only"),
    pytest.param(b"", id="empty"),
    pytest.param(b"TVE1\x01\x00" + bytes(60), id="another data key"),
]


@pytest.mark.parametrize("raw", RAW)
def test_c15_the_database_takes_no_raw_text(tenant, two, raw):
    with admin() as outside, pytest.raises(psycopg.errors.CheckViolation):
        outside.execute("UPDATE governance_message SET source = %s WHERE id = %s", [raw, two[1][0]])
    with pytest.raises(IntegrityError), tenant_scope(tenant.id), connection.cursor() as cursor:
        cursor.execute("UPDATE governance_message SET source = %s", [raw])


def test_c15_control_without_the_constraint_it_would(tenant, two):
    with admin() as outside, outside.transaction(force_rollback=True):
        outside.execute("ALTER TABLE governance_message DROP CONSTRAINT message_source_is_envelope")
        outside.execute("UPDATE governance_message SET source = %s", [b"plain"])
        assert outside.execute("SELECT DISTINCT source FROM governance_message").fetchall() == [(b"plain",)]
