"""Destroying keys. What it guarantees:

- two people agree to the destruction of a version, then it waits 7 to 30 days, and any one officer cancels it meanwhile;
- a version is destroyed inside the ring's barrier and only where it wraps nothing, counted there: no writer can have
  obtained it and not yet committed. The database refuses it otherwise, too;
- a single data key is destroyed at once, by two people, unless a legal hold keeps it. Its row stays as its tombstone.
"""

import logging
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from governance.access.acting import require
from governance.access.seconding import ask
from governance.approvals.asking import ApprovalRefused, NoSuchApproval, use
from governance.approvals.models import Approval
from governance.audit.recording import record_now, record_with_effect
from governance.custody.changing import cause_of
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.keys.changing import Cause, change_state, expect, locked_version, version_of
from governance.keys.data_keys import count_of_version
from governance.keys.errors import BadTransition, KeyDestroyed, KeyInUse, KeyReplaced, UnknownKey
from governance.keys.limits import LONGEST_WAIT_DAYS, SANE_DAYS, SHORTEST_WAIT_DAYS
from governance.keys.models import DataKey, KeyVersion
from governance.keys.states import State, check
from governance.keys.wrapped import NOBODY
from governance.privacy.errors import Held
from governance.privacy.holding import check_no_hold
from governance.privacy.models import Finding
from governance.vault.erasing import Erased, erase_texts, lock_subject, records_of

logger = logging.getLogger(__name__)
VERSION: Final = "destroy_key_version"
DATA_KEY: Final = "destroy_data_key"


def ask_destroy(*, principal: Principal, version_id: UUID, days: int, reason: str, now: datetime) -> UUID:
    """Ask to destroy a version `days` (7 to 30) after a second person agreed; return the approval's id.

    Raises AccessDenied (recorded), UnknownKey, BadTransition, KeyInUse, ApprovalRefused.
    """
    if not SHORTEST_WAIT_DAYS <= days <= LONGEST_WAIT_DAYS:
        raise ApprovalRefused(f"A key waits for its destruction for {SHORTEST_WAIT_DAYS} to {LONGEST_WAIT_DAYS} days.")
    require(principal=principal, action="manage_keys", now=now, second_factor=True)
    with tenant_scope(principal.tenant_id):
        version = version_of(version_id)
        check(version.state, State.DESTROYED)
        _check_unused(version)
    return ask(
        principal=principal, act=VERSION, subject=version_id, details={"days": days}, reason=reason, now=now
    )  # fmt: skip


def schedule_destroy(
    *, principal: Principal, approval_id: UUID, now: datetime, version_id: UUID | None = None, expected: str = ""
) -> datetime:
    """Begin the waiting that two people agreed to; return when it ends. Nothing is destroyed yet.

    `version_id` is what the caller believes that they agreed to. Raises AccessDenied (recorded), ApprovalRefused,
    NoSuchApproval, BadTransition, KeyInUse, KeyChanged.
    """
    require(principal=principal, action="manage_keys", now=now, second_factor=True)
    with tenant_scope(principal.tenant_id):
        asked = _approval(approval_id, VERSION)
        if version_id not in {None, asked.subject_id}:
            raise ApprovalRefused("This approval is for another version.")
        version = locked_version(asked.subject_id)
        expect(version, expected)
        check(version.state, State.DESTROYED)
        _check_unused(version)
        decision = use(approval_id=approval_id, act=VERSION, subject=version.id, details=asked.details, now=now)
        version.destroy_at = now + timedelta(days=int(asked.details["days"]))
        version.destroy_approval_id = decision.approval_id
        version.save(update_fields=["destroy_at", "destroy_approval_id"])
        _record(
            "key.destroy_scheduled", version, **principal.as_actor(), approval=str(approval_id),
            destroy_at=version.destroy_at.isoformat(),
        )  # fmt: skip
    return version.destroy_at


def cancel_destroy(*, principal: Principal, version_id: UUID, reason: str, now: datetime, expected: str = "") -> None:
    """Take a version out of its waiting: one person may, at any time before its end. Only two destroy it then.

    Raises AccessDenied (recorded), UnknownKey, BadTransition where nothing waits, ReasonMissing, KeyChanged.
    """
    require(principal=principal, action="manage_keys", now=now, second_factor=True)
    cause_of(principal, reason)
    with tenant_scope(principal.tenant_id):
        version = locked_version(version_id)
        expect(version, expected)
        if version.destroy_at is None or version.state == State.DESTROYED:
            raise BadTransition("This version does not wait for its destruction.")
        version.destroy_at = None  # The approval stays named: no epoch takes what an officer has kept.
        version.save(update_fields=["destroy_at"])
        _record("key.destroy_cancelled", version, **principal.as_actor())


def destroy_due(*, tenant: UUID, version_id: UUID, cause: Cause, now: datetime) -> bool:
    """Destroy a version inside the barrier where it wraps nothing; return whether it was.

    Without an agreement the caller knows that its epoch is over. A version that came to wrap something, was cancelled or
    became compromised meanwhile stays; the next call looks again. So does one whose waiting ended more than 30 days ago: the
    clock may have jumped.
    """
    with tenant_scope(tenant):
        version = locked_version(version_id)
        if version.state == State.DESTROYED or not _due(version, now) or count_of_version(version.id):
            return False
        approval = version.destroy_approval_id
        change_state(version, State.DESTROYED, cause=cause, now=now)
        more = {} if approval is None else {"approval": str(approval)}
        _record("key.destroyed", version, actor_kind="worker", **more)
    return True


def _due(version: KeyVersion, now: datetime) -> bool:
    if version.destroy_approval_id is None:
        return version.state == State.DEACTIVATED
    if version.destroy_at is None or version.destroy_at > now:
        return False
    if version.destroy_at < now - timedelta(days=SANE_DAYS):
        logger.error("The waiting of a key version ended more than %s days ago; cancel it and ask again.", SANE_DAYS)
        return False
    return True


def ask_destroy_data_key(*, principal: Principal, data_key_id: UUID, reason: str, now: datetime) -> UUID:
    """Ask to destroy one data key, and with it one owner's texts in one conversation; return the approval's id.

    Raises AccessDenied (recorded), UnknownKey, KeyDestroyed, KeyReplaced with the one that took its place, Held (recorded),
    ApprovalRefused.
    """
    require(principal=principal, action="manage_keys", now=now, second_factor=True)
    with tenant_scope(principal.tenant_id):
        key = _data_key(data_key_id)
    _check_hold(principal, key)
    return ask(principal=principal, act=DATA_KEY, subject=data_key_id, reason=reason, now=now)


def destroy_data_key(*, principal: Principal, approval_id: UUID, now: datetime) -> Erased:
    """Destroy the data key that two people agreed to destroy, at once; return what became unreadable.

    The key of the redacted forms goes with that of the sources. It waits for whoever works with the key at the moment.
    Raises AccessDenied (recorded), ApprovalRefused, NoSuchApproval, KeyDestroyed, KeyReplaced, Held (recorded).
    """
    require(principal=principal, action="manage_keys", now=now, second_factor=True)
    with tenant_scope(principal.tenant_id):
        key = _data_key(_approval(approval_id, DATA_KEY).subject_id)
    _check_hold(principal, key)
    with tenant_scope(principal.tenant_id):
        lock_subject(key.owner_id)
        check_no_hold(key.owner_id, [key.conversation_id])
        key = _data_key(key.id)
        use(approval_id=approval_id, act=DATA_KEY, subject=key.id, details={}, now=now)
        messages, heads = records_of(owner=key.owner_id, conversation=key.conversation_id)
        Finding.objects.filter(conversation_id=key.conversation_id, message_id__in=messages).delete()
        Finding.objects.filter(message=None, conversation_id__in=heads).delete()
        erased = erase_texts(owner=key.owner_id, conversation=key.conversation_id, now=now)
        record_with_effect(
            tenant=principal.tenant_id, event="key.data_key_destroyed", **principal.as_actor(), data_key=str(key.id),
            conversation=str(key.conversation_id), approval=str(approval_id), **asdict(erased),
        )  # fmt: skip
    return erased


def _approval(approval_id: UUID, act: str) -> Approval:
    found = Approval.objects.filter(id=approval_id, act=act).first()
    if found is None:
        raise NoSuchApproval("This tenant has no such approval.")
    return found


def _check_unused(version: KeyVersion) -> None:
    if wraps := count_of_version(version.id):
        raise KeyInUse(
            f"Version {version.number} wraps {wraps} data keys still. Move them first: manage.py keys rewrap --use"
            f" {version.ring.use}."
        )


def _data_key(data_key_id: UUID) -> DataKey:
    found = DataKey.objects.filter(id=data_key_id).exclude(conversation_id=NOBODY).first()
    if found is None:
        raise UnknownKey("This tenant has no such data key; those of the tenant as a whole are not destroyed one by one.")
    if found.wrapped is None:
        of_owner = DataKey.objects.filter(conversation_id=found.conversation_id, owner_id=found.owner_id, use=found.use)
        successor = of_owner.filter(replaced=False, wrapped__isnull=False).values_list("id", flat=True).first()
        if found.replaced and successor:
            raise KeyReplaced(f"What this data key sealed was re-encrypted and opens under {successor}: ask for that one.")
        raise KeyDestroyed("This data key was destroyed already.")
    return found


def _check_hold(principal: Principal, key: DataKey) -> None:
    """Refuse what is held, and put the refusal on the record."""
    try:
        with tenant_scope(principal.tenant_id):
            check_no_hold(key.owner_id, [key.conversation_id])
    except Held as refusal:
        record_now(
            tenant=principal.tenant_id, event="grant.refused", **principal.as_actor(), action=DATA_KEY,
            data_key=str(key.id), code=refusal.code,
        )  # fmt: skip
        raise


def _record(event: str, version: KeyVersion, **facts: str) -> None:
    record_with_effect(
        tenant=version.tenant_id, event=event, ring=str(version.ring_id), use=version.ring.use, version=version.number,
        **facts,
    )  # fmt: skip
