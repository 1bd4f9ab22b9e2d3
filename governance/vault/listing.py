"""Lists and counts of conversations: what policies allow becomes the condition of the query.

Policies see a conversation by its cell alone, so deciding once a cell gives lists, counts and details the same answer.
Everything that shows more than one conversation goes through `visible`; nothing is filtered after the query.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, Sum

from governance.access.authorising import check_scope, is_fresh, record_refusal
from governance.access.cells import CLASSIFICATIONS
from governance.access.deciding import Asked, decide_cells, ruling_of
from governance.access.emergencies import live_emergencies
from governance.access.errors import AccessDenied
from governance.access.granting import grant
from governance.access.purposes import BREAK_GLASS, check_purpose
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.vault.documents import Document
from governance.vault.models import Conversation, Message, State
from governance.vault.reading import open_rows
from governance.vault.resources import Found, cells_found, resource_of


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a list: metadata, and the redacted head."""

    id: UUID
    collection: str
    classification: str
    state: str
    messages: int
    created_at: datetime
    head: Document | None = None


def visible(*, principal: Principal, action: str, purpose: str, now: datetime) -> Q:
    """Return the condition that keeps the conversations on which policies allow `action`; inside the tenant's scope.

    It agrees with `authorise` on every single conversation. Raises AccessDenied for what no conversation could change
    (scope, purpose), and where there are conversations but not one cell of them is allowed.
    """
    check_scope(principal, action)
    check_purpose(tenant=principal.tenant_id, purpose=purpose, limited_to=principal.purposes)
    found = [one for one in cells_found() if purpose in one.purposes]
    asked = Asked.by(principal, action=action, purpose=purpose, second_factor=is_fresh(principal, now))
    decisions = decide_cells(ruling=ruling_of(principal.tenant_id), asked=asked, cells={one.cell for one in found}, now=now)
    if purpose == BREAK_GLASS:
        unforbidden = [one for one in found if not decisions[one.cell].forbidden]
        return _broken(principal, action, now) & _rows(unforbidden)
    allowed = [one for one in found if decisions[one.cell].allowed]
    if found and not allowed:
        raise AccessDenied("policy.denied", "No policy allows this, or one forbids it.")
    return _rows(allowed)


def _broken(principal: Principal, action: str, now: datetime) -> Q:
    """Return the condition that keeps what break-glass opened for the principal."""
    open_now = live_emergencies(principal=principal, action=action, fresh=is_fresh(principal, now), now=now)
    return Q(pk__in={one for emergency in open_now for one in emergency.conversations})


def _rows(found: list[Found]) -> Q:
    """Return the condition on rows of these cells: the collections of each (classification, held, restricted)."""
    collections: dict[tuple[int, bool, bool], set[UUID]] = {}
    for one in found:
        collections.setdefault(one.row[1:], set()).add(one.row[0])
    condition = Q(pk__in=[])
    for (classification, held, restricted), ids in collections.items():
        condition |= Q(collection_id__in=ids, classification=classification, held=held, restricted=restricted)
    return condition


def may_list(*, principal: Principal, purpose: str, now: datetime) -> bool:
    """Return whether a list would show anything or be empty, instead of being refused; it records nothing."""
    try:
        with tenant_scope(principal.tenant_id):
            visible(principal=principal, action="list", purpose=purpose, now=now)
    except AccessDenied:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is of what somebody may list: conversations by state, messages, and messages that wait."""

    states: dict[State, int]
    messages: int
    waiting: int


def count_visible(*, principal: Principal, purpose: str, now: datetime) -> Counts | None:
    """Return the counts of what the principal may list; None where a list would be refused. It records nothing."""
    try:
        with tenant_scope(principal.tenant_id):
            rows = Conversation.objects.filter(visible(principal=principal, action="list", purpose=purpose, now=now))
            found = rows.order_by().values_list("state").annotate(Count("id"), Sum("message_count"))
            counted = {State(state): (count, messages) for state, count, messages in found}
            waiting = Message.objects.filter(state=State.PENDING, conversation__in=rows.order_by().values("id")).count()
    except AccessDenied:
        return None
    states = {state: counted.get(state, (0, 0))[0] for state in State}
    return Counts(states, sum(messages for _, messages in counted.values()), waiting)


def list_conversations(
    *,
    principal: Principal,
    purpose: str,
    now: datetime,
    collection: str = "",
    state: State | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> list[Listed]:
    """Return the newest conversations that the principal may list, with redacted heads; `before` is the last id seen.

    Raises AccessDenied (recorded) as `visible` does.
    """
    try:
        with tenant_scope(principal.tenant_id):
            condition = visible(principal=principal, action="list", purpose=purpose, now=now)
            query = Conversation.objects.filter(condition).select_related("collection").order_by("-id")
            query = query.filter(collection__name=collection) if collection else query
            query = query if state is None else query.filter(state=state)
            rows = list((query if before is None else query.filter(id__lt=before))[:limit])
    except AccessDenied as refusal:
        record_refusal(principal=principal, refusal=refusal, action="list", purpose=purpose)
        raise
    if not rows:
        return []
    resources_of = {row.id: resource_of(row) for row in rows}
    with grant(principal=principal, action="list", purpose=purpose, resources=resources_of, now=now):
        with tenant_scope(principal.tenant_id):
            heads = open_rows(rows, view="redacted")
    return [_listed(row, head) for row, head in zip(rows, heads, strict=True)]


def _listed(row: Conversation, head: Document | None) -> Listed:
    facts: dict[str, Any] = {
        "id": row.id,
        "collection": row.collection.name,
        "classification": CLASSIFICATIONS[row.classification],
        "state": State(row.state).label,
        "messages": row.message_count,
        "created_at": row.created_at,
    }
    return Listed(**facts, head=head)
