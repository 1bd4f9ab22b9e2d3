"""Collects the models of all parts under the one label."""

from governance.access.models import AccessPolicy, BreakGlass, Purpose
from governance.approvals.models import Approval
from governance.audit.models import AuditEntry, Checkpoint, SinkPosition, Tally, TallyPosition
from governance.identity.models import ApiToken, Membership, Tenant, User
from governance.ingest.models import Receipt
from governance.jobs.models import Job
from governance.keys.models import DataKey, KeyCensus, KeyRing, KeyTransition, KeyVersion
from governance.privacy.models import DetectionProfile, Finding, LegalHold, RetentionRule, SubjectRequest, Tombstone
from governance.vault.models import (
    Collection,
    Consultation,
    Conversation,
    DataSubject,
    IndexEntry,
    Message,
    SealManifest,
)

__all__ = [
    "AccessPolicy",
    "ApiToken",
    "Approval",
    "AuditEntry",
    "BreakGlass",
    "Checkpoint",
    "Collection",
    "Consultation",
    "Conversation",
    "DataKey",
    "DataSubject",
    "DetectionProfile",
    "Finding",
    "IndexEntry",
    "Job",
    "KeyCensus",
    "KeyRing",
    "KeyTransition",
    "KeyVersion",
    "LegalHold",
    "Membership",
    "Message",
    "Purpose",
    "Receipt",
    "RetentionRule",
    "SealManifest",
    "SinkPosition",
    "SubjectRequest",
    "Tally",
    "TallyPosition",
    "Tenant",
    "Tombstone",
    "User",
]
