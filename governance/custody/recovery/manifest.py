"""What a backup says of itself: schema, tables with counts and digests, heads of the chains, rings, sequences."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from governance.custody.recovery.catalogue import Table


@dataclass(slots=True)
class Content:
    """The rows of one table over all tenants, and the SHA-256 of them as they stand in the stream."""

    columns: list[list[str]]
    rows: int = 0
    bytes: int = 0
    sha256: str = ""


class Tally:
    """Counts and hashes tables while they go by; `contents` is the same for what was written and what was read."""

    def __init__(self) -> None:
        self._contents: dict[str, Content] = {}
        self._digests: dict[str, Any] = {}

    def table(self, table: Table) -> None:
        """Begin a table; one without rows has its line too."""
        self._contents[table.name] = Content([list(column) for column in table.columns])
        self._digests[table.name] = hashlib.sha256()

    def part(self, name: str, tenant: UUID | None) -> None:
        """Begin the rows of one tenant."""
        self._digests[name].update(tenant.bytes if tenant else b"")

    def data(self, name: str, piece: bytes | bytearray | memoryview) -> None:
        """Take the next bytes."""
        self._digests[name].update(piece)
        self._contents[name].bytes += len(piece)

    def end(self, name: str, rows: int) -> None:
        """End the rows of one tenant."""
        self._contents[name].rows += rows

    def contents(self) -> dict[str, Any]:
        """Return what was counted, by table, as plain JSON."""
        for name, content in self._contents.items():
            content.sha256 = self._digests[name].hexdigest()
        return {name: asdict(content) for name, content in self._contents.items()}


@dataclass(frozen=True, slots=True)
class Manifest:
    """All of it as plain JSON; `erasure_ledger` is the place of what is replayed before the service opens: none yet.

    `chains` are tenant, sequence and hash; `rings` have their versions with state, provider and wrapped bytes.
    """

    migrations: list[list[str]]
    tables: dict[str, Any]
    sequences: dict[str, list[int]]
    chains: list[dict[str, Any]]
    rings: list[dict[str, Any]]
    root_key: str
    root_key_included: bool
    left_out: list[str] = field(default_factory=list)
    erasure_ledger: Mapping[str, Any] | None = None

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return sum(table["rows"] for table in self.tables.values())

    @property
    def tenants(self) -> int:
        """How many tenants."""
        return int(self.tables["governance_tenant"]["rows"])
