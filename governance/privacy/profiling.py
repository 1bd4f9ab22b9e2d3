"""The life of a detection profile: draft, compare, put into force. What masks or protects less takes two people.

A profile changes by a new version in the place of the one before; what was scanned is then scanned anew by a job. A
version is never edited, so it can be told under which settings a text was scanned.
"""

import difflib
import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Max, QuerySet

from governance.access import seconding
from governance.access.acting import require
from governance.approvals.asking import LONGEST_REASON, use
from governance.audit.recording import record_with_effect
from governance.crypto.derivation import fingerprint
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.keys.models import KeyUse
from governance.keys.rings import lock_exclusive, rings_of
from governance.keys.warming import warm
from governance.privacy.detecting import Detected, detect
from governance.privacy.errors import PrivacyError
from governance.privacy.models import DetectionProfile
from governance.privacy.profiles import Settings, profile_of, read_settings, weakened
from governance.privacy.profiles.classes import DEFAULTS
from governance.privacy.profiles.loading import active_settings
from governance.privacy.profiles.sealing import open_settings, seal_settings
from governance.privacy.rescanning import queue_rescan
from governance.vault.errors import NotFound
from governance.vault.models import Collection

ACTION: Final = "manage_requests"
ACT: Final = "activate_profile"
_USES: Final = frozenset({KeyUse.CONTENT})
_EMPTY: Final = Settings()


class UnknownProfile(PrivacyError):
    """This tenant has no such detection profile."""

    code = "profiles.unknown"


class ProfileChanged(PrivacyError):
    """The version is not as its asker saw it any more, or another one is in force by now."""

    code = "profiles.changed"


class ProfileRefused(PrivacyError):
    """The profile is in no state for this, or needs a second person."""

    code = "profiles.refused"


@dataclass(frozen=True, slots=True)
class Shown:
    """A version as people see it; `settings` are opened only where one version is asked for."""

    id: UUID
    collection: UUID | None
    version: int
    state: str
    reason: str
    drafted_by: str
    created_at: datetime
    activated_at: datetime | None
    settings: dict[str, Any] | None = field(default=None, repr=False)
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a version differs from the one in force, and in which ways it masks or protects less."""

    diff: str = field(repr=False)
    weakens: tuple[str, ...]


def draft(
    *, principal: Principal, settings: Any, reason: str, now: datetime, collection_id: UUID | None = None
) -> tuple[Shown, Comparison]:
    """Keep new settings of the tenant, or of one collection, as a draft; return it and what it would change.

    Raises AccessDenied (recorded), SettingsInvalid, NotFound for the collection, ProfileRefused for what is in force.
    """
    require(principal=principal, action=ACTION, now=now, second_factor=True)
    checked = read_settings(settings)
    with tenant_scope(principal.tenant_id):
        warm(tenant=principal.tenant_id, uses=_USES)
        if collection_id is not None and not Collection.objects.filter(id=collection_id).exists():
            raise NotFound
        versions = _versions(collection_id)
        row = DetectionProfile(
            tenant_id=principal.tenant_id,
            collection_id=collection_id,
            version=(versions.aggregate(newest=Max("version"))["newest"] or 0) + 1,
            reason=reason.strip()[:LONGEST_REASON],
            drafted_by_id=principal.user_id,
        )
        found = _compared(row, checked)
        if not found.diff:
            raise ProfileRefused("Exactly these settings are in force already.")
        seal_settings(row, checked, now=now)
        row.save(force_insert=True)
        shown = _shown(_find(row.id))
        _record(principal, "profile.drafted", row)
    return shown, found


def profiles_of(*, principal: Principal, now: datetime) -> list[Shown]:
    """Return the versions in force and in draft, without their settings. Raises AccessDenied (recorded)."""
    require(principal=principal, action=ACTION, instead="second", now=now)
    with tenant_scope(principal.tenant_id):
        rows = DetectionProfile.objects.select_related("drafted_by").exclude(state=DetectionProfile.State.RETIRED)
        return [_shown(row) for row in rows]


def profile(*, principal: Principal, profile_id: UUID, now: datetime) -> Shown:
    """Return one version with its settings. Raises UnknownProfile, AccessDenied (recorded)."""
    require(principal=principal, action=ACTION, instead="second", now=now)
    with tenant_scope(principal.tenant_id):
        warm(tenant=principal.tenant_id, uses=_USES)
        row = _find(profile_id)
        return replace(_shown(row, open_settings([row])[row.id]), tag=_tag(row))


def compare(*, principal: Principal, profile_id: UUID, now: datetime) -> Comparison:
    """Return how a version differs from the one in force. Raises UnknownProfile, AccessDenied (recorded)."""
    require(principal=principal, action=ACTION, instead="second", now=now)
    with tenant_scope(principal.tenant_id):
        warm(tenant=principal.tenant_id, uses=_USES)
        row = _find(profile_id)
        return _compared(row, open_settings([row])[row.id])


def try_out(*, principal: Principal, profile_id: UUID, item: Any, now: datetime) -> Detected:
    """Scan a text or any JSON value under one version, on top of what the whole tenant has in force; stores nothing.

    Raises UnknownProfile, AccessDenied (recorded), DetectionInputError.
    """
    require(principal=principal, action=ACTION, instead="second", now=now)
    with tenant_scope(principal.tenant_id):
        warm(tenant=principal.tenant_id, uses=_USES)
        row = _find(profile_id)
        settings = open_settings([row])[row.id]
        below = [active_settings().get(None, _EMPTY)] if row.collection_id is not None else []
    return detect(item, scan=profile_of(*below, settings).scan)


def ask_activation(*, principal: Principal, profile_id: UUID, reason: str, now: datetime) -> UUID:
    """Ask a second person to let a draft take force that masks or protects less; return the approval's id.

    Raises AccessDenied (recorded), UnknownProfile, ProfileRefused, ApprovalRefused.
    """
    require(principal=principal, action=ACTION, now=now, second_factor=True)
    with tenant_scope(principal.tenant_id):
        warm(tenant=principal.tenant_id, uses=_USES)
        row = _draft(profile_id)
        details = _details(row, _compared(row, open_settings([row])[row.id]))
    return seconding.ask(principal=principal, act=ACT, subject=row.id, details=details, reason=reason, now=now)


def activate(
    *, principal: Principal, profile_id: UUID, now: datetime, approval_id: UUID | None = None, expected: str = ""
) -> tuple[Shown, UUID]:
    """Put a draft into force in place of the version before it; return it and the job that scans anew.

    `expected` is the tag of what the asker saw. Every batch that is being scanned under the version before has been
    committed by then. Raises AccessDenied (recorded), UnknownProfile, ProfileChanged, ApprovalRefused, ProfileRefused
    where it needs a second person.
    """
    require(principal=principal, action=ACTION, now=now, second_factor=True)
    tenant = principal.tenant_id
    with tenant_scope(tenant):
        warm(tenant=tenant, uses=_USES)
        lock_exclusive(rings_of(tenant)[KeyUse.REDACTED])
        row = _draft(profile_id, expected)
        found = _compared(row, open_settings([row])[row.id])
        if approval_id is not None:
            use(approval_id=approval_id, act=ACT, subject=row.id, details=_details(row, found), now=now)
        elif found.weakens:
            raise ProfileRefused(f"This takes a second person, for with it {'; '.join(found.weakens)}. Ask one first.")
        _versions(row.collection_id).filter(state=DetectionProfile.State.ACTIVE).update(state=DetectionProfile.State.RETIRED)
        row.state, row.activated_at, row.approval_id = DetectionProfile.State.ACTIVE, now, approval_id
        row.save(update_fields=["state", "activated_at", "approval_id"])
        job = queue_rescan(tenant=tenant, asked_by=principal.user_id, collection=row.collection_id)
        shown = _shown(row)
        _record(
            principal, "profile.activated", row, weakens=list(found.weakens), job=str(job),
            approval=str(approval_id) if approval_id else "",
        )  # fmt: skip
    return shown, job


def _compared(row: DetectionProfile, after: Settings) -> Comparison:
    active = active_settings()
    before = active.get(row.collection_id, _EMPTY)
    whole = active.get(None, _EMPTY) if row.collection_id is not None else _EMPTY
    diff = difflib.unified_diff(_lines(before), _lines(after), fromfile="in force", tofile=str(row), lineterm="")
    weakens = weakened(before, after, levels={**DEFAULTS, **whole.levels()})
    return Comparison("\n".join(diff), tuple(weakens))


def _lines(settings: Settings) -> list[str]:
    return json.dumps(settings.as_json(), ensure_ascii=False, indent=2, sort_keys=True).splitlines()


def _versions(collection: UUID | None) -> QuerySet[DetectionProfile]:
    rows = DetectionProfile.objects.all()
    return rows.filter(collection=None) if collection is None else rows.filter(collection_id=collection)


def _find(profile_id: UUID) -> DetectionProfile:
    row = DetectionProfile.objects.select_related("drafted_by").filter(id=profile_id).first()
    if row is None:
        raise UnknownProfile("This tenant has no such detection profile.")
    return row


def _draft(profile_id: UUID, expected: str = "") -> DetectionProfile:
    row = _find(profile_id)
    if expected and expected != _tag(row):
        raise ProfileChanged("The version is not as you saw it any more, or another one is in force; look at it again.")
    if row.state != DetectionProfile.State.DRAFT:
        raise ProfileRefused(f"This version is {row.state}; only a draft is put into force.")
    return row


def _tag(row: DetectionProfile) -> str:
    """Return the tag of what somebody sees who looks at a version: its state, and which version is in force beside it."""
    active = _versions(row.collection_id).filter(state=DetectionProfile.State.ACTIVE).values_list("id", flat=True).first()
    return fingerprint(f"{row.id} {row.state} {active or ''}".encode()).hex()[:32]


def _details(row: DetectionProfile, found: Comparison) -> dict[str, Any]:
    """What the approval fixes: the sealed bytes, and what they weaken against the version that is in force then."""
    return {
        "collection": str(row.collection_id or ""), "version": row.version, "weakens": list(found.weakens),
        "sha256": fingerprint(row.document.envelope).hex(),
    }  # fmt: skip


def _shown(row: DetectionProfile, settings: Settings | None = None) -> Shown:
    return Shown(
        id=row.id, collection=row.collection_id, version=row.version, state=str(row.state), reason=row.reason,
        drafted_by=row.drafted_by.username, created_at=row.created_at, activated_at=row.activated_at,
        settings=None if settings is None else settings.as_json(),
    )  # fmt: skip


def _record(principal: Principal, event: str, row: DetectionProfile, **facts: Any) -> None:
    record_with_effect(
        tenant=principal.tenant_id, event=event, **principal.as_actor(), profile=str(row.id),
        collection=str(row.collection_id or ""), version=row.version,
        sha256=fingerprint(row.document.envelope).hex(), **facts,
    )  # fmt: skip
