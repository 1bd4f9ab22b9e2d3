"""What people do with findings: mask a place that no detector found, confirm a finding, show again what was masked wrongly.

To mask more takes one person, to mask less takes two. Each act scans its one record anew in the transaction that keeps
it, so the redacted view follows at once; what was said stays through every later scan.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Subquery

from governance.access import seconding
from governance.access.acting import require
from governance.access.granting import grant
from governance.approvals import asking
from governance.approvals.asking import ApprovalRefused
from governance.audit.recording import record_with_effect
from governance.identity.members import service_principal
from governance.identity.principals import Principal
from governance.identity.roles import Role
from governance.identity.scoping import tenant_scope
from governance.keys.warming import warm
from governance.privacy.classifying import PURPOSE, USES
from governance.privacy.detectors import RULESET_VERSION, Kind, Tier
from governance.privacy.errors import PrivacyError, WrongPlace
from governance.privacy.leaves import string_leaves
from governance.privacy.models import Finding
from governance.privacy.plugins.asking import make_ready
from governance.privacy.plugins.looking import look
from governance.privacy.rescanning import SCANNED, scan_anew
from governance.vault.models import Conversation, Message
from governance.vault.pending import KINDS, claimed_as_is
from governance.vault.pending import Kind as Table
from governance.vault.reading import open_rows
from governance.vault.resources import resources

ACTION: Final = "manage_requests"
ACT: Final = "unmask_finding"
RULE: Final = "person"
_PRECISION: Final = (
    "SELECT rule, count(*) FILTER (WHERE state = 'confirmed'), count(*) FILTER (WHERE state = 'rejected')"
    " FROM governance_finding WHERE source = 'detector' AND state <> 'open' GROUP BY rule ORDER BY rule"
)


class UnknownFinding(PrivacyError):
    """This tenant has no such finding, or no such record."""

    code = "findings.unknown"


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding as people see it: where, of which type, who says so and whether it stands; never the match."""

    id: int
    record: UUID
    leaf: int
    start: int
    end: int
    type: str
    tier: str
    rule: str
    said_by: str
    state: str


@dataclass(frozen=True, slots=True)
class Precision:
    """How often people agreed with a rule; `precision` is None where nobody said anything of it."""

    rule: str
    confirmed: int
    rejected: int

    @property
    def precision(self) -> float:
        """The share of what people looked at that was right."""
        return self.confirmed / (self.confirmed + self.rejected)


def findings_of(*, principal: Principal, record: UUID, now: datetime) -> list[Shown]:
    """Return the findings of a message, or of a conversation's head. Raises AccessDenied (recorded), UnknownFinding."""
    require(principal=principal, action=ACTION, now=now)
    with tenant_scope(principal.tenant_id):
        table = _table(record)
        if table.model is Message:  # By both columns of the index, which begins with the conversation.
            conversation: Any = Subquery(Message.objects.filter(id=record).values("conversation_id")[:1])
            found = Finding.objects.filter(conversation_id=conversation, message_id=record)
        else:
            found = Finding.objects.filter(conversation_id=record, message=None)
        return [_shown(row) for row in found.order_by("leaf", "start", "id")]


def record_at(*, principal: Principal, conversation_id: UUID, number: int) -> UUID:
    """Return the id of the record with that number: a message, counted from 1, or the head as 0. Raises UnknownFinding."""
    with tenant_scope(principal.tenant_id):
        if number:
            rows = Message.objects.filter(conversation_id=conversation_id, ordinal=number - 1)
            found = rows.values_list("id", flat=True).first()
        else:
            found = Conversation.objects.filter(id=conversation_id).values_list("id", flat=True).first()
    if found is None:
        raise UnknownFinding("This tenant has no such message or conversation.")
    return found


def mask(*, principal: Principal, record: UUID, leaf: int, start: int, end: int, kind: str, now: datetime) -> Shown:
    """Mask a place for good: `start` to `end`, in code points of the leaf with that number. One person is enough.

    Raises AccessDenied (recorded), UnknownFinding, WrongPlace.
    """
    require(principal=principal, action=ACTION, now=now, second_factor=True)
    if kind not in set(Kind):
        raise WrongPlace(f"There is no such type; there are: {', '.join(Kind)}.")
    made: list[Finding] = []

    def keep(table: Table, conversation: UUID) -> None:
        _check_place(table, record, leaf, start, end)
        made.append(Finding.objects.create(
            tenant_id=principal.tenant_id, conversation_id=conversation,
            message_id=record if table.model is Message else None, leaf=leaf, start=start, end=end, type=kind,
            tier=Tier.VALIDATED, rule=RULE, ruleset=RULESET_VERSION, source=Finding.Source.PERSON,
            state=Finding.State.CONFIRMED,
        ))  # fmt: skip

    _judge(principal, record, keep, event="finding.marked", facts={"type": kind}, now=now)
    return _shown(made[0])


def confirm(*, principal: Principal, finding_id: int, now: datetime) -> Shown:
    """Say that a finding is right, which keeps it through every later scan. Raises AccessDenied, UnknownFinding."""
    require(principal=principal, action=ACTION, now=now)
    with tenant_scope(principal.tenant_id):
        row = _locked(finding_id)
        row.state = Finding.State.CONFIRMED
        row.save(update_fields=["state"])
        shown = _shown(row)
        record_with_effect(
            tenant=principal.tenant_id, event="finding.confirmed", **principal.as_actor(), record=str(shown.record),
            rule=row.rule, type=row.type,
        )  # fmt: skip
    return shown


def ask_unmask(*, principal: Principal, finding_id: int, reason: str, now: datetime) -> UUID:
    """Ask that what a finding masks is shown again; return the approval.

    Raises AccessDenied (recorded), UnknownFinding, ApprovalRefused.
    """
    require(principal=principal, action=ACTION, now=now, second_factor=True)
    with tenant_scope(principal.tenant_id):
        shown = _shown(_locked(finding_id))
    return seconding.ask(principal=principal, act=ACT, subject=shown.record, details=_details(shown), reason=reason, now=now)


def unmask(*, principal: Principal, approval_id: UUID, now: datetime) -> Shown:
    """Show again what the approval names, which a second person agreed to.

    Raises AccessDenied (recorded), ApprovalRefused, NoSuchApproval, UnknownFinding.
    """
    require(principal=principal, action=ACTION, now=now, second_factor=True)
    asked = seconding.approval(principal=principal, approval_id=approval_id, now=now)
    if asked.act != ACT:
        raise ApprovalRefused("This approval is for something else than what is asked now.")
    found: list[Finding] = []

    def reject(table: Table, conversation: UUID) -> None:
        asking.use(approval_id=approval_id, act=ACT, subject=asked.subject_id, details=asked.details, now=now)
        of = {"message_id": asked.subject_id} if table.model is Message else {"message_id": None}
        found.extend(
            Finding.objects.select_for_update(no_key=True)
            .filter(conversation_id=conversation, **of, **asked.details)
            .exclude(state=Finding.State.REJECTED)
        )
        if not found:
            raise UnknownFinding("There is no such finding any more.")
        Finding.objects.filter(id__in=[row.id for row in found]).update(state=Finding.State.REJECTED)

    facts = {"approval": str(approval_id), "type": asked.details["type"]}
    _judge(principal, asked.subject_id, reject, event="finding.rejected", facts=facts, now=now)
    return _shown(found[0], state=Finding.State.REJECTED)


def precision(*, principal: Principal, now: datetime) -> list[Precision]:
    """Return how often people agreed with each rule that they spoke of. Raises AccessDenied (recorded)."""
    require(principal=principal, action=ACTION, now=now)
    with tenant_scope(principal.tenant_id), connection.cursor() as cursor:
        cursor.execute(_PRECISION)
        return [Precision(*row) for row in cursor.fetchall()]


def _judge(
    principal: Principal,
    record: UUID,
    change: Callable[[Table, UUID], None],
    *,
    event: str,
    facts: dict[str, Any],
    now: datetime,
) -> None:
    """Keep what a person said and scan the record anew, in one transaction, opened as a worker opens."""
    tenant = principal.tenant_id
    make_ready()
    with tenant_scope(tenant):
        warm(tenant=tenant, uses=USES)
        table = _table(record)
        rows = claimed_as_is(table, table.model.objects.filter(id=record, state__in=SCANNED))
        scope = resources(row.group for row in rows)
    if not rows:
        raise UnknownFinding("This record was not scanned yet, or is erased.")
    worker = service_principal(tenant=tenant, role=Role.WORKER, purpose=PURPOSE)
    with grant(principal=worker, action="classify", purpose=PURPOSE, resources=scope, now=now):
        seen = look(tenant=tenant, kind=table, rows=rows)
        with tenant_scope(tenant):
            change(table, rows[0].group)
            written = scan_anew(tenant=tenant, kind=table, rows=rows, seen=seen, now=now)
            record_with_effect(
                tenant=tenant, event=event, **principal.as_actor(), record=str(record), **facts, **written.as_facts()
            )


def _table(record: UUID) -> Table:
    """Return the table of a record of this tenant: a message, or a conversation's head. Raises UnknownFinding."""
    for table in KINDS:
        if table.model.objects.filter(id=record).exists():
            return table
    raise UnknownFinding("This tenant has no such message or conversation.")


def _check_place(table: Table, record: UUID, number: int, start: int, end: int) -> None:
    rows: Any = list(table.model.objects.filter(id=record))
    (document,) = open_rows(rows, view="source")
    lengths = [] if document is None else [len(one.text) for one in string_leaves(document.item)]
    if not 0 <= number < len(lengths):
        raise WrongPlace(f"The record has {len(lengths)} leaves, counted from 0.")
    if not 0 <= start < end <= lengths[number]:
        raise WrongPlace(f"Leaf {number} has {lengths[number]} characters; a place is a start before its end.")


def _locked(finding_id: int) -> Finding:
    row = Finding.objects.select_for_update(no_key=True).filter(id=finding_id).first()
    if row is None:
        raise UnknownFinding("This tenant has no such finding.")
    return row


def _details(shown: Shown) -> dict[str, Any]:
    """What an approval fixes: the place and the type, which a new scan keeps; the id of a finding it does not."""
    return {"leaf": shown.leaf, "start": shown.start, "end": shown.end, "type": shown.type}


def _shown(row: Finding, *, state: str = "") -> Shown:
    return Shown(
        id=row.id, record=row.message_id or row.conversation_id, leaf=row.leaf, start=row.start, end=row.end, type=row.type,
        tier=row.tier, rule=row.rule, said_by=row.source, state=state or row.state,
    )  # fmt: skip
