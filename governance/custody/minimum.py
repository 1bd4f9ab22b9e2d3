"""The lowest version that a ring accepts: raised by one person where nothing is below it, lowered by two.

What was wrapped under a version below the minimum opens nowhere, though the version exists: whoever puts an old row back
gains nothing by it.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from governance.access.acting import require
from governance.access.seconding import ask
from governance.approvals.asking import ApprovalRefused, NoSuchApproval, use
from governance.approvals.models import Approval
from governance.audit.recording import record_with_effect
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.keys.changing import expect, locked_ring
from governance.keys.errors import BadTransition, KeyInUse, UnknownKey
from governance.keys.models import KeyRing, KeyVersion
from governance.keys.rewrapping import count_below
from governance.keys.rings import active_version, rings_of

ACT: Final = "lower_minimum_version"


def raise_minimum(*, principal: Principal, use: str, number: int, now: datetime, expected: str = "") -> int:
    """Let the ring accept versions from `number` on only; return it.

    Raises AccessDenied (recorded), UnknownKey, KeyInUse with the count of what is below, BadTransition where it would
    lower the minimum or shut out the active version, KeyChanged.
    """
    require(principal=principal, action="manage_keys", now=now, second_factor=True)
    with tenant_scope(principal.tenant_id):
        ring = locked_ring(_ring(principal.tenant_id, use).id)
        expect(ring, expected)
        if number < ring.minimum_version:
            raise BadTransition(f"The minimum is {ring.minimum_version}; two people lower it: keys ask-minimum.")
        if number > active_version(ring.id).number:
            raise BadTransition("The minimum cannot be above the active version.")
        if below := count_below(ring.id, number):
            raise KeyInUse(
                f"{below} data keys are wrapped by versions below {number}. Move them first: manage.py keys rewrap"
                f" --use {use}."
            )
        _set(principal, ring, number)
    return number


def ask_lower_minimum(*, principal: Principal, use: str, number: int, reason: str, now: datetime) -> UUID:
    """Ask to accept versions from `number` on again; return the approval's id.

    Raises AccessDenied (recorded), UnknownKey, BadTransition where it would not lower the minimum, ApprovalRefused.
    """
    require(principal=principal, action="manage_keys", now=now, second_factor=True)
    with tenant_scope(principal.tenant_id):
        ring = _ring(principal.tenant_id, use)
        if not 0 < number < ring.minimum_version:
            raise BadTransition(f"The minimum is {ring.minimum_version}; name a lower one, from 1 on.")
    details = {"from": ring.minimum_version, "minimum": number}
    return ask(principal=principal, act=ACT, subject=ring.id, details=details, reason=reason, now=now)


def lower_minimum(
    *, principal: Principal, approval_id: UUID, now: datetime, ring_id: UUID | None = None, expected: str = ""
) -> int:
    """Lower the minimum that two people agreed to lower; return it. `ring_id` is whose the caller believes that it is.

    Raises AccessDenied (recorded), ApprovalRefused, NoSuchApproval, KeyChanged.
    """
    require(principal=principal, action="manage_keys", now=now, second_factor=True)
    with tenant_scope(principal.tenant_id):
        asked = Approval.objects.filter(id=approval_id, act=ACT).first()
        if asked is None:
            raise NoSuchApproval("This tenant has no such approval.")
        if ring_id not in {None, asked.subject_id}:
            raise ApprovalRefused("This approval is for another ring.")
        ring = locked_ring(asked.subject_id)
        expect(ring, expected)
        number = int(asked.details["minimum"])
        if int(asked.details["from"]) != ring.minimum_version:
            raise ApprovalRefused("The minimum is another one than the two people saw; ask again.")
        use(approval_id=approval_id, act=ACT, subject=ring.id, details=asked.details, now=now)
        _set(principal, ring, number, approval=str(approval_id))
    return number


def _ring(tenant: UUID, use: str) -> KeyRing:
    ring = rings_of(tenant).get(use)
    if ring is None:
        raise UnknownKey(f"This tenant has no ring for {use!r}.")
    return KeyRing.objects.get(id=ring)


def _set(principal: Principal, ring: KeyRing, number: int, **facts: str) -> None:
    before, ring.minimum_version = ring.minimum_version, number
    ring.save(update_fields=["minimum_version"])
    newest = KeyVersion.objects.filter(ring=ring, state=KeyVersion.State.ACTIVE).values_list("number", flat=True).first()
    record_with_effect(
        tenant=ring.tenant_id, event="key.minimum_changed", **principal.as_actor(), ring=str(ring.id), use=ring.use,
        before=before, minimum=number, active=newest or 0, **facts,
    )  # fmt: skip
