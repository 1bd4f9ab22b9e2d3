"""Erases a person: hold check, two people, data keys destroyed, a tombstone and a signed certificate.

`unreadable` at once: no key of the live system opens the texts. `purged` only when no retained copy can be unwrapped.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from governance.access.acting import require
from governance.approvals.asking import Decision, use
from governance.audit.attesting import attestation
from governance.audit.recording import record_now, record_with_effect
from governance.crypto.derivation import fingerprint
from governance.crypto.signing import SigningKey
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.keys.data_keys import tenant_secret
from governance.keys.models import KeyUse
from governance.keys.warming import warm
from governance.privacy.errors import Held, UnknownSubject
from governance.privacy.holding import check_no_hold
from governance.privacy.models import Finding, SubjectRequest, Tombstone
from governance.privacy.tombstones import tombstone_index
from governance.vault.erasing import Erased, conversations_of, erase_owner, lock_subject, owned_records
from governance.vault.subjects import find_person

ACT = "erase"
_USES = frozenset({KeyUse.INDEX, KeyUse.TOMBSTONE, KeyUse.SIGNING})


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was done, as signed bytes (canonical JSON) with the key that verifies them."""

    body: bytes
    signature: bytes
    public_key: bytes


def subject_of(*, principal: Principal, reference: str, now: datetime) -> UUID:
    """Return the id of the person known by `reference`, with the versions warm that an erasure takes.

    Raises UnknownSubject, ProviderFailed.
    """
    with tenant_scope(principal.tenant_id):
        warm(tenant=principal.tenant_id, uses=_USES)
        found = find_person(tenant=principal.tenant_id, reference=reference, now=now)
    if found is None:
        raise UnknownSubject("This tenant knows no person by that reference.")
    return found.id


def erase_subject(*, principal: Principal, reference: str, approval_id: UUID, now: datetime) -> Certificate:
    """Erase the person known by `reference`, once.

    Raises AccessDenied, ApprovalRefused, Held (recorded), UnknownSubject, also for one who is erased already.
    """
    require(principal=principal, action="erase", now=now)
    subject = subject_of(principal=principal, reference=reference, now=now)
    try:
        with tenant_scope(principal.tenant_id):
            lock_subject(subject)
            _check_not_erased(subject)
            check_no_hold(subject, conversations_of(subject))
            decision = use(approval_id=approval_id, act=ACT, subject=subject, details={}, now=now)
            return _erase(principal, subject, reference, decision, now)
    except Held as refusal:
        record_now(
            tenant=principal.tenant_id,
            event="grant.refused",
            **principal.as_actor(),
            action=ACT,
            subject=str(subject),
            code=refusal.code,
        )
        raise


def _check_not_erased(subject: UUID) -> None:
    if Tombstone.objects.filter(subject_id=subject).exists():
        raise UnknownSubject("This person is erased already.")


def _erase(principal: Principal, subject: UUID, reference: str, decision: Decision, now: datetime) -> Certificate:
    tenant = principal.tenant_id
    messages, heads = owned_records(subject)
    Finding.objects.filter(message_id__in=messages).delete()
    Finding.objects.filter(message=None, conversation_id__in=heads).delete()
    erased = erase_owner(subject=subject, now=now)
    certificate = _certify(tenant, subject, erased, decision, now)
    Tombstone.objects.create(
        tenant_id=tenant,
        reference_index=tombstone_index(tenant=tenant, reference=reference, now=now),
        subject_id=subject,
        erased_at=now,
        certificate=certificate.body,
        signature=certificate.signature,
        public_key=certificate.public_key,
    )
    SubjectRequest.objects.filter(subject_id=subject, kind=SubjectRequest.Kind.ERASURE).update(
        state=SubjectRequest.State.UNREADABLE
    )
    record_with_effect(
        tenant=tenant,
        event="subject.erased",
        **principal.as_actor(),
        subject=str(subject),
        approval=str(decision.approval_id),
        certificate=fingerprint(certificate.body).hex(),
        **asdict(erased),
    )
    return certificate


def _certify(tenant: UUID, subject: UUID, erased: Erased, decision: Decision, now: datetime) -> Certificate:
    """Sign what was done, and where copies may still lie."""
    facts = {
        "tenant": str(tenant),
        "subject": str(subject),
        "state": "unreadable",
        "erased_at": now.isoformat(),
        "asked_by": str(decision.asker),
        "seconded_by": str(decision.seconder),
        "places": {"data keys": erased.data_keys, "messages": erased.messages, "index entries": erased.index_entries},
        "not yet purged": ["write-ahead log", "backups", "replicas"],
        "attestation": attestation(tenant=tenant),
    }
    body = json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()
    key = SigningKey(tenant_secret(tenant=tenant, use=KeyUse.SIGNING, now=now))
    return Certificate(body=body, signature=key.sign(body), public_key=key.public)
