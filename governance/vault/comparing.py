"""Compares stored envelopes with the record: finds an older envelope put back and a row that is gone."""

import json
from dataclasses import dataclass, field
from uuid import UUID

from governance.audit.merkle import root_hash
from governance.audit.models import AuditEntry
from governance.crypto.derivation import fingerprint
from governance.vault.manifests import COLUMNS, Leaf, parse, split
from governance.vault.models import Conversation, Message, SealManifest, State

_EVENTS = ("batch.stored", "batch.processed", "batch.rescanned", "batch.reencrypted", "finding.marked", "finding.rejected")
_PAGE = 500
_TAKEN_BACK = fingerprint(b"")  # A new scan found that the record cannot be scanned whole.


@dataclass(slots=True)
class ContentReport:
    """How many envelopes were compared, and what is wrong: row ids and columns, never text."""

    envelopes: int = 0
    faults: list[str] = field(default_factory=list)


def verify_content(*, tenant: UUID) -> ContentReport:
    """Compare every stored envelope with the newest leaf recorded for it; call it inside the tenant's scope.

    Memory grows with the number of envelopes: about 200 bytes each.
    """
    report = ContentReport()
    newest = _newest_leaves(tenant, report)
    for model, label in ((Message, "message"), (Conversation, "conversation")):
        for row in model.objects.filter(tenant_id=tenant).order_by("id").iterator(chunk_size=_PAGE):
            for column in ("source", "redacted"):
                sealed = getattr(row, column)
                leaf = newest.pop((row.id, COLUMNS[f"{label}.{column}"]), None)
                if sealed is None and leaf is None:
                    continue
                report.envelopes += 1
                fault = _fault(leaf, sealed, getattr(row, f"{column}_revision"), erased=row.state == State.ERASED)
                if fault:
                    report.faults.append(f"{label} {row.id}, {column}: {fault}")
    report.faults += [f"record {record}, column {column}: the row is gone" for record, column in newest]
    return report


def _fault(leaf: Leaf | None, sealed: object, revision: int, *, erased: bool) -> str:
    if leaf is None:
        return "no audit entry knows this envelope"
    if sealed is None and (erased or leaf.digest != _TAKEN_BACK):
        return "" if erased else "the envelope is gone"
    if revision != leaf.revision:
        return f"revision {revision} is stored, {leaf.revision} was recorded last"
    envelope = getattr(sealed, "envelope", b"")
    return "" if fingerprint(envelope) == leaf.digest else "the envelope is not the one recorded"


def _newest_leaves(tenant: UUID, report: ContentReport) -> dict[tuple[UUID, int], Leaf]:
    """Return the newest leaf of each envelope, from the manifests whose root the audit trail holds."""
    roots = {}
    for body in AuditEntry.objects.filter(tenant_id=tenant, event__in=_EVENTS).values_list("body", flat=True):
        facts = json.loads(body)
        roots[facts["manifest"]] = facts["root"]
    newest: dict[tuple[UUID, int], Leaf] = {}
    for manifest in SealManifest.objects.filter(tenant_id=tenant).order_by("id").iterator(chunk_size=50):
        leaves = bytes(manifest.leaves)
        if roots.pop(str(manifest.id), "") != root_hash(split(leaves)).hex():
            report.faults.append(f"manifest {manifest.id}: it is not the one recorded")
            continue
        for leaf in parse(leaves):
            known = newest.get((leaf.record, leaf.column))
            if known is None or leaf.revision > known.revision:
                newest[leaf.record, leaf.column] = leaf
    report.faults += [f"manifest {missing}: it is gone" for missing in roots]
    return newest
