"""Walks a chain entry by entry and judges it against signed heads. Pure: from where entries and heads come, others know.

What it guarantees: the first entry is named whose number, predecessor or bytes are wrong; a signed head that this chain
does not have, or no longer has, is a fault, unless two people accepted exactly that loss on the record. Order goes by
number alone: a time that runs backwards is an anomaly to look at, never a broken chain.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

from governance.audit.canonical import NO_HASH, hash_of, moment_of
from governance.audit.heads import Acceptance, SignedHead, UnreadableRecord
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


def judge(
    *,
    walk: Walk,
    links: Iterable[Link],
    inside: list[SignedHead],
    outside: list[SignedHead],
    trusted: frozenset[bytes],
) -> ChainReport:
    """Walk `links` and compare with the signed heads kept beside the chain (`inside`) and elsewhere (`outside`).

    `trusted` are the public keys that may sign; where it is empty, signatures are compared with the keys they name
    themselves, which stops nobody who can sign with a key of his own.
    """
    heads = _by_sequence([*inside, *outside])
    strangers: list[SignedHead] = []
    fault, bad, fitting, last = "", None, {0: NO_HASH, walk.size: walk.head}, walk.size
    for link in links:
        fault = walk.step(link)
        if fault:
            bad = link.sequence
            break
        if link.sequence in heads:
            fitting[link.sequence] = walk.head
            strangers += [one for one in heads[link.sequence] if (one.head_hash, one.root) != (walk.head, walk.tree.root())]
        last = link.sequence
    strangers += [] if fault else [one for number in sorted(heads) if number > last for one in heads[number]]
    unsigned = [(one, wrong) for ones in heads.values() for one in ones if (wrong := one.fault(trusted))]
    lost, accepted = _unaccepted(strangers, walk, fitting, trusted)
    faults = [(one.sequence, f"the checkpoint at this entry {wrong}") for one, wrong in unsigned]
    faults += [(one.sequence, _loss(one, last, fitting, strangers)) for one in lost]
    faults += [(bad, fault)] if bad is not None else []
    first = min(faults, default=(None, ""), key=lambda found: found[0] or 0)
    return ChainReport(
        entries=walk.size, head=walk.head, checkpoints=len(inside), bad_sequence=first[0], fault=first[1],
        root=walk.tree.root(), outside=len(outside), skipped=walk.skipped, backwards=walk.backwards,
        anomalies=tuple(walk.anomalies), accepted=tuple(accepted), pinned=bool(trusted),
    )  # fmt: skip


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


def _by_sequence(heads: list[SignedHead]) -> dict[int, list[SignedHead]]:
    found: dict[int, list[SignedHead]] = {}
    for head in heads:
        found.setdefault(head.sequence, []).append(head)
    return found


def _unaccepted(
    strangers: list[SignedHead], walk: Walk, fitting: dict[int, bytes], trusted: frozenset[bytes]
) -> tuple[list[SignedHead], list[str]]:
    """Return the heads that nobody accepted as lost, and a line for each acceptance that covers one."""
    missing = {(one.sequence, one.head_hash) for one in strangers}
    lines = []
    for acceptance in walk.acceptances:
        fits = fitting.get(acceptance.kept_sequence, acceptance.kept_hash) == acceptance.kept_hash
        if fits and acceptance.is_signed(trusted) and missing & set(acceptance.lost):
            missing -= set(acceptance.lost)
            lines.append(
                f"at most {acceptance.entries} entries after entry {acceptance.kept_sequence} were lost and accepted"
            )
    return [one for one in strangers if (one.sequence, one.head_hash) in missing], lines


def _loss(head: SignedHead, last: int, fitting: dict[int, bytes], strangers: list[SignedHead]) -> str:
    """Return in words what a signed head proves that the chain does not have."""
    if head.sequence > last:
        return f"the chain ends at entry {last}, and a signed checkpoint knows this one: entries were cut off"
    apart = {one.sequence for one in strangers}
    before = max((number for number in fitting if number < head.sequence and number not in apart), default=0)
    return f"the checkpoint at this entry signs another chain: entries after {before} were rewritten"
