"""Opens what is sealed, under a grant. What it guarantees:

- the decision is on the record, committed, before any text leaves; no record, no answer;
- redacted by default; the source only where the grant's action says so;
- a value that does not open at its place is recorded as an integrity failure, with ids and no text, and nothing of the
  conversation is returned;
- what was in fact opened for a person is kept as a Consultation.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from governance.access.cells import CLASSIFICATIONS
from governance.access.granting import Grant, grant, required
from governance.audit.recording import record_now
from governance.crypto.derivation import fingerprint
from governance.crypto.envelope import Place
from governance.crypto.errors import CannotOpen
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.keys.data_keys import open_data_keys
from governance.keys.errors import UnknownKey
from governance.vault.documents import Document, decode
from governance.vault.errors import IntegrityFailure, NotFound
from governance.vault.models import Consultation, Conversation, Message, State
from governance.vault.records import OpenedConversation, OpenedMessage
from governance.vault.resources import resource_of

ACTIONS = {"redacted": "read_redacted", "source": "read_source"}
_WITHHELD = {
    State.PENDING: "not scanned yet",
    State.UNSCANNED: "could not be scanned",
    State.QUARANTINED: "set aside after three attempts",
    State.ERASED: "erased",
}
MESSAGES_AT_ONCE = 500


def find_conversation(conversation_id: UUID) -> Conversation:
    """Return the sealed row with its collection; call it inside the tenant's scope. Raises NotFound."""
    try:
        return Conversation.objects.select_related("collection").get(id=conversation_id)
    except Conversation.DoesNotExist:
        raise NotFound from None


def _warm_grant(held: Grant, rows: Sequence[Conversation | Message], view: str) -> None:
    """Put the data keys of the rows into the grant's store; those that were destroyed stay absent."""
    wanted = {key for row in rows if (key := getattr(row, f"{view}_data_key_id")) is not None}
    missing = wanted - held.keys.keys()
    if missing:
        held.keys.update(open_data_keys(missing))


def _open(held: Grant, row: Conversation | Message, view: str) -> Document | None:
    """Return the row's document in `view`; None where it has none or its data key was destroyed."""
    sealed, key_id = getattr(row, view), getattr(row, f"{view}_data_key_id")
    if sealed is None or key_id not in held.keys:
        return None
    conversation = row.conversation_id if isinstance(row, Message) else row.id
    label = f"{'message' if isinstance(row, Message) else 'conversation'}.{view}"
    place = Place(row.tenant_id, conversation, row.id, label, getattr(row, f"{view}_revision"))
    return decode(held.keys[key_id].open(sealed.envelope, place))


def open_rows(rows: Sequence[Conversation | Message], *, view: str) -> list[Document | None]:
    """Open rows under the grant of this context; call it inside the tenant's scope.

    Raises OpeningRefused (recorded), IntegrityFailure (recorded).
    """
    held = required()
    counts: dict[UUID, int] = {}
    for row in rows:
        conversation = row.conversation_id if isinstance(row, Message) else row.id
        counts[conversation] = counts.get(conversation, 0) + 1
    held.check(counts, view=view)
    row_id = None
    try:
        _warm_grant(held, rows, view)
        opened = []
        for row in rows:
            row_id = row.id
            opened.append(_open(held, row, view))
    except (CannotOpen, UnknownKey):
        _report(held, row_id, view)
        raise IntegrityFailure from None
    return opened


def _report(held: Grant, row_id: UUID | None, view: str) -> None:
    record_now(
        tenant=held.principal.tenant_id,
        event="integrity_failure",
        **held.principal.as_actor(),
        grant=str(held.id),
        row=str(row_id) if row_id else "data key",
        column=view,
    )


def opened_message(row: Message, document: Document | None, view: str) -> OpenedMessage:
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
        conversation = find_conversation(conversation_id)
        with grant(
            principal=principal,
            action=ACTIONS[view],
            purpose=purpose,
            resources={conversation_id: resource_of(conversation)},
            now=now,
            reason_digest=digest,
        ) as held:
            rows = list(
                Message.objects.filter(conversation_id=conversation_id, ordinal__gt=after).order_by("ordinal")[:limit]
            )
            documents = open_rows([conversation, *rows], view=view)
            consult(held, conversation_id, view=view, messages=len(rows), reason=reason)
    return OpenedConversation(
        id=conversation.id,
        collection=conversation.collection.name,
        classification=CLASSIFICATIONS[conversation.classification],
        view=view,
        head=documents[0],
        messages=tuple(opened_message(row, document, view) for row, document in zip(rows, documents[1:], strict=True)),
        total=conversation.message_count,
    )


def consult(held: Grant, conversation_id: UUID, *, view: str, messages: int, reason: str) -> None:
    """Keep what was opened for a person; call it inside the tenant's scope."""
    Consultation.objects.create(
        tenant_id=held.principal.tenant_id,
        grant_id=held.id,
        user_id=held.principal.user_id,
        conversation_id=conversation_id,
        purpose=held.purpose,
        view=view,
        reason=reason,
        messages=messages,
    )
