"""Walks a chain entry by entry. Pure: from where entries come, others know; `judgement` compares with signed heads.

What it guarantees: the first entry is named whose number, predecessor or bytes are wrong. Order goes by number alone: a
time that runs backwards is an anomaly to look at, never a broken chain.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

from governance.audit.canonical import NO_HASH, hash_of, moment_of
from governance.audit.heads import Acceptance, UnreadableRecord
from governance.audit.merkle import Frontier

ACCEPTED: Final = "head.accepted"
_MARK: Final = f'"event":"{ACCEPTED}"'
NAMED_ANOMALIES: Final = 20


class Link(NamedTuple):
    """One entry, as the database and an export hold it."""

    sequence: int
    microseconds: int
    previous: bytes
    hash: bytes
    body: str


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What the verification saw: entries, head, checkpoints, and the first fault (empty where the chain is whole).

    `anomalies` are entries whose time lies before their predecessor's (the first few by number), `accepted` the losses
    that two people accepted, `skipped` the entries before the place from which the verification resumed.
    """

    entries: int
    head: bytes
    checkpoints: int
    bad_sequence: int | None = None
    fault: str = ""
    root: bytes = b""
    outside: int = 0
    unreadable: int = 0
    skipped: int = 0
    backwards: int = 0
    anomalies: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    pinned: bool = False
    attestation: str = "self-attested"

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.fault

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON, hashes in hexadecimal."""
        found = {name: getattr(self, name) for name in self.__slots__}
        return {**found, "head": self.head.hex(), "root": self.root.hex(), "whole": self.whole}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "ChainReport":
        """Return the report of `as_json`. Raises UnreadableRecord."""
        try:
            values = {name: found[name] for name in cls.__slots__}
            hashes = {name: bytes.fromhex(values[name]) for name in ("head", "root")}
            return cls(**values | hashes | {name: tuple(values[name]) for name in ("anomalies", "accepted")})
        except (KeyError, TypeError, ValueError):
            raise UnreadableRecord("This is not the report of a verification.") from None


@dataclass(slots=True)
class Walk:
    """How far a verification has come; what `kept` returns is enough to go on from there later."""

    tenant: UUID
    head: bytes = NO_HASH
    tree: Frontier = field(default_factory=Frontier)
    latest: int = -(2**63)
    skipped: int = 0
    backwards: int = 0
    anomalies: list[str] = field(default_factory=list)
    acceptances: list[Acceptance] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many entries were walked, with those before the place of resumption."""
        return self.tree.size

    def step(self, link: Link) -> str:
        """Take the next entry and return what is wrong with it, or nothing."""
        if link.sequence != self.size + 1:
            return f"entry {self.size + 1} is missing; {link.sequence} follows"
        if link.previous != self.head:
            return "it does not follow the entry before it"
        if hash_of(self.tenant.bytes, link.sequence, link.microseconds, link.previous, link.body.encode()) != link.hash:
            return "its bytes do not give its hash"
        if link.microseconds < self.latest:
            self._note(link)
        self.latest = max(self.latest, link.microseconds)
        self.head = link.hash
        self.tree.append(link.hash)
        if _MARK in link.body:
            self.acceptances += acceptances_of(self.tenant, link.body)
        return ""

    def _note(self, link: Link) -> None:
        self.backwards += 1
        if len(self.anomalies) < NAMED_ANOMALIES:
            seconds = (self.latest - link.microseconds) / 1_000_000
            self.anomalies.append(f"entry {link.sequence}: {moment_of(link.microseconds).isoformat()}, {seconds:.6f} s back")

    def kept(self) -> dict[str, Any]:
        """Return the state as plain JSON: verified number and head, and the Merkle frontier there."""
        return {
            "tenant": str(self.tenant),
            "sequence": self.size,
            "head": self.head.hex(),
            "frontier": self.tree.packed().hex(),
            "latest_us": self.latest,
            "accepted": [acceptance.facts() for acceptance in self.acceptances],
        }

    @classmethod
    def resumed(cls, found: dict[str, Any]) -> "Walk":
        """Return the walk of `kept`. Raises UnreadableRecord, BadProof."""
        try:
            tenant, sequence = UUID(found["tenant"]), int(found["sequence"])
            tree = Frontier.unpacked(sequence, bytes.fromhex(found["frontier"]))
            walk = cls(tenant, bytes.fromhex(found["head"]), tree, int(found["latest_us"]), skipped=sequence)
            walk.acceptances = [Acceptance.from_facts(tenant, one) for one in found["accepted"]]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise UnreadableRecord("This is not the state of an earlier verification.") from None
        return walk


def acceptances_of(tenant: UUID, body: str) -> list[Acceptance]:
    """Return the acceptance that an entry's body holds; none where it is another event or cannot be read."""
    facts = json.loads(body)
    try:
        return [Acceptance.from_facts(tenant, facts)] if facts.get("event") == ACCEPTED else []
    except UnreadableRecord:
        return []


def accepted_losses(*, tenant: UUID, bodies: list[str], trusted: frozenset[bytes]) -> set[tuple[int, bytes]]:
    """Return the checkpoints (sequence, hash) whose loss the entries with these bodies accept, under a trusted key."""
    found = [one for body in bodies for one in acceptances_of(tenant, body) if one.is_signed(trusted)]
    return {lost for one in found for lost in one.lost}
