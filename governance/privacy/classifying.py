"""What a worker does with pending records: claim, open, detect, seal the redacted form, record. What it guarantees:

- it opens by the same door as people, as a service account with the purpose `classification`;
- effect and state are one transaction under row locks, so each record is done once;
- what cannot be scanned whole is `unscanned` and its redacted view withheld, never called clean.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError, connection

from governance.access.granting import grant
from governance.audit.errors import RecordRefused
from governance.audit.recording import record_with_effect
from governance.conf.settings import vault_settings
from governance.identity.members import service_principal
from governance.identity.roles import Role
from governance.identity.scoping import tenant_scope
from governance.jobs.claiming import BYTES, LEASE_SECONDS, Claim, impatient, patient, without_flush
from governance.jobs.gate import place
from governance.jobs.outages import is_outage
from governance.jobs.pacing import Pace
from governance.keys.data_keys import hash_of_values, keyed_hash
from governance.keys.errors import KeyNotWarm, KeyUnavailable, ProviderFailed
from governance.keys.models import KeyUse
from governance.keys.warming import warm
from governance.privacy.detectors import RULESET_VERSION, Unscannable
from governance.privacy.marking import Marker
from governance.privacy.plugins.asking import make_ready, rows_at_most, seconds_at_most
from governance.privacy.plugins.looking import look
from governance.privacy.plugins.process import DetectorAway, DetectorFailed
from governance.privacy.profiles import Profile
from governance.privacy.profiles.loading import active_profiles
from governance.privacy.redaction import NOTHING_SAID, Said, redact
from governance.vault.bulk import insert
from governance.vault.documents import Document, encode
from governance.vault.models import Classification, Conversation, Message
from governance.vault.pending import KINDS, Kind, claim_pending, lock_pending, lock_subjects, put_back_pending, restrict
from governance.vault.reading import open_rows
from governance.vault.resealing import RedactedForm, ensure_keys_of_scans, lock_rings_of_scans, seal_redacted
from governance.vault.resources import resources

PURPOSE: Final = "classification"
USES: Final = frozenset({KeyUse.CONTENT, KeyUse.REDACTED, KeyUse.INDEX})
REST_SECONDS: Final = 10.0
FINDING_COLUMNS: Final = {
    "conversation_id": "uuid", "message_id": "uuid", "leaf": "int", "start": "int", '"end"': "int", "type": "text",
    "tier": "text", "rule": "text",
}  # fmt: skip
INDEX_COLUMNS: Final = {"message_id": "uuid", "conversation_id": "uuid", "value_index": "bytes"}
_FOUND: Final = f"ruleset = {RULESET_VERSION}, source = 'detector', state = 'open'"
_paces: Final = {kind.table: Pace() for kind in KINDS}


@dataclass(slots=True)
class Progress:
    """What one batch came to."""

    claimed: int = 0
    redacted: int = 0
    unscanned: int = 0
    quarantined: int = 0

    def add(self, other: "Progress") -> None:
        """Count another batch in."""
        self.claimed += other.claimed
        self.redacted += other.redacted
        self.unscanned += other.unscanned
        self.quarantined += other.quarantined


@dataclass(slots=True)
class _Work:
    """What is written at the end of a batch."""

    forms: list[RedactedForm] = field(default_factory=list)
    findings: list[tuple[Any, ...]] = field(default_factory=list)
    entries: list[tuple[Any, ...]] = field(default_factory=list)


def classify_batch(*, tenant: UUID, now: datetime) -> Progress:
    """Do one batch of the tenant's pending messages, or of heads where no message waits. `claimed` is 0 at the end.

    Raises ProviderFailed before anything is claimed. Raises KeyUnavailable, RecordRefused, DetectorAway and, in an outage,
    DatabaseError with the rows put back: no attempt is burnt. Raises DetectorFailed with the rows put back and the attempt
    burnt, so that each is next tried alone.
    """
    with place():
        return _batch(tenant, now)


def _batch(tenant: UUID, now: datetime) -> Progress:
    progress = Progress()
    for kind in KINDS:
        claim = _claim(tenant, kind)
        progress.quarantined += len(claim.quarantined)
        if claim.rows:
            progress.claimed = len(claim.rows)
            try:
                _work(tenant, kind, claim, progress, now)
            except KeyNotWarm:  # A rotation came between; the next batch begins with all versions warm.
                with tenant_scope(tenant):
                    put_back_pending(kind, claim.rows, seconds=0.0)
            except (KeyUnavailable, ProviderFailed, RecordRefused, DetectorAway):
                with tenant_scope(tenant):
                    put_back_pending(kind, claim.rows, seconds=REST_SECONDS)
                raise
            except DatabaseError as error:
                if is_outage(error):
                    connection.close_if_unusable_or_obsolete()
                    with tenant_scope(tenant):
                        put_back_pending(kind, claim.rows, seconds=REST_SECONDS)
                raise
            except DetectorFailed:
                with tenant_scope(tenant):
                    put_back_pending(kind, claim.rows, seconds=0.0, burnt=True)
                raise
            break
    return progress


def _claim(tenant: UUID, kind: Kind) -> Claim:
    make_ready()
    with tenant_scope(tenant):
        warm(tenant=tenant, uses=USES)  # Before anything is claimed or locked: a provider that is away costs no attempt.
        without_flush()
        pace = _paces[kind.table]
        limit = rows_at_most(pace.of(vault_settings().worker_rows))
        claim = claim_pending(kind, limit=limit, size=pace.of(BYTES), lease=LEASE_SECONDS + seconds_at_most())
        if claim.quarantined:
            restrict(kind, claim.quarantined)
            record_with_effect(
                tenant=tenant,
                event="message.quarantined",
                actor_kind="worker",
                rows=[str(row) for row in claim.quarantined],
            )
    return claim


def _work(tenant: UUID, kind: Kind, claim: Claim, progress: Progress, now: datetime) -> None:
    principal = service_principal(tenant=tenant, role=Role.WORKER, purpose=PURPOSE)
    with tenant_scope(tenant):
        without_flush()
        impatient()
        ensure_keys_of_scans(tenant=tenant, kind=kind, rows=claim.rows, now=now)
        scope = resources(row.group for row in claim.rows)
    with grant(principal=principal, action="classify", purpose=PURPOSE, resources=scope, now=now):
        seen = look(tenant=tenant, kind=kind, rows=claim.rows)
        with tenant_scope(tenant):
            without_flush()
            impatient()
            lock_subjects(kind, claim.rows)
            lock_rings_of_scans(tenant)
            patient()
            rows = lock_pending(kind, claim.rows)
            if not rows:
                return
            locked = time.monotonic()
            said = {record: Said(seen=spans) for record, spans in seen.items()}
            written = redact_rows(tenant=tenant, rows=rows, now=now, said=said)
            progress.redacted += written.rows - written.unscanned
            progress.unscanned += written.unscanned
            record_with_effect(tenant=tenant, event="batch.processed", **principal.as_actor(), **written.as_facts())
        _paces[kind.table].took(time.monotonic() - locked)


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a batch, as its audit entry says it."""

    manifest: UUID
    root: bytes
    rows: int
    unscanned: int
    findings: int

    def as_facts(self) -> dict[str, str | int]:
        """Return the facts of the entry."""
        counts = {"rows": self.rows, "unscanned": self.unscanned, "findings": self.findings, "ruleset": RULESET_VERSION}
        return {"manifest": str(self.manifest), "root": self.root.hex(), **counts}


def redact_rows(
    *, tenant: UUID, rows: list[Message | Conversation], now: datetime, said: Mapping[UUID, Said] = MappingProxyType({})
) -> Written:
    """Open locked rows under the grant of this context, detect, and write redacted forms, findings and index entries.

    `said` is what people and other detectors said of a row, by its id.
    The caller holds the locks of `lock_subjects`, `lock_rings_of_scans` and the rows, and records what it returns.
    """
    work = _detect(tenant, rows, said, now)
    manifest, root = seal_redacted(tenant=tenant, forms=work.forms, now=now)
    insert(table="governance_finding", tenant=tenant, columns=FINDING_COLUMNS, rows=work.findings, constants=_FOUND)
    insert(table="governance_indexentry", tenant=tenant, columns=INDEX_COLUMNS, rows=work.entries)
    unscanned = sum(form.document is None for form in work.forms)
    return Written(manifest, root, len(rows), unscanned, len(work.findings))


def _detect(tenant: UUID, rows: list[Message | Conversation], said: Mapping[UUID, Said], now: datetime) -> _Work:
    marks = keyed_hash(tenant=tenant, use=KeyUse.INDEX, label="mark", now=now)
    values = hash_of_values(tenant=tenant, now=now)
    profiles = active_profiles()
    collections = _collections(rows) if profiles.of_collections else {}
    work = _Work()
    for row, document in zip(rows, open_rows(rows, view="source"), strict=True):
        conversation = row.conversation_id if isinstance(row, Message) else row.id
        marker = Marker(marks=marks, values=values, conversation=conversation)
        case = _Case(row, marker, profiles.of(collections.get(conversation)), said.get(row.id, NOTHING_SAID))
        _detect_one(case, document, work)
    return work


def _collections(rows: list[Message | Conversation]) -> dict[UUID, UUID]:
    """Return the collection of each record's conversation."""
    wanted = {row.conversation_id if isinstance(row, Message) else row.id for row in rows}
    return dict(Conversation.objects.filter(id__in=wanted).values_list("id", "collection_id"))


@dataclass(frozen=True, slots=True)
class _Case:
    """A record with all that its scan goes by."""

    row: Message | Conversation
    marker: Marker
    profile: Profile
    said: Said


def _detect_one(case: _Case, document: Document | None, work: _Work) -> None:
    """Add what follows from one opened record; a record that cannot be scanned whole gets no document."""
    row, redaction = case.row, None
    try:
        if document is not None:
            redaction = redact(document.item, mark=case.marker, scan=case.profile.scan, said=case.said)
    except Unscannable:
        pass
    if document is None or redaction is None:
        work.forms.append(RedactedForm(row=row, document=None, classification=Classification.RESTRICTED))
        return
    sealed = encode(redaction.item, document.text)
    work.forms.append(RedactedForm(row=row, document=sealed, classification=case.profile.classify(redaction.findings)))
    message, conversation = (row.id, row.conversation_id) if isinstance(row, Message) else (None, row.id)
    work.findings.extend(
        (conversation, message, one.leaf, one.start, one.end, str(one.type), str(one.tier), one.rule)
        for one in redaction.findings  # A leaf is kept by its number, for a path can hold names that people chose.
        if not case.said.knows(one)
    )
    work.entries.extend((message, conversation, value) for value in sorted(case.marker.found))
