"""ATTACKS.md, row K18: no way of writing puts plaintext into a sealed column, or another column's or owner's ciphertext."""

import json

import psycopg
import pytest
from django.core.management import call_command
from django.core.serializers.base import DeserializationError
from django.db import IntegrityError, migrations, models
from django.db.migrations.state import ProjectState
from django.db.models import F, Value

from governance.crypto.errors import CannotOpen
from governance.identity.scoping import tenant_scope
from governance.vault.errors import IntegrityFailure
from governance.vault.fields import SealedTextField
from governance.vault.models import Conversation, Message
from tests.conftest import item, store
from tests.security.test_c_ciphertext import admin, read, sql

TEXT = "My card number is 4111 1111 1111 1111 and this is in clear text, long enough for an envelope."


@pytest.fixture
def chats(tenant):
    return [one.id for one in store(tenant, item("c-1", "hello", subject="u-1"), item("c-2", "bye", subject="u-2"))]


def messages():
    return list(Message.objects.order_by("id"))


def untouched():
    return sql("SELECT id, source, redacted, source_data_key_id, redacted_data_key_id FROM governance_message ORDER BY id")


def bulk_create():
    row = messages()[0]
    Message.objects.bulk_create(
        [
            Message(
                tenant_id=row.tenant_id, conversation_id=row.conversation_id, ordinal=99, role="user", external_index=b"x",
                item_digest=b"x", source=TEXT, source_data_key_id=row.source_data_key_id,
            )
        ]
    )  # fmt: skip


def bulk_update():
    row = messages()[0]
    row.source = TEXT
    Message.objects.bulk_update([row], ["source"])


def save():
    row = messages()[0]
    row.source = TEXT.encode()
    row.save(update_fields=["source"])


PLAIN = {
    "bulk_create": (bulk_create, TypeError),
    "bulk_update": (bulk_update, TypeError),
    "save": (save, TypeError),
    "update": (lambda: Message.objects.update(source=TEXT), TypeError),
    "update with bytes": (lambda: Message.objects.update(source=TEXT.encode()), TypeError),
    "update with an expression": (
        lambda: Message.objects.update(source=Value(TEXT.encode(), output_field=models.BinaryField())), IntegrityError,
    ),
    "update_or_create": (lambda: Message.objects.update_or_create(id=messages()[0].id, defaults={"source": TEXT}), TypeError),
    "raw SQL": (lambda: sql("UPDATE governance_message SET source = %s", TEXT.encode()), psycopg.errors.CheckViolation),
}  # fmt: skip


@pytest.mark.parametrize("way", PLAIN)
def test_k18_no_way_of_writing_stores_plaintext(tenant, chats, way):
    write, refusal = PLAIN[way]
    before = untouched()
    with pytest.raises(refusal) as refused, tenant_scope(tenant.id):
        write()
    assert TEXT not in str(refused.value) or way == "raw SQL"  # A superuser's session is told what it sent.
    assert untouched() == before


def test_k18_loaddata_takes_no_plaintext(tenant, chats, tmp_path):
    ((message, conversation, key),) = sql(
        "SELECT id, conversation_id, source_data_key_id FROM governance_message ORDER BY id LIMIT 1"
    )
    fields = {
        "tenant_id": str(tenant.id), "conversation": str(conversation), "ordinal": 0, "role": "user", "source": TEXT,
        "source_data_key_id": str(key), "external_index": "", "item_digest": "",
    }  # fmt: skip
    file = tmp_path / "messages.json"
    file.write_text(json.dumps([{"model": "governance.message", "pk": str(message), "fields": fields}]))
    before = untouched()
    with pytest.raises(DeserializationError, match="never text") as refused, tenant_scope(tenant.id):
        call_command("loaddata", str(file), verbosity=0)
    assert TEXT not in str(refused.value.__cause__ or "")
    assert untouched() == before


def test_k18_control_without_check_and_field_the_same_statement_stores_text(tenant, chats):
    with admin() as outside:
        outside.execute("BEGIN")
        outside.execute("ALTER TABLE governance_message DROP CONSTRAINT message_source_is_envelope")
        outside.execute("UPDATE governance_message SET source = %s", (TEXT.encode(),))
        assert bytes(outside.execute("SELECT source FROM governance_message LIMIT 1").fetchone()[0]) == TEXT.encode()
        outside.execute("ROLLBACK")


COPIES = {
    "F of the other column": lambda: Message.objects.update(redacted=F("source")),
    "F of the other column, with its key": lambda: Message.objects.update(
        redacted=F("source"), redacted_data_key_id=F("source_data_key_id")
    ),
    "bulk_update of another row's": lambda: copied(with_key=False),
    "bulk_update of another row's, with its key": lambda: copied(with_key=True),
}


def copied(*, with_key):
    """Write the second message's envelope into the first's row."""
    one, other = messages()
    one.source = other.source
    columns = ["source"]
    if with_key:
        one.source_data_key_id, columns = other.source_data_key_id, ["source", "source_data_key_id"]
    Message.objects.bulk_update([one], columns)


@pytest.mark.parametrize("way", COPIES)
def test_k18_copied_ciphertext_is_refused_at_the_write_or_at_the_opening(tenant, chats, way):
    """Where the key's id goes along, the row looks whole to the database; the place in the AAD is another one."""
    try:
        with tenant_scope(tenant.id):
            COPIES[way]()
    except IntegrityError:
        assert "with its key" not in way
        return
    view = "redacted" if way.startswith("F ") else "source"
    sql("UPDATE governance_message SET state = 1, redacted_revision = 1 WHERE redacted IS NOT NULL")
    with pytest.raises(IntegrityFailure):
        read(tenant, chats[0], view)


def test_k18_control_without_the_place_the_copied_ciphertext_opens(tenant, chats, monkeypatch):
    from tests.security.test_c_ciphertext import unbound

    monkeypatch.setattr("governance.crypto.envelope.associated_data", unbound)
    fresh = [one.id for one in store(tenant, item("c-3", "mine", subject="u-3"), item("c-4", "theirs", subject="u-4"))]
    rows = sql("SELECT id, source, source_data_key_id FROM governance_message WHERE conversation_id = ANY(%s)", fresh)
    by_id = sorted(rows)
    sql("UPDATE governance_message SET source = %s, source_data_key_id = %s WHERE id = %s",
        bytes(by_id[1][1]), by_id[1][2], by_id[0][0])  # fmt: skip
    assert read(tenant, fresh[0]) == ["theirs"]


def test_k18_a_migration_keeps_the_column_sealed(tenant, chats):
    """The historical model of a data migration has the same field, which takes no text."""
    state = ProjectState()
    sealed = SealedTextField(label="message.source")
    operation = migrations.CreateModel(
        "Message",
        [("id", models.UUIDField(primary_key=True)), ("source", sealed.clone())],
        options={"db_table": "governance_message"},
    )
    operation.state_forwards("governance", state)
    historical = state.apps.get_model("governance", "Message")
    assert type(historical._meta.get_field("source")) is SealedTextField
    with tenant_scope(tenant.id):
        row = historical.objects.order_by("id").first()
        assert TEXT not in repr(row.source)
        assert str(row.source) == "<sealed>"
        with pytest.raises(TypeError, match="Sealed values only"):
            historical.objects.update(source=TEXT)
    with pytest.raises(CannotOpen):
        from governance.vault.sealed import Sealed

        Sealed(TEXT.encode())


def test_k18_heads_of_conversations_are_columns_of_the_same_kind(tenant, chats):
    with tenant_scope(tenant.id), pytest.raises(TypeError):
        Conversation.objects.update(source=TEXT)
    with tenant_scope(tenant.id), pytest.raises(IntegrityError):
        Conversation.objects.update(redacted=F("source"))
