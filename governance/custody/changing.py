"""States of key versions as whole acts: the right, a reason, the change, the record; open grants end by themselves.

Suspend a version that may be in doubt, and resume it; deactivate what shall seal no more; call compromised what others
may know. What wraps nothing any more is destroyed elsewhere, by two people.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from governance.access.acting import require
from governance.approvals.asking import LONGEST_REASON
from governance.audit.recording import record_with_effect
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.keys.changing import Cause, change_state, expect, locked_version
from governance.keys.errors import BadTransition, KeysError, KeyWorkGoesOn
from governance.keys.models import KeyVersion
from governance.keys.rings import FreshVersion
from governance.keys.rotating import prepare, rotate
from governance.keys.states import State, check

ACTS: Final = {
    "suspend": State.SUSPENDED,
    "resume": State.ACTIVE,
    "deactivate": State.DEACTIVATED,
    "compromise": State.COMPROMISED,
}

_LEAVE: Final = frozenset({"deactivate", "compromise"})


class ReasonMissing(KeysError):
    """A change of a key's state is kept with its reason."""

    code = "keys.reason"


def cause_of(principal: Principal, reason: str) -> Cause:
    """Return who changes a key and why. Raises ReasonMissing."""
    cause = Cause(principal.user_id, reason.strip()[:LONGEST_REASON])
    if not cause.reason:
        raise ReasonMissing("Say why: the reason is kept with the key.")
    return cause


def change_version(
    *, principal: Principal, version_id: UUID, act: str, reason: str, now: datetime, expected: str = ""
) -> str:
    """Suspend, resume, deactivate or call compromised one version, with a fresh second factor; return its new state.

    The ring gets a new active version in the same transaction where one that seals becomes compromised or deactivated,
    so writers go on; while it is suspended they wait. A version that is resumed beside a newer active one is deactivated.
    Raises AccessDenied (recorded), UnknownKey, BadTransition, ReasonMissing, ProviderFailed, KeyChanged where `expected` is
    not its tag, and KeyWorkGoesOn where the version became active between the making of its successor's bytes and the lock.
    """
    require(principal=principal, action="manage_keys", now=now, second_factor=True)
    cause = cause_of(principal, reason)
    fresh = _bytes_of_successor(principal.tenant_id, version_id, act)
    with tenant_scope(principal.tenant_id):
        version = locked_version(version_id)
        expect(version, expected)
        before, to = version.state, _target(version, act)
        check(before, to)
        successor = None
        if before == State.ACTIVE and act in _LEAVE:
            if fresh is None:
                raise KeyWorkGoesOn("This version has just become active; ask once more.")
            successor = rotate(fresh=fresh, cause=cause, now=now).number
            version.refresh_from_db()
        if version.state != to:
            change_state(version, to, cause=cause, now=now)
        record_with_effect(
            tenant=principal.tenant_id, event="key.state_changed", **principal.as_actor(), ring=str(version.ring_id),
            use=version.ring.use, version=version.number, before=str(before), after=str(to),
            successor=successor,
        )  # fmt: skip
    return str(to)


def _bytes_of_successor(tenant: UUID, version_id: UUID, act: str) -> FreshVersion | None:
    """Make the bytes of the version that follows where the act takes an active one away; None where it does not."""
    if act not in _LEAVE:
        return None
    with tenant_scope(tenant):
        found = KeyVersion.objects.filter(id=version_id, state=State.ACTIVE).select_related("ring").first()
    return None if found is None else prepare(tenant=tenant, use=found.ring.use)


def _target(version: KeyVersion, act: str) -> State:
    """Return the state that the act leads to; a ring has one active version."""
    others = KeyVersion.objects.filter(ring=version.ring, state=State.ACTIVE).exclude(id=version.id)
    if act == "resume" and version.state == State.SUSPENDED and others.exists():
        return State.DEACTIVATED
    if act == "resume" and version.number < version.ring.minimum_version:
        raise BadTransition(
            "The ring accepts this version no more, so it seals nothing: rotate, or let two lower the minimum."
        )
    return ACTS[act]
