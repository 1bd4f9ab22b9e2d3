"""The life of an access policy: draft, diff, ask, activate, retire. Only active ones decide.

A policy changes in one way: a new version is drafted, a second person reads what it changes and agrees, and it takes the
place of the version before it. No version is ever edited, so every past decision can be explained.

Whoever manages or explains policies looks at all of them. Whoever may agree to a change as the second person looks at the
version that is asked about, and at how it differs: nobody answers for what they could not read.
"""

import difflib
import re
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Max

from governance.access import seconding
from governance.access.acting import allowed_of, allows, in_scope, require
from governance.access.errors import ChangedSince, PolicyInvalid, PolicyRefused, PurposeRefused, UnknownPolicy
from governance.access.models import AccessPolicy, Purpose
from governance.access.rules import validate
from governance.access.schema import SEED_POLICIES
from governance.approvals.asking import LONGEST_REASON, use
from governance.audit.recording import record_with_effect
from governance.crypto.derivation import fingerprint
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope

ACTIVATE = "activate_policy"
_POLICIES = 1414942803  # What the number of the advisory lock begins with; a ring's has one part, the record's 1414940977.
RETIRE = "retire_policy"
_LOOK = ("manage_policies", "explain")
_CODE = re.compile(r"[a-z0-9_-]{1,64}")


def seed_policies(*, tenant: UUID, now: datetime) -> None:
    """Make the policies of a new tenant (INTERFACE.md, roles and actions); call it inside its scope."""
    for name, cedar in SEED_POLICIES.items():
        validate(cedar)
        AccessPolicy.objects.create(
            tenant_id=tenant, name=name, cedar=cedar, state=AccessPolicy.State.ACTIVE, activated_at=now,
            reason="Seeded with the tenant.",
        )  # fmt: skip


def draft(*, principal: Principal, name: str, cedar: str, reason: str, now: datetime) -> AccessPolicy:
    """Keep a new version of policy `name` as a draft and record it.

    Raises AccessDenied (recorded), PolicyInvalid, PolicyRefused for the text that is active already.
    """
    require(principal=principal, action="manage_policies", now=now, second_factor=True)
    if not _CODE.fullmatch(name):
        raise PolicyInvalid("A policy is named by 1 to 64 small letters, digits, - and _.")
    validate(cedar)
    with tenant_scope(principal.tenant_id):
        _one_at_a_time(principal.tenant_id)
        versions = AccessPolicy.objects.filter(name=name)
        if versions.filter(cedar=cedar, state__in=[AccessPolicy.State.ACTIVE, AccessPolicy.State.DRAFT]).exists():
            raise PolicyRefused("Exactly this text is active or drafted already under that name.")
        row = AccessPolicy(
            tenant_id=principal.tenant_id,
            name=name,
            version=(versions.aggregate(newest=Max("version"))["newest"] or 0) + 1,
            cedar=cedar,
            reason=reason[:LONGEST_REASON],
            drafted_by_id=principal.user_id,
        )
        row.save(force_insert=True)
        _record(principal, "policy.drafted", row)
    return row


def policies_of(*, principal: Principal, now: datetime, name: str = "") -> list[AccessPolicy]:
    """Return the policies in force and in draft, of one name with all its versions. Raises AccessDenied (recorded)."""
    require_all(principal=principal, now=now)
    with tenant_scope(principal.tenant_id):
        rows = AccessPolicy.objects.select_related("drafted_by")
        if name:
            return list(rows.filter(name=name))
        return list(rows.exclude(state=AccessPolicy.State.RETIRED))


def policy(*, principal: Principal, policy_id: UUID, now: datetime) -> AccessPolicy:
    """Return one version. Raises UnknownPolicy, AccessDenied (recorded)."""
    _require_sight(principal, policy_id, now)
    with tenant_scope(principal.tenant_id):
        return _find(policy_id)


def tag_of(*, principal: Principal, row: AccessPolicy) -> str:
    """Return the tag of what somebody sees who looks at a version: its state, and which version is in force beside it."""
    with tenant_scope(principal.tenant_id):
        return _tag(row)


def diff(*, principal: Principal, policy_id: UUID, now: datetime) -> str:
    """Return how a version differs from the one in force, as a unified diff; empty where nothing differs."""
    _require_sight(principal, policy_id, now)
    with tenant_scope(principal.tenant_id):
        row = _find(policy_id)
        before = _active(row.name)
    old, name = (before.cedar, str(before)) if before is not None else ("", "nothing")
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), row.cedar.splitlines(keepends=True), fromfile=name, tofile=str(row)
    )
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


def ask_activation(*, principal: Principal, policy_id: UUID, reason: str, now: datetime) -> UUID:
    """Ask a second person to let a draft take force; return the approval's id.

    Raises AccessDenied (recorded), UnknownPolicy, PolicyRefused, ApprovalRefused.
    """
    with tenant_scope(principal.tenant_id):
        row = _in_state(policy_id, AccessPolicy.State.DRAFT)
        details = _asked(row)
    return seconding.ask(principal=principal, act=ACTIVATE, subject=row.id, details=details, reason=reason, now=now)


def activate(*, principal: Principal, policy_id: UUID, approval_id: UUID, now: datetime, expected: str = "") -> AccessPolicy:
    """Put an approved draft into force in place of the version before it; every open grant of the tenant ends.

    `expected` is the tag of what the asker saw. Raises AccessDenied (recorded), UnknownPolicy, ChangedSince,
    ApprovalRefused, PolicyRefused (also where the asker would lock himself out of managing policies).
    """
    require(principal=principal, action="manage_policies", now=now, second_factor=True)
    with tenant_scope(principal.tenant_id):
        _one_at_a_time(principal.tenant_id)
        row = _in_state(policy_id, AccessPolicy.State.DRAFT, expected)
        use(approval_id=approval_id, act=ACTIVATE, subject=row.id, details=_asked(row), now=now)
        validate(row.cedar)
        before = _active(row.name)
        if before is not None:
            before.state = AccessPolicy.State.RETIRED
            before.save(update_fields=["state"])
        row.state, row.activated_at, row.approval_id = AccessPolicy.State.ACTIVE, now, approval_id
        row.save(update_fields=["state", "activated_at", "approval_id"])
        _refuse_lockout(principal, now)
        _record(principal, "policy.activated", row, approval=str(approval_id))
    return row


def ask_retirement(*, principal: Principal, policy_id: UUID, reason: str, now: datetime) -> UUID:
    """Ask a second person to take a policy out of force: a forbid that goes opens as much as a permit that comes."""
    with tenant_scope(principal.tenant_id):
        row = _in_state(policy_id, AccessPolicy.State.ACTIVE)
    return seconding.ask(principal=principal, act=RETIRE, subject=row.id, details=_details(row), reason=reason, now=now)


def retire(*, principal: Principal, policy_id: UUID, approval_id: UUID, now: datetime, expected: str = "") -> AccessPolicy:
    """Take a policy out of force. Raises as `activate` does."""
    require(principal=principal, action="manage_policies", now=now, second_factor=True)
    with tenant_scope(principal.tenant_id):
        _one_at_a_time(principal.tenant_id)
        row = _in_state(policy_id, AccessPolicy.State.ACTIVE, expected)
        use(approval_id=approval_id, act=RETIRE, subject=row.id, details=_details(row), now=now)
        row.state = AccessPolicy.State.RETIRED
        row.save(update_fields=["state"])
        _refuse_lockout(principal, now)
        _record(principal, "policy.retired", row, approval=str(approval_id))
    return row


def add_purpose(*, principal: Principal, code: str, description: str, now: datetime) -> None:
    """Let the tenant know a further purpose, and record it; collections allow it one by one.

    Raises AccessDenied (recorded), PurposeRefused.
    """
    require(principal=principal, action="manage_policies", now=now, second_factor=True)
    if not _CODE.fullmatch(code):
        raise PurposeRefused("A purpose is named by 1 to 64 small letters, digits, - and _.")
    with tenant_scope(principal.tenant_id):
        if Purpose.objects.filter(code=code).exists():
            raise PurposeRefused("This tenant knows that purpose already.")
        Purpose.objects.create(tenant_id=principal.tenant_id, code=code, description=description[:255])
        record_with_effect(tenant=principal.tenant_id, event="purpose.added", **principal.as_actor(), purpose=code)


def _refuse_lockout(principal: Principal, now: datetime) -> None:
    """Raise PolicyRefused where the change would leave whoever makes it unable to change policies again."""
    if not allows(principal=principal, action="manage_policies", now=now):
        raise PolicyRefused("You could not manage policies any more after this; nothing was changed.")


def require_all(*, principal: Principal, now: datetime) -> None:
    """Return where the principal may look at every policy. Raises AccessDenied (recorded)."""
    require(principal=principal, action=_LOOK[0], instead=_LOOK[1:], now=now)


def is_open(*, principal: Principal, policy_id: UUID, now: datetime) -> bool:
    """Return whether the principal may look at this version, for showing it beside something else; nothing is recorded."""
    actions = in_scope(principal, _looks(principal, policy_id, now))
    return bool(allowed_of(principal=principal, actions=actions, now=now))


def _require_sight(principal: Principal, policy_id: UUID, now: datetime) -> None:
    first, *others = _looks(principal, policy_id, now)
    require(principal=principal, action=first, instead=tuple(others), now=now)


def _looks(principal: Principal, policy_id: UUID, now: datetime) -> tuple[str, ...]:
    """Return the actions of which each opens this version to the principal."""
    asked = seconding.concerns(principal=principal, acts=(ACTIVATE, RETIRE), subject=policy_id, now=now)
    return (*_LOOK, "second") if asked else _LOOK


def _find(policy_id: UUID) -> AccessPolicy:
    row = AccessPolicy.objects.select_related("drafted_by").filter(id=policy_id).first()
    if row is None:
        raise UnknownPolicy("This tenant has no such policy.")
    return row


def _tag(row: AccessPolicy) -> str:
    active = _active(row.name)
    return fingerprint(f"{row.id} {row.state} {active.id if active else ''}".encode()).hex()[:32]


def _one_at_a_time(tenant: UUID) -> None:
    """Let policies change one after the other to the commit: two that change at once would not see each other.

    Of two drafts of a name both would be put in force, and of the last two policies that let somebody manage policies each
    would be taken out because the other is there.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_POLICIES, str(tenant)])


def _in_state(policy_id: UUID, state: str, expected: str = "") -> AccessPolicy:
    row = _find(policy_id)
    if expected and expected != _tag(row):
        raise ChangedSince("The policy is not as you saw it any more, or another version is in force; look at it again.")
    if row.state != state:
        raise PolicyRefused(f"This version is {row.state}, not {state}.")
    return row


def _active(name: str) -> AccessPolicy | None:
    return AccessPolicy.objects.filter(name=name, state=AccessPolicy.State.ACTIVE).first()


def _details(row: AccessPolicy) -> dict[str, str | int]:
    return {"name": row.name, "version": row.version, "sha256": fingerprint(row.cedar.encode()).hex()}


def _asked(row: AccessPolicy) -> dict[str, str | int]:
    """What an approval of a draft fixes: its text, and the version in force that two people compared it with (0: none)."""
    before = _active(row.name)
    return {**_details(row), "replaces": before.version if before is not None else 0}


def _record(principal: Principal, event: str, row: AccessPolicy, **facts: object) -> None:
    record_with_effect(
        tenant=principal.tenant_id, event=event, **principal.as_actor(), policy=str(row.id), **_details(row), **facts
    )
