"""Data keys as they are stored: what each belongs to, what its wrapped bytes are bound to, and their unwrapping in bulk."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection

from governance.keys.errors import KeyDestroyed
from governance.keys.states import BELOW_MINIMUM
from governance.keys.warming import wrapping_keys

NOBODY: Final = UUID(int=0)
VALUES: Final = UUID(
    int=1
)  # The owner of the key of blind-index values, the only one of a tenant as a whole that is re-keyed.


class KeyOwner(NamedTuple):
    """What a data key belongs to."""

    conversation: UUID
    owner: UUID
    use: str


OF_VALUES: Final = KeyOwner(NOBODY, VALUES, "index")


def context_of(*, tenant: UUID, version: UUID, key: UUID, owner: KeyOwner) -> tuple[bytes, ...]:
    """Return what a wrapped data key is bound to; the version stands here, so a rewrap touches no message."""
    return (tenant.bytes, version.bytes, key.bytes, owner.conversation.bytes, owner.owner.bytes, owner.use.encode())


class WrappedKey(NamedTuple):
    """A data key as it is stored, with the state of the version that wraps it."""

    id: UUID
    tenant: UUID
    version: UUID
    conversation: UUID
    owner: UUID
    use: str
    wrapped: bytes | None
    replaced: bool
    state: str | None

    @property
    def of(self) -> KeyOwner:
        """What the key belongs to."""
        return KeyOwner(self.conversation, self.owner, self.use)


STORED: Final = (
    "SELECT k.id, k.tenant_id, k.version_id, k.conversation_id, k.owner_id, k.use, k.wrapped, k.replaced,"  # noqa: S608
    f" CASE WHEN v.number < r.minimum_version THEN '{BELOW_MINIMUM}' ELSE v.state END"
    " FROM governance_datakey k LEFT JOIN governance_keyversion v ON v.id = k.version_id"
    " LEFT JOIN governance_keyring r ON r.id = v.ring_id"
)
BY_ID: Final = STORED + " WHERE k.id = ANY(%s)"
BY_ANY: Final = STORED + " WHERE k.conversation_id = %s AND k.owner_id = %s"  # The replaced ones, too.
BY_OWNER: Final = STORED + " WHERE k.conversation_id = ANY(%s) AND k.owner_id = ANY(%s) AND NOT k.replaced"


def read_keys(statement: str, *parameters: Any) -> list[WrappedKey]:
    """Read keys and the states of their versions in one statement; every opening asks, and the ORM costs three times it."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [WrappedKey(*row) for row in cursor.fetchall()]


def unwrap_all(rows: Iterable[WrappedKey], *, emergency: bool = False) -> Iterator[tuple[WrappedKey, bytes]]:
    """Unwrap keys. Raises KeyDestroyed, KeyUnavailable, CannotOpen for a row that was changed."""
    wanted = [(row, row.wrapped) for row in rows]
    states = {row.version: row.state for row, wrapped in wanted if wrapped is not None}
    keys = wrapping_keys(states, emergency=emergency)
    for row, wrapped in wanted:
        if wrapped is None:
            raise KeyDestroyed("The data key was destroyed; what it sealed cannot be read again.")
        context = context_of(tenant=row.tenant, version=row.version, key=row.id, owner=row.of)
        yield row, keys[row.version].unwrap(bytes(wrapped), *context)
