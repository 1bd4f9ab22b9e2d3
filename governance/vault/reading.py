"""Opens what is sealed, under a grant. What it guarantees:

- the decision is on the record, committed, before any text leaves; no record, no answer;
- redacted by default; the source only where the grant's action says so;
- a value that does not open at its place is recorded as an integrity failure, with ids and no text, and nothing of the
  conversation is returned;
- what was in fact opened for a person is kept as a Consultation.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from governance.access.cells import CLASSIFICATIONS
from governance.access.granting import Grant, grant, required
from governance.access.purposes import BREAK_GLASS
from governance.audit.recording import record_now
from governance.crypto.derivation import fingerprint
from governance.crypto.envelope import Place
from governance.crypto.errors import CannotOpen
from governance.identity.identifiers import uuid7
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.keys.data_keys import open_data_keys
from governance.keys.errors import KeyReplaced, UnknownKey
from governance.vault.documents import Document, decode
from governance.vault.errors import IntegrityFailure
from governance.vault.models import Conversation, Message, State
from governance.vault.records import OpenedConversation, OpenedMessage
from governance.vault.rows import MessageRow, SealedView, read_again, read_head, read_messages, view_of

ACTIONS = {"redacted": "read_redacted", "source": "read_source"}
_WITHHELD = {
    State.PENDING: "not scanned yet",
    State.UNSCANNED: "could not be scanned",
    State.QUARANTINED: "set aside after three attempts",
    State.ERASED: "erased",
}
MESSAGES_AT_ONCE = 500
_CONSULTED = (
    "INSERT INTO governance_consultation"
    " (id, tenant_id, grant_id, user_id, conversation_id, purpose, view, reason, messages)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
)


def _warm_grant(held: Grant, views: Sequence[SealedView]) -> None:
    """Put the data keys of the views into the grant's store; those that were destroyed stay absent."""
    wanted = {view.key for view in views if view.key is not None}
    missing = wanted - held.keys.keys()
    if missing:
        held.keys.update(open_data_keys(missing, emergency=held.purpose == BREAK_GLASS))


def _warmed(held: Grant, views: Sequence[SealedView]) -> Sequence[SealedView]:
    """Warm the grant and return the views; read again where a re-encryption came between their rows and their keys."""
    try:
        _warm_grant(held, views)
    except KeyReplaced:
        views = [read_again(view) for view in views]
        _warm_grant(held, views)
    return views


def _open(held: Grant, view: SealedView) -> Document | None:
    """Return the document of the view; None where it has none or its data key was destroyed."""
    if view.sealed is None or view.key not in held.keys:
        return None
    return decode(held.keys[view.key].open(view.sealed.envelope, view.place))


def open_rows(rows: Sequence[Conversation | Message], *, view: str) -> list[Document | None]:
    """Open records that are loaded already, as `open_views` does."""
    return open_views([view_of(row, view) for row in rows], view=view)


def open_views(views: Sequence[SealedView], *, view: str) -> list[Document | None]:
    """Open what was selected under the grant of this context; call it inside the tenant's scope.

    Raises OpeningRefused (recorded), IntegrityFailure (recorded).
    """
    held = required()
    held.check(Counter(one.place.conversation for one in views), view=view)
    place = None
    try:
        views = _warmed(held, views)
        opened = []
        for one in views:
            place = one.place
            opened.append(_open(held, one))
    except (CannotOpen, UnknownKey, KeyReplaced):
        _report(held, place, view)
        raise IntegrityFailure from None
    return opened


def _report(held: Grant, place: Place | None, view: str) -> None:
    record_now(
        tenant=held.principal.tenant_id,
        event="integrity_failure",
        **held.principal.as_actor(),
        grant=str(held.id),
        row=str(place.message) if place else "data key",
        column=view,
    )


def opened_message(row: MessageRow, document: Document | None, view: str) -> OpenedMessage:
    """Return the message as it crosses the door, or why its view is withheld."""
    withheld = "" if document is not None else _WITHHELD.get(State(row.state), "erased")
    if document is None and view == "source":
        withheld = "erased"
    return OpenedMessage(
        id=row.id,
        ordinal=row.ordinal,
        role=row.role,
        parent_id=row.parent_id,
        state=State(row.state).label,
        document=document,
        withheld=withheld,
    )


def read_conversation(
    *,
    principal: Principal,
    conversation_id: UUID,
    purpose: str,
    now: datetime,
    view: str = "redacted",
    reason: str = "",
    after: int = -1,
    limit: int = MESSAGES_AT_ONCE,
) -> OpenedConversation:
    """Open a conversation's head and its messages with ordinals above `after`, at most `limit` of them.

    `view` is "redacted" or "source". Raises NotFound, AccessDenied (recorded), IntegrityFailure (recorded).
    """
    digest = fingerprint(reason.encode()).hex() if reason else ""
    with tenant_scope(principal.tenant_id):
        head = read_head(conversation_id, view=view)
        with grant(
            principal=principal,
            action=ACTIONS[view],
            purpose=purpose,
            resources={conversation_id: head.resource},
            now=now,
            reason_digest=digest,
        ) as held:
            rows = read_messages(conversation_id, view=view, after=after, limit=limit)
            documents = open_views([head.view, *(row.view for row in rows)], view=view)
            consult(held, conversation_id, view=view, messages=len(rows), reason=reason)
    return OpenedConversation(
        id=conversation_id,
        collection=head.resource.cell.collection,
        classification=CLASSIFICATIONS[head.resource.cell.classification],
        view=view,
        head=documents[0],
        messages=tuple(opened_message(row, document, view) for row, document in zip(rows, documents[1:], strict=True)),
        total=head.messages,
        policies=held.policies,
    )


def consult(held: Grant, conversation_id: UUID, *, view: str, messages: int, reason: str) -> None:
    """Keep what was opened for a person; call it inside the tenant's scope."""
    facts = (uuid7(), held.principal.tenant_id, held.id, held.principal.user_id, conversation_id)
    with connection.cursor() as cursor:  # A row with every read: the ORM would cost three times the insert.
        cursor.execute(_CONSULTED, [*facts, held.purpose, view, reason, messages])
