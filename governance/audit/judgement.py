"""Compares a chain with the signed heads that are kept of it, at once or stretch by stretch. Pure.

What it guarantees: a signed head that this chain does not have, or no longer has, is a fault, unless two people accepted
exactly that loss on the record; the first fault is the one that is named. Whoever goes on from `kept` comes to the same
report as whoever does it at once, if each stretch is given the heads up to its end and no others.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from governance.audit.canonical import NO_HASH
from governance.audit.chain import ChainReport, Link, Walk
from governance.audit.heads import SignedHead, UnreadableRecord
from governance.audit.merkle import BadProof

HashAt = Callable[[int], bytes | None]


class Stranger(NamedTuple):
    """A signed head that the chain does not have; `before` is the last signed entry ahead of it that fits."""

    sequence: int
    digest: bytes
    before: int


Fault = tuple[int, str]


@dataclass(slots=True)
class Judgement:
    """What a walk and its signed heads have shown so far.

    `trusted` are the public keys that may sign; where it is empty, signatures are compared with the keys they name
    themselves, which stops nobody who can sign with a key of his own.
    """

    walk: Walk
    trusted: frozenset[bytes]
    checkpoints: int = 0
    outside: int = 0
    fit: int = 0
    unsigned: Fault | None = None
    bad: Fault | None = None
    strangers: list[Stranger] = field(default_factory=list)
    _hashes: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.fit = max(self.fit, self.walk.skipped)
        self._hashes |= {0: NO_HASH, self.walk.size: self.walk.head}

    def take(self, links: Iterable[Link], *, inside: Sequence[SignedHead], outside: Sequence[SignedHead]) -> None:
        """Walk on over `links` to their end or the first bad one, and compare with the heads of the same stretch."""
        self.checkpoints += len(inside)
        self.outside += len(outside)
        heads = _by_sequence([*inside, *outside])
        self._check_signatures(heads)
        last = self.walk.size
        for link in links:
            fault = self.walk.step(link)
            if fault:
                self.bad = (link.sequence, fault)
                return
            last = link.sequence
            self._compare(last, heads.get(last, ()), self.walk.head, self.walk.tree.root())
        for number in sorted(heads):
            if number > last:
                self._miss(number, heads[number])

    def take_beyond(self, heads: Sequence[SignedHead], hashes: Mapping[int, bytes]) -> None:
        """Compare with heads behind the end of the walk by the entries that the chain has there now."""
        found = _by_sequence(heads)
        self._check_signatures(found)
        for number in sorted(found):
            self._miss(number, [one for one in found[number] if hashes.get(number) != one.head_hash])

    def _compare(self, number: int, heads: Sequence[SignedHead], head: bytes, root: bytes) -> None:
        if not heads:
            return
        self._hashes[number] = head
        strange = [one for one in heads if (one.head_hash, one.root) != (head, root)]
        self._miss(number, strange)
        if not strange:
            self.fit = number

    def _miss(self, number: int, heads: Sequence[SignedHead]) -> None:
        self.strangers += [Stranger(number, one.head_hash, self.fit) for one in heads]

    def _check_signatures(self, heads: Mapping[int, Sequence[SignedHead]]) -> None:
        wrong = ((one.sequence, one.fault(self.trusted)) for number in sorted(heads) for one in heads[number])
        first = next(((number, f"the checkpoint at this entry {fault}") for number, fault in wrong if fault), None)
        self.unsigned = self.unsigned or first

    def report(self, *, hash_at: HashAt | None = None, last: int | None = None) -> ChainReport:
        """Return what was seen. `hash_at` tells the chain's hash at a number where this judgement does not know it.

        `last` is the chain's last number, where that lies behind the end of the walk.
        """
        walk, last = self.walk, self.walk.size if last is None else last
        lost, accepted = self._unaccepted(hash_at or self._hashes.get)
        faults = [] if self.unsigned is None else [self.unsigned]
        faults += [(one.sequence, _loss(one, last)) for one in lost]
        faults += [] if self.bad is None else [self.bad]
        first: tuple[int | None, str] = min(faults, default=(None, ""), key=lambda found: found[0] or 0)
        return ChainReport(
            entries=walk.size, head=walk.head, checkpoints=self.checkpoints, bad_sequence=first[0], fault=first[1],
            root=walk.tree.root(), outside=self.outside, skipped=walk.skipped, backwards=walk.backwards,
            anomalies=tuple(walk.anomalies), accepted=tuple(accepted), pinned=bool(self.trusted),
        )  # fmt: skip

    def _unaccepted(self, hash_at: HashAt) -> tuple[list[Stranger], list[str]]:
        """Return the heads that nobody accepted as lost, and a line for each acceptance that covers one."""
        missing = {(one.sequence, one.digest) for one in self.strangers}
        lines = []
        for acceptance in self.walk.acceptances:
            known = hash_at(acceptance.kept_sequence)
            fits = known is None or known == acceptance.kept_hash
            if fits and acceptance.is_signed(self.trusted) and missing & set(acceptance.lost):
                missing -= set(acceptance.lost)
                lines.append(
                    f"at most {acceptance.entries} entries after entry {acceptance.kept_sequence} were lost and accepted"
                )
        return [one for one in self.strangers if (one.sequence, one.digest) in missing], lines

    def kept(self) -> dict[str, Any]:
        """Return the state as plain JSON; `resumed` goes on from it."""
        walk = self.walk
        whole = {"skipped": walk.skipped, "backwards": walk.backwards, "anomalies": list(walk.anomalies)}
        return {
            "walk": {**walk.kept(), **whole},
            "checkpoints": self.checkpoints,
            "outside": self.outside,
            "fit": self.fit,
            "unsigned": self.unsigned and list(self.unsigned),
            "bad": self.bad and list(self.bad),
            "strangers": [[one.sequence, one.digest.hex(), one.before] for one in self.strangers],
        }

    @classmethod
    def resumed(cls, found: Mapping[str, Any], *, trusted: frozenset[bytes]) -> "Judgement":
        """Return the judgement of `kept`. Raises UnreadableRecord."""
        try:
            walk = Walk.resumed(found["walk"])
            walk.skipped, walk.backwards = int(found["walk"]["skipped"]), int(found["walk"]["backwards"])
            walk.anomalies = [str(one) for one in found["walk"]["anomalies"]]
            strangers = [Stranger(int(one), bytes.fromhex(digest), int(fit)) for one, digest, fit in found["strangers"]]
            return cls(
                walk, trusted, checkpoints=int(found["checkpoints"]), outside=int(found["outside"]), fit=int(found["fit"]),
                unsigned=_fault(found["unsigned"]), bad=_fault(found["bad"]), strangers=strangers,
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, BadProof):
            raise UnreadableRecord("This is not the state of an earlier judgement.") from None


def judge(
    *,
    walk: Walk,
    links: Iterable[Link],
    inside: list[SignedHead],
    outside: list[SignedHead],
    trusted: frozenset[bytes],
) -> ChainReport:
    """Walk `links` to the chain's end, compare with all its heads, and return the report."""
    judgement = Judgement(walk, trusted)
    judgement.take(links, inside=inside, outside=outside)
    return judgement.report()


def judgement_of(tenant: UUID, trusted: frozenset[bytes]) -> Judgement:
    """Return the judgement of a chain of which nothing was read yet."""
    return Judgement(Walk(tenant), trusted)


def _fault(found: Any) -> Fault | None:
    return None if found is None else (int(found[0]), str(found[1]))


def _by_sequence(heads: Sequence[SignedHead]) -> dict[int, list[SignedHead]]:
    found: dict[int, list[SignedHead]] = {}
    for head in heads:
        found.setdefault(head.sequence, []).append(head)
    return found


def _loss(head: Stranger, last: int) -> str:
    """Return in words what a signed head proves that the chain does not have."""
    if head.sequence > last:
        return f"the chain ends at entry {last}, and a signed checkpoint knows this one: entries were cut off"
    return f"the checkpoint at this entry signs another chain: entries after {head.before} were rewritten"
