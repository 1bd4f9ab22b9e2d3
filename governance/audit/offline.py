"""Verifies an exported chain without a database and without Django: `python -m governance.audit.offline FILE`.

An export is JSON lines: first `{"format": "threadvault-audit-1", "tenant"}`, then `{"entry": [sequence, microseconds,
previous hash, hash, body]}` in order and `{"checkpoint": {...}}` behind the entry that each signs, last `{"end": entries}`.
A file without its last line was cut short and is refused.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from governance.audit.chain import ChainReport, Link, Walk
from governance.audit.heads import SignedHead, UnreadableRecord, heads_of
from governance.audit.judgement import judge

FORMAT: Final = "threadvault-audit-1"


def export_lines(*, tenant: UUID, links: Iterable[Link], heads: Iterable[SignedHead]) -> Iterator[str]:
    """Yield the lines of an export; `heads` are ordered by number, and taken as they are needed."""
    yield _line({"format": FORMAT, "tenant": str(tenant)})
    waiting, last = iter(heads), 0
    head = next(waiting, None)
    for link in links:
        yield _line({"entry": [link.sequence, link.microseconds, link.previous.hex(), link.hash.hex(), link.body]})
        last = link.sequence
        while head is not None and head.sequence <= last:
            yield _line({"checkpoint": head.as_json()})
            head = next(waiting, None)
    while head is not None:
        yield _line({"checkpoint": head.as_json()})
        head = next(waiting, None)
    yield _line({"end": last})


def _line(found: dict[str, Any]) -> str:
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")) + "\n"


class Export:
    """An export that is read twice: once for its checkpoints, once for its entries; memory holds the checkpoints."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.heads: list[SignedHead] = []
        with path.open("rb") as file:
            self.tenant = self._begin(file.readline())
            end = None
            for number, line in enumerate(file, 2):
                if line.startswith(b'{"checkpoint"'):
                    self.heads.append(SignedHead.from_json(self._parsed(line, number)["checkpoint"]))
                end = line
        if end is None or not end.startswith(b'{"end"'):
            raise UnreadableRecord("The export has no last line; it was cut short. Export it again.")

    def _begin(self, line: bytes) -> UUID:
        found = self._parsed(line, 1)
        if found.get("format") != FORMAT:
            raise UnreadableRecord(f"This is not an export of the format {FORMAT}.")
        return UUID(found["tenant"])

    def _parsed(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(line)
        except ValueError:
            raise UnreadableRecord(f"Line {number} of the export is not JSON.") from None
        return found

    def links(self, after: int = 0) -> Iterator[Link]:
        """Yield the entries behind the number `after`. Raises UnreadableRecord, with the line."""
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.startswith(b'{"entry"'):
                    continue
                try:
                    sequence, microseconds, previous, digest, body = self._parsed(line, number)["entry"]
                    link = Link(int(sequence), int(microseconds), bytes.fromhex(previous), bytes.fromhex(digest), str(body))
                except (KeyError, TypeError, ValueError):
                    raise UnreadableRecord(f"Line {number} of the export is not an entry.") from None
                if link.sequence > after:
                    yield link


def verify_export(
    *, path: Path, sink: Path | None, trusted: frozenset[bytes], state: dict[str, Any] | None = None
) -> tuple[ChainReport, dict[str, Any]]:
    """Verify the export at `path`, against the sink's file where one is given; go on from `state` of an earlier run.

    Returns the report and the state to go on from. The word of attestation is what the comparison showed: a sink's file
    that holds a checkpoint of this chain. Raises UnreadableRecord, BadProof.
    """
    export = Export(path)
    walk = Walk.resumed(state) if state else Walk(export.tenant)
    if walk.tenant != export.tenant:
        raise UnreadableRecord("The state is of another chain than the export.")
    outside, unreadable = _heads(sink, export.tenant)
    report = judge(
        walk=walk,
        links=export.links(after=walk.size),
        inside=[head for head in export.heads if head.sequence >= walk.size],
        outside=[head for head in outside if head.sequence >= walk.size],
        trusted=trusted,
    )
    word = "attested by file outside" if outside else "self-attested"
    return replace(report, unreadable=unreadable, attestation=word), walk.kept()


def _heads(sink: Path | None, tenant: UUID) -> tuple[list[SignedHead], int]:
    if sink is None:
        return [], 0
    with sink.open("rb") as file:
        return heads_of(file, tenant)


def sentence(name: str, report: ChainReport) -> str:
    """Return the report as one line and its remarks below."""
    state = "whole" if report.whole else f"BROKEN at entry {report.bad_sequence}: {report.fault}"
    lines = [f"{name}: {report.entries} entries, head {report.head.hex()[:16]}, {report.attestation}, {state}"]
    lines += [f"  {line}" for line in report.accepted]
    if report.skipped:
        lines.append(f"  resumed: the first {report.skipped} entries were not read again")
    if report.backwards:
        lines.append(f"  clock: {report.backwards} entries lie before their predecessor's time (order goes by number)")
        lines += [f"    {line}" for line in report.anomalies]
    if report.unreadable:
        lines.append(f"  {report.unreadable} lines of the sink are no checkpoints")
    if not report.pinned and report.checkpoints + report.outside:
        lines.append("  no public key was given: signatures were compared with the keys that they name themselves")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Verify from the command line; 0 where the chain is whole, 1 where it is not, 2 where a file cannot be read."""
    parser = argparse.ArgumentParser(description="Verify an exported audit chain without a database.")
    parser.add_argument("export", type=Path)
    parser.add_argument("--checkpoints", type=Path, help="the file that a sink kept")
    parser.add_argument("--public-key", default="", help="who may sign: hexadecimal, by commas")
    given = parser.parse_args(arguments)
    try:
        trusted = frozenset(bytes.fromhex(one) for one in given.public_key.split(",") if one)
        report, _ = verify_export(path=given.export, sink=given.checkpoints, trusted=trusted)
    except (OSError, ValueError, UnreadableRecord) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(sentence(str(given.export), report) + "\n")
    return 0 if report.whole else 1


if __name__ == "__main__":
    sys.exit(main())
