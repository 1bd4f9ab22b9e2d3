"""Re-encrypting a ring as a job, after a compromise: new data keys, new ciphertext, and the old keys destroyed.

1. Every data key that was made before the job was asked gets a successor and seals no more.
2. The ring's lock is taken alone for a moment: every writer that had obtained an old key has committed.
3. What is under old keys is sealed under their successors, batch by batch; both open meanwhile, and writers go on.
4. When nothing is under the old keys any more, they are destroyed: whoever stole one opens nothing of what is stored.

A job that is killed goes on where its last step ended. One that is cancelled leaves both keys open; the next one ends it.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from governance.access.acting import require
from governance.audit.recording import record_with_effect
from governance.custody.preparing import Wanted, dismiss, preparing_ahead, stand_ready
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.jobs.claiming import without_flush
from governance.jobs.leasing import MAY_GO_ON, Leased, advance, create, lock_job
from governance.jobs.models import Job
from governance.keys.errors import KeyWorkGoesOn, UnknownKey
from governance.keys.models import KeyUse
from governance.keys.replacing import candidates, end_of_old, replace, retire
from governance.keys.rings import lock_exclusive, lock_shared, rings_of
from governance.keys.warming import warm
from governance.keys.wrapped import NOBODY
from governance.privacy.models import DetectionProfile
from governance.privacy.profiles.sealing import seal_settings_anew
from governance.vault.pending import KINDS
from governance.vault.reencrypting import VIEWS, Page, any_left, count_sealed, lock_owners, write

TOPIC: Final = "reencrypt"
AT_ONCE_SECONDS: Final = 20.0
MANY: Final = 20_000
_FIRST: Final = str(NOBODY)


def ask_reencrypt(*, principal: Principal, use: str, now: datetime) -> UUID:
    """Put a job into the queue that re-encrypts what the ring for `use` protects; takes a fresh second factor.

    `use` is content or redacted. Rewrap first, or have a new active version, where a version is compromised. Raises
    AccessDenied (recorded), UnknownKey, KeyWorkGoesOn.
    """
    tenant = principal.tenant_id
    require(principal=principal, action="manage_keys", now=now, second_factor=True)
    if use not in VIEWS:
        raise UnknownKey(f"Nothing is re-encrypted under {use!r}; rings with sealed columns: {', '.join(VIEWS)}.")
    with tenant_scope(tenant):
        ring = rings_of(tenant)[use]
        lock_exclusive(ring)
        if Job.objects.filter(topic=TOPIC, spec__use=use, state__in=MAY_GO_ON).exists():
            raise KeyWorkGoesOn(
                "This ring is being re-encrypted already; resume or cancel that job: manage.py jobs list --open."
            )
        spec = {"use": use, "before": end_of_old(ring).isoformat()}
        job = create(tenant=tenant, topic=TOPIC, spec=spec, total=count_sealed(use), asked_by=principal.user_id)
        record_with_effect(
            tenant=tenant, event="job.asked", **principal.as_actor(), job=str(job), topic=TOPIC, ring=str(ring), use=use
        )
    return job


def reencrypt_step(job: Leased) -> None:
    """Do the next step of the phase at hand. Raises LeaseLost, ProviderFailed, KeyUnavailable, CannotOpen."""
    use = job.spec["use"]
    with tenant_scope(job.tenant):
        ring = rings_of(job.tenant)[use]
        warm(tenant=job.tenant, uses=frozenset({use}), emergency=True)
    phase = job.cursor.get("phase", "replace")
    if phase == "move":
        _move_some(job, ring, use)
        return
    with tenant_scope(job.tenant):
        lock_job(job)
        _PHASES[phase](job, ring, use, datetime.now(UTC))


def _at(job: Leased, phase: str, *, done: int = 0, finished: bool = False, **more: Any) -> None:
    """End a step; `keys` and `records` in the cursor count what was done over all."""
    counts = {name: job.cursor.get(name, 0) for name in ("keys", "records")}
    advance(job, done=done, cursor={**counts, "phase": phase, "after": _FIRST, **more}, finished=finished)


def _replace(job: Leased, ring: UUID, use: str, now: datetime) -> None:
    if _much(job):
        stand_ready()
    after = UUID(job.cursor.get("after", _FIRST))
    before = datetime.fromisoformat(job.spec["before"])
    found = candidates(ring=ring, before=before, after=after)
    if found:
        lock_owners(one.owner for one in found)
        lock_shared([ring])
        replaced = replace(ring=ring, keys=[one.id for one in found], since=before)
        _at(job, "replace", after=str(found[-1].id), keys=job.cursor.get("keys", 0) + replaced)
    elif after != NOBODY:
        _at(job, "replace")  # Around once more, for what somebody else held.
    else:
        lock_exclusive(ring)
        _at(job, "move", table=0, missed=0)


def _much(job: Leased) -> bool:
    return job.total is None or job.total - job.done >= MANY


def _move_some(job: Leased, ring: UUID, use: str) -> None:
    """Move pages of one table, each in a transaction of its own; where many are left, the next is sealed meanwhile.

    What a page had read and did not write is counted: where nothing was missed, nothing is left, for the ring's lock was
    held alone before the first page was read.
    """
    table, until = int(job.cursor.get("table", 0)), time.monotonic() + AT_ONCE_SECONDS
    wanted = Wanted(job.tenant, use, table, UUID(job.cursor["after"]))
    with preparing_ahead(worth_it=_much(job)) as ahead:
        ahead.ask(wanted)
        while (page := ahead.page()).last is not None:
            last = time.monotonic() >= until
            if not last:
                ahead.ask(wanted._replace(after=page.last))
            _write(job, ring, use, table, page)
            if last:
                return
    _end_of_table(job, ring, use, table)


def _write(job: Leased, ring: UUID, use: str, table: int, page: Page) -> None:
    _ = page.manifest  # Before any lock is taken.
    with tenant_scope(job.tenant):
        without_flush()
        lock_job(job)
        if not page.records:
            _at(job, "move", table=table, after=str(page.last), missed=_missed(job))
            return
        lock_owners(page.owners)
        lock_shared([ring])
        moved = write(tenant=job.tenant, kind=KINDS[table], use=use, page=page)
        records = job.cursor.get("records", 0) + moved.records
        missed = _missed(job) + moved.missed
        _at(job, "move", done=moved.records, table=table, after=str(page.last), records=records, missed=missed)
        record_with_effect(
            tenant=job.tenant, event="batch.reencrypted", actor_kind="worker", job=str(job.id), rows=moved.records,
            manifest=str(moved.manifest), root=moved.root.hex(),
        )  # fmt: skip


def _missed(job: Leased) -> int:
    return int(job.cursor.get("missed", 1))  # A job that was begun before this was counted has perhaps missed one.


def _end_of_table(job: Leased, ring: UUID, use: str, table: int) -> None:
    """Go around once more where something is left, else to the next table, and at the last one's end to the next phase."""
    with tenant_scope(job.tenant):
        lock_job(job)
        if _missed(job) and any_left(kind=KINDS[table], use=use):
            _at(job, "move", table=table, missed=0)
        elif table + 1 < len(KINDS):
            _at(job, "move", table=table + 1, missed=0)
        else:
            if use == KeyUse.CONTENT:
                lock_exclusive(ring)  # A profile that is being drafted is written first.
                seal_settings_anew(DetectionProfile.objects.order_by("id"), now=datetime.now(UTC))
            dismiss()
            _at(job, "retire")


def _retire(job: Leased, ring: UUID, use: str, now: datetime) -> None:
    after = UUID(job.cursor["after"])
    last = retire(ring=ring, now=now, after=after)
    _at(job, "retire", after=str(last or NOBODY), finished=last is None and after == NOBODY)  # Around until none is met.
    if job.finished:
        record_with_effect(
            tenant=job.tenant, event="key.reencrypted", actor_kind="worker", job=str(job.id), ring=str(ring), use=use,
            data_keys=job.cursor["keys"], records=job.cursor["records"],
        )  # fmt: skip


_PHASES: Final[dict[str, Callable[[Leased, UUID, str, datetime], None]]] = {
    "replace": _replace,
    "retire": _retire,
}
