"""What keys need by themselves, looked at every few minutes: rotation by age and uses, erasure epochs, waiting that is over.

An erasure epoch gives the rings of texts a new version, moves all data keys to it by a job, and destroys the version
before that, once it has wrapped nothing for an epoch. From then on nothing in the live database unwraps the copies of
erased data keys that lie in dead rows, in the write-ahead log and in replicas. It destroys what wraps nothing, counted
inside the barrier, so it takes nobody's second word; THREADVAULT_EPOCH_DAYS=0 ends it.
"""

import logging
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import DatabaseError
from django.db.models import QuerySet

from governance.audit.errors import AuditError
from governance.audit.recording import record_with_effect
from governance.conf.settings import vault_settings
from governance.custody.destroying import destroy_due
from governance.custody.rewrapping import queue_rewrap
from governance.identity.scoping import tenant_scope
from governance.keys.changing import Cause
from governance.keys.errors import KeysError
from governance.keys.limits import overdue
from governance.keys.models import KeyUse, KeyVersion
from governance.keys.rings import lock_exclusive
from governance.keys.rotating import prepare, rotate
from governance.keys.states import State

logger = logging.getLogger(__name__)
OF_EPOCHS: Final = frozenset({KeyUse.CONTENT.value, KeyUse.REDACTED.value})


def keep_up(*, tenant: UUID, now: datetime) -> None:
    """Do what is due of the tenant's keys; what fails is logged by its code and tried again at the next call."""
    for version, why in _overdue(tenant, now):
        try:
            _rotate(tenant, version, why, now)
        except (KeysError, AuditError, DatabaseError) as error:
            logger.error("A ring of %s was not rotated: %s", tenant, type(error).__name__)  # noqa: TRY400 - no text
    for version_id, cause in _to_destroy(tenant, now):
        try:
            destroy_due(tenant=tenant, version_id=version_id, cause=cause, now=now)
        except (KeysError, AuditError, DatabaseError) as error:
            logger.error("A version of %s was not destroyed: %s", tenant, type(error).__name__)  # noqa: TRY400 - as above


def _overdue(tenant: UUID, now: datetime) -> list[tuple[KeyVersion, str]]:
    """Return the active versions that are to be replaced, and why: `uses`, `age` or `epoch`."""
    settings, found = vault_settings(), []
    with tenant_scope(tenant):
        active = list(KeyVersion.objects.filter(state=State.ACTIVE).select_related("ring"))
    for version in active:
        days = settings.epoch_days if version.ring.use in OF_EPOCHS else 0
        if why := overdue(uses=version.uses, activated_at=version.activated_at, days=settings.key_days, now=now):
            found.append((version, why))
        elif overdue(uses=0, activated_at=version.activated_at, days=days, now=now):
            found.append((version, "epoch"))
    return found


def _rotate(tenant: UUID, version: KeyVersion, why: str, now: datetime) -> None:
    """Replace a version, unless somebody else was faster; in an epoch a job moves the data keys as well."""
    use = version.ring.use
    fresh = prepare(tenant=tenant, use=use)
    with tenant_scope(tenant):
        lock_exclusive(version.ring_id)
        if not KeyVersion.objects.filter(id=version.id, state=State.ACTIVE).exists():
            return
        made = rotate(fresh=fresh, cause=Cause(None, f"by itself: {why}"), now=now)
        if use in OF_EPOCHS and vault_settings().epoch_days:
            queue_rewrap(tenant=tenant, ring=version.ring_id, use=use, asked_by=None)
        record_with_effect(
            tenant=tenant, event="key.rotated", actor_kind="worker", ring=str(version.ring_id), use=use,
            version=made.number, why=why,
        )  # fmt: skip


def _to_destroy(tenant: UUID, now: datetime) -> list[tuple[UUID, Cause]]:
    """Return the versions whose waiting is over, and those that an epoch has left behind."""
    days = vault_settings().epoch_days
    with tenant_scope(tenant):
        agreed = KeyVersion.objects.filter(destroy_at__lte=now).exclude(state=State.DESTROYED)
        found = [(version, Cause(None, "Two people agreed, and the waiting is over.")) for version in _ids(agreed)]
        if days:
            left = KeyVersion.objects.filter(
                ring__use__in=OF_EPOCHS, state=State.DEACTIVATED, destroy_approval_id=None,
                state_changed_at__lte=now - timedelta(days=days),
            )  # fmt: skip
            found += [(version, Cause(None, "An erasure epoch ended.")) for version in _ids(left)]
    return found


def _ids(rows: QuerySet[KeyVersion]) -> list[UUID]:
    return list(rows.order_by("number").values_list("id", flat=True))
