"""Scans what was scanned already under the rules of now: after a new rule-set version, or new lists of a tenant.

The old redacted form stays readable until the new one takes its place in the same transaction. What people have said
of findings stays: a rejected one is not masked again, one of theirs is masked for good.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from governance.access.acting import require
from governance.access.granting import grant
from governance.audit.recording import record_with_effect
from governance.conf.settings import vault_settings
from governance.identity.members import service_principal
from governance.identity.principals import Principal
from governance.identity.roles import Role
from governance.identity.scoping import tenant_scope
from governance.jobs.claiming import Claimed
from governance.jobs.leasing import Leased, advance, create, lock_job
from governance.keys.warming import warm
from governance.privacy.classifying import PURPOSE, USES, Written, redact_rows
from governance.privacy.correcting import said_of
from governance.privacy.detectors import RULESET_VERSION
from governance.privacy.models import Finding
from governance.privacy.plugins.asking import Seen, make_ready, rows_at_most
from governance.privacy.plugins.looking import look
from governance.privacy.plugins.process import DetectorFailed
from governance.privacy.redaction import NOTHING_SAID, Said
from governance.vault.models import Conversation, IndexEntry, Message, State
from governance.vault.pending import KINDS, Kind, claimed_as_is, give_back, lock_rows, lock_subjects
from governance.vault.resealing import lock_rings_of_scans
from governance.vault.resources import resources

TOPIC: Final = "rescan"
SCANNED: Final = (State.REDACTED, State.UNSCANNED)


def ask_rescan(*, principal: Principal, now: datetime) -> UUID:
    """Put a job into the queue that scans all messages of the tenant anew; return its id. Raises AccessDenied (recorded).

    What was set aside after three attempts goes back to the workers, for what was at fault may be mended by now.
    """
    require(principal=principal, action="manage_jobs", now=now)
    with tenant_scope(principal.tenant_id):
        given_back = sum(map(give_back, KINDS))
        job = queue_rescan(tenant=principal.tenant_id, asked_by=principal.user_id)
        record_with_effect(
            tenant=principal.tenant_id, event="job.asked", **principal.as_actor(), job=str(job), topic=TOPIC,
            given_back=given_back,
        )  # fmt: skip
    return job


def queue_rescan(*, tenant: UUID, asked_by: UUID, collection: UUID | None = None) -> UUID:
    """Put the job into the queue with the open transaction, for one collection or for all; the caller records it."""
    spec = {"ruleset": RULESET_VERSION} | ({"collection": str(collection)} if collection else {})
    return create(tenant=tenant, topic=TOPIC, spec=spec, total=count_scanned(spec), asked_by=asked_by)


def count_scanned(spec: Mapping[str, Any]) -> int:
    """Return how many records a scan of this job would go through."""
    return sum(_scanned(kind, spec).count() for kind in KINDS)


def rescan_step(job: Leased) -> None:
    """Scan the next batch anew. Raises LeaseLost, ProviderFailed, KeyUnavailable, DetectorAway."""
    if scan_next(job):
        return
    with tenant_scope(job.tenant):
        lock_job(job)
        advance(job, done=0, cursor=job.cursor, finished=True)
        record_with_effect(tenant=job.tenant, event="job.finished", actor_kind="worker", job=str(job.id), done=job.done)


def scan_next(job: Leased) -> bool:
    """Scan the next batch of a job's records anew; return False where none is left. `table` and `after` are its cursor."""
    if int(job.cursor.get("table", 0)) == len(KINDS):
        return False
    now = datetime.now(UTC)
    kind = KINDS[int(job.cursor.get("table", 0))]
    make_ready()
    with tenant_scope(job.tenant):
        warm(tenant=job.tenant, uses=USES)
        rows = _next(kind, job)
        scope = resources(row.group for row in rows)
    if not rows:
        _next_table(job, kind)
        return True
    principal = service_principal(tenant=job.tenant, role=Role.WORKER, purpose=PURPOSE)
    with grant(principal=principal, action="classify", purpose=PURPOSE, resources=scope, now=now):
        rows, seen = _look(job.tenant, kind, rows)
        with tenant_scope(job.tenant):
            lock_job(job)
            written = scan_anew(tenant=job.tenant, kind=kind, rows=rows, seen=seen, now=now)
            cursor = {**job.cursor, "table": KINDS.index(kind), "after": str(rows[-1].id)}
            advance(job, done=len(rows), cursor=cursor)
            record_with_effect(
                tenant=job.tenant, event="batch.rescanned", **principal.as_actor(), job=str(job.id), **written.as_facts()
            )
    return True


def _look(tenant: UUID, kind: Kind, rows: tuple[Claimed, ...]) -> tuple[tuple[Claimed, ...], Mapping[UUID, Seen | None]]:
    """Return rows and what a detector of the user's own sees in them; a row that it cannot read comes alone, with None."""
    try:
        return rows, look(tenant=tenant, kind=kind, rows=rows)
    except DetectorFailed:
        first = rows[:1]
    try:
        return first, look(tenant=tenant, kind=kind, rows=first)
    except DetectorFailed:
        return first, {first[0].id: None}


def scan_anew(
    *, tenant: UUID, kind: Kind, rows: tuple[Claimed, ...], seen: Mapping[UUID, Seen | None], now: datetime
) -> Written:
    """Scan rows that were scanned before, as the rules and people say now; the caller records what it returns.

    `seen` is what `look` returned for the rows, with None for one that the detector could not read.
    Call it under a grant for `classify`, inside the tenant's scope, before any other row is locked.
    """
    lock_subjects(kind, rows)
    lock_rings_of_scans(tenant)
    locked = [row for row in lock_rows(kind, rows) if row.state in SCANNED]
    people = _said(kind, locked)
    said = {
        row.id: replace(people.get(row.id, NOTHING_SAID), seen=seen.get(row.id) or {}, unread=seen.get(row.id, {}) is None)
        for row in locked
        if row.id in people or row.id in seen
    }
    return redact_rows(tenant=tenant, rows=locked, said=said, now=now)


def _scanned(kind: Kind, spec: Mapping[str, Any]) -> Any:
    rows = kind.model.objects.filter(state__in=SCANNED)
    if "collection" not in spec:
        return rows
    collection = UUID(spec["collection"])
    return rows.filter(
        **({"conversation__collection_id": collection} if kind.model is Message else {"collection_id": collection})
    )


def _next(kind: Kind, job: Leased) -> Any:
    rows = _scanned(kind, job.spec).order_by("id")
    if (after := job.cursor.get("after")) is not None:
        rows = rows.filter(id__gt=UUID(after))
    return claimed_as_is(kind, rows[: rows_at_most(vault_settings().worker_rows)])


def _next_table(job: Leased, kind: Kind) -> None:
    with tenant_scope(job.tenant):
        lock_job(job)
        rest = {name: value for name, value in job.cursor.items() if name != "after"}
        advance(job, done=0, cursor={**rest, "table": KINDS.index(kind) + 1})


def _said(kind: Kind, rows: list[Message | Conversation]) -> dict[UUID, Said]:
    """Drop what detectors said of the rows before, and their index entries; return what people said, which stays."""
    ids = [row.id for row in rows]
    if kind.model is Message:
        entries = Q(message_id__in=ids)
        of_rows = entries & Q(conversation_id__in={row.conversation_id for row in rows if isinstance(row, Message)})
    else:
        entries = of_rows = Q(message=None, conversation_id__in=ids)
    findings = Finding.objects.filter(of_rows)  # By both columns of the index, which begins with the conversation.
    findings.filter(source=Finding.Source.DETECTOR, state=Finding.State.OPEN).delete()
    IndexEntry.objects.filter(entries).delete()
    return said_of(findings)
