"""What an opening needs of the rows and no more: the columns of one view, in statements that are written once.

Every read goes through here. The ORM would build its statements anew each time, which takes longer than PostgreSQL
takes to answer them, and would fetch the view that nobody asked for as well.
"""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection

from governance.access.cells import Resource
from governance.crypto.envelope import Place
from governance.vault.errors import NotFound
from governance.vault.models import Classification, Conversation, Message, State
from governance.vault.resources import resource_from
from governance.vault.sealed import Sealed

VIEWS: Final = ("redacted", "source")


@dataclass(frozen=True, slots=True)
class SealedView:
    """One view of one record: the place it is sealed for, the data key that opens it, and the envelope if it has one."""

    place: Place
    key: UUID | None
    sealed: Sealed | None


@dataclass(frozen=True, slots=True)
class HeadRow:
    """A conversation to be opened."""

    id: UUID
    resource: Resource
    messages: int
    view: SealedView


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message to be opened."""

    id: UUID
    ordinal: int
    role: str
    parent_id: UUID | None
    state: int
    view: SealedView


_HEAD: Final = (
    "SELECT r.collection_id, r.classification, r.held, r.restricted, c.name, c.purposes, r.message_count,"
    " r.tenant_id, r.VIEW_revision, r.VIEW_data_key_id, r.VIEW FROM governance_conversation r"
    " JOIN governance_collection c ON c.tenant_id = r.tenant_id AND c.id = r.collection_id WHERE r.id = %s"
)
_MESSAGES: Final = (
    "SELECT r.id, r.ordinal, r.role, r.parent_id, r.state,"
    " r.tenant_id, r.VIEW_revision, r.VIEW_data_key_id, r.VIEW FROM governance_message r"
    " WHERE r.conversation_id = %s AND r.ordinal > %s ORDER BY r.ordinal LIMIT %s"
)
# A source that nobody has looked at may hold anything: until all of a conversation is scanned, its sources are restricted.
_UNKNOWN: Final = (
    f"CASE WHEN r.state = {State.PENDING} OR EXISTS (SELECT 1 FROM governance_message m WHERE m.conversation_id = r.id"  # noqa: S608 - numbers
    f" AND m.state = {State.PENDING}) THEN {Classification.RESTRICTED} ELSE r.classification END"
)
_HEADS: Final = {
    "redacted": _HEAD.replace("VIEW", "redacted"),
    "source": _HEAD.replace("r.classification", _UNKNOWN).replace("VIEW", "source"),
}
_PAGES: Final = {view: _MESSAGES.replace("VIEW", view) for view in VIEWS}


def _view(label: str, conversation: UUID, row: UUID, columns: tuple[Any, ...]) -> SealedView:
    tenant, revision, key, envelope = columns
    sealed = None if envelope is None else Sealed(bytes(envelope))
    return SealedView(Place(tenant, conversation, row, label, revision), key, sealed)


def view_of(record: Conversation | Message, view: str) -> SealedView:
    """Return one view of a record that is loaded already."""
    columns = tuple(getattr(record, name) for name in ("tenant_id", f"{view}_revision", f"{view}_data_key_id"))
    sealed = getattr(record, view)
    envelope = None if sealed is None else sealed.envelope
    if isinstance(record, Message):
        return _view(f"message.{view}", record.conversation_id, record.id, (*columns, envelope))
    return _view(f"conversation.{view}", record.id, record.id, (*columns, envelope))


def read_again(view: SealedView) -> SealedView:
    """Return the view as its row has it now; call it inside the tenant's scope. Raises NotFound."""
    label = view.place.column
    kind, _, column = label.partition(".")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT tenant_id, {column}_revision, {column}_data_key_id, {column} FROM governance_{kind}"  # noqa: S608 - fixed names
            " WHERE id = %s",
            [view.place.message],
        )
        row = cursor.fetchone()
    if row is None:
        raise NotFound
    return _view(label, view.place.conversation, view.place.message, row)


def read_head(conversation: UUID, *, view: str) -> HeadRow:
    """Return the conversation with one view of its head; call it inside the tenant's scope. Raises NotFound."""
    with connection.cursor() as cursor:
        cursor.execute(_HEADS[view], [conversation])
        row = cursor.fetchone()
    if row is None:
        raise NotFound
    sealed = _view(f"conversation.{view}", conversation, conversation, row[7:])
    return HeadRow(conversation, resource_from(row[:6]), row[6], sealed)


def read_messages(conversation: UUID, *, view: str, after: int, limit: int) -> list[MessageRow]:
    """Return one view of at most `limit` messages with ordinals above `after`, in order; inside the tenant's scope."""
    with connection.cursor() as cursor:
        cursor.execute(_PAGES[view], [conversation, after, limit])
        rows = cursor.fetchall()
    return [
        MessageRow(row, ordinal, role, parent, state, _view(f"message.{view}", conversation, row, tuple(sealed)))
        for row, ordinal, role, parent, state, *sealed in rows
    ]
