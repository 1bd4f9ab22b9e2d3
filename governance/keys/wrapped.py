"""Data keys as they are stored: what each belongs to, what its wrapped bytes are bound to, and their unwrapping in bulk."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection
from psycopg.pq import Format

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


def _columns(key: str, version: str, ring: str) -> str:
    """Return the columns of a WrappedKey from tables of these aliases."""
    state = f"CASE WHEN {version}.number < {ring}.minimum_version THEN '{BELOW_MINIMUM}' ELSE {version}.state END"
    names = ("id", "tenant_id", "version_id", "conversation_id", "owner_id", "use", "wrapped", "replaced")
    return ", ".join([*(f"{key}.{name}" for name in names), state])


def _with_version(key: str, version: str, ring: str) -> str:
    return (
        f"LEFT JOIN governance_keyversion {version} ON {version}.id = {key}.version_id"
        f" LEFT JOIN governance_keyring {ring} ON {ring}.id = {version}.ring_id"
    )


STORED: Final = f"SELECT {_columns('k', 'v', 'r')} FROM governance_datakey k {_with_version('k', 'v', 'r')}"  # noqa: S608
BY_ID: Final = STORED + " WHERE k.id = ANY(%s)"
BY_ANY: Final = STORED + " WHERE k.conversation_id = %s AND k.owner_id = %s"  # The replaced ones, too.
_WITH_SUCCESSOR: Final = (
    f"SELECT {_columns('k', 'v', 'r')}, {_columns('s', 'w', 'q')} FROM governance_datakey k"  # noqa: S608 - fixed names
    " JOIN governance_datakey s ON s.tenant_id = k.tenant_id AND s.conversation_id = k.conversation_id"
    " AND s.owner_id = k.owner_id AND s.use = k.use AND NOT s.replaced AND s.wrapped IS NOT NULL"
    f" {_with_version('k', 'v', 'r')} {_with_version('s', 'w', 'q')}"
    " WHERE k.id = ANY(%b::uuid[]) AND k.replaced AND k.wrapped IS NOT NULL"
)
BY_OWNER: Final = STORED + " WHERE k.conversation_id = ANY(%s) AND k.owner_id = ANY(%s) AND NOT k.replaced"


def read_keys(statement: str, *parameters: Any) -> list[WrappedKey]:
    """Read keys and the states of their versions in one statement; every opening asks, and the ORM costs three times it."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [WrappedKey(*row) for row in cursor.fetchall()]


def read_with_successors(ids: Iterable[UUID]) -> list[tuple[WrappedKey, WrappedKey]]:
    """Read those of the keys that are replaced and live, each with the live one that took its place."""
    with connection.cursor() as cursor:
        cursor.cursor.format = Format.BINARY
        cursor.execute(_WITH_SUCCESSOR, [list(ids)])
        each = len(WrappedKey._fields)
        return [(WrappedKey(*row[:each]), WrappedKey(*row[each:])) for row in cursor.fetchall()]


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
