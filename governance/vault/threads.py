"""One conversation while a batch is stored: what is known of it, who owns its texts, and which messages are new.

Pure but for the ids it makes; `vault.storing` fills it from the database and writes what it says.
"""

from dataclasses import dataclass, field
from uuid import UUID

from governance.crypto.derivation import KeyedHash
from governance.identity.identifiers import uuid7
from governance.vault.models import DataSubject, State
from governance.vault.records import NewConversation, NewMessage, Stored
from governance.vault.subjects import conversation_index, person_index

HUMAN_ROLES = frozenset({"user"})


@dataclass(slots=True)
class Accepted:
    """A message that will be written."""

    id: UUID
    ordinal: int
    parent: UUID | None
    message: NewMessage = field(repr=False)
    reference: str = field(repr=False)
    external_index: bytes
    digest: bytes


@dataclass(slots=True)
class Thread:
    """A conversation of the batch: existing (`known_subject`, `count`, `messages`) or new."""

    external_index: bytes
    collection: UUID
    first: NewConversation = field(repr=False)
    id: UUID = field(default_factory=uuid7)
    exists: bool = False
    state: int = State.PENDING
    known_subject: UUID | None = None
    count: int = 0
    messages: dict[bytes, tuple[UUID, bytes]] = field(default_factory=dict)
    items: list[NewConversation] = field(default_factory=list, repr=False)
    accepted: list[Accepted] = field(default_factory=list)
    humans: set[UUID] = field(default_factory=set)
    anonymous: UUID | None = None
    shared: UUID | None = None

    def references(self) -> set[str]:
        """Return the references of all people whom the batch names in this conversation."""
        named = {item.data_subject for item in self.items}
        named |= {message.author for item in self.items for message in item.messages if message.role in HUMAN_ROLES}
        return named - {""}

    def _has_unknown_human(self) -> bool:
        """Whether some human turn names nobody and nobody else can be meant."""
        if self.known_subject is not None:
            return False
        return any(
            not item.data_subject
            and (not item.messages or any(not m.author and m.role in HUMAN_ROLES for m in item.messages))
            for item in self.items
        )

    def wanted_subjects(self, index: KeyedHash) -> list[tuple[bytes, str]]:
        """Return the blind indexes and kinds of the subjects that this conversation needs."""
        named = self.references()
        wanted = [(person_index(index, reference), DataSubject.Kind.PERSON.value) for reference in named]
        if self._has_unknown_human() or not (named or self.known_subject):
            wanted.append((conversation_index(index, "anonymous", self.id), DataSubject.Kind.ANONYMOUS.value))
        if self.exists or len(wanted) > 1:
            wanted.append((conversation_index(index, "shared", self.id), DataSubject.Kind.SHARED.value))
        return wanted

    def resolve(self, subjects: dict[bytes, UUID], index: KeyedHash) -> None:
        """Take the ids of the subjects from the database."""
        self.anonymous = subjects.get(conversation_index(index, "anonymous", self.id))
        self.shared = subjects.get(conversation_index(index, "shared", self.id))
        self.humans = {subjects[person_index(index, reference)] for reference in self.references()}
        if self.known_subject is not None:
            self.humans.add(self.known_subject)
        if self.anonymous is not None:
            self.humans.add(self.anonymous)

    @property
    def subject(self) -> UUID | None:
        """The only human of the conversation, or None where there are several."""
        if self.exists and self.known_subject is None:
            return None
        return next(iter(self.humans)) if len(self.humans) == 1 else None

    def common_owner(self) -> UUID:
        """Return whose data key seals what no human wrote: the only human's, else the conversation's shared one."""
        owner = self.subject or self.shared
        if owner is None:
            raise AssertionError("A conversation with several humans has a shared owner.")
        return owner

    def owner_of(self, accepted: Accepted, subjects: dict[bytes, UUID], index: KeyedHash) -> UUID:
        """Return whose data key seals this message."""
        if accepted.message.role not in HUMAN_ROLES:
            return self.common_owner()
        if accepted.reference:
            return subjects[person_index(index, accepted.reference)]
        return self.known_subject or self.anonymous or self.common_owner()

    def accept(self, item: NewConversation, index: KeyedHash) -> Stored:
        """Take the new messages of one item, all or none, and say what became of it."""
        if self.state == State.ERASED:
            return Stored(status=422, code="conversation.erased", error="This conversation was erased.")
        fresh: list[Accepted] = []
        seen = dict(self.messages)
        duplicates = 0
        for message in item.messages:
            external = index.digest(b"message", message.external_id.encode())[:16]
            digest = index.digest(b"item", message.role.encode(), message.document)[:16]
            known = seen.get(external)
            if known is not None:
                if known[1] != digest:
                    return Stored(status=409, id=self.id, code="message.changed", error=_CHANGED)
                duplicates += 1
                continue
            parent = self._parent(message, seen, index)
            if message.parent and parent is None:
                return Stored(status=422, code="parent.unknown", error=_NO_PARENT)
            entry = Accepted(
                uuid7(), self.count + len(fresh), parent, message, message.author or item.data_subject, external, digest
            )
            seen[external] = (entry.id, digest)
            fresh.append(entry)
        status = 200 if not fresh and (self.exists or self.accepted) else 201
        self.messages = seen
        self.count += len(fresh)
        self.accepted.extend(fresh)
        return Stored(status=status, id=self.id, messages=len(fresh), duplicates=duplicates)

    @staticmethod
    def _parent(message: NewMessage, seen: dict[bytes, tuple[UUID, bytes]], index: KeyedHash) -> UUID | None:
        if not message.parent:
            return None
        known = seen.get(index.digest(b"message", message.parent.encode())[:16])
        return None if known is None else known[0]


_CHANGED = "A message with this external_id is stored with other content. Send the change as a new message."
_NO_PARENT = "A message names a parent that is not in this conversation. Send the parent first or in the same item."
