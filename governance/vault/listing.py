"""Lists and counts of conversations: what policies allow becomes the condition of the query.

Policies see a conversation by its cell alone, so deciding once a cell gives lists, counts and details the same answer.
Everything that shows more than one conversation goes through `visible`; nothing is filtered after the query.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from governance.access.authorising import check_scope, is_fresh, record_refusal
from governance.access.cells import CLASSIFICATIONS, Resource
from governance.access.deciding import Asked, decide_cells, ruling_of
from governance.access.emergencies import live_emergencies
from governance.access.errors import AccessDenied
from governance.access.granting import grant
from governance.access.purposes import BREAK_GLASS, check_purpose
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.vault import lookups as _lookups  # noqa: F401 - registers `any_of`
from governance.vault.documents import Document
from governance.vault.models import Conversation, Message, State
from governance.vault.reading import open_rows
from governance.vault.resources import Kind, cells_found, kind_of

COUNTED: Final = 2_000


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


@dataclass(frozen=True, slots=True)
class Visible:
    """What a principal may see: the condition on rows, and what access sees of each kind of row that meets it."""

    condition: Q
    kinds: Mapping[Kind, Resource]


def visible(*, principal: Principal, action: str, purpose: str, now: datetime) -> Visible:
    """Return what keeps the conversations on which policies allow `action`; call it inside the tenant's scope.

    It agrees with `authorise` on every single conversation. Raises AccessDenied for what no conversation could change
    (scope, purpose), and where there are conversations but not one cell of them is allowed.
    """
    check_scope(principal, action)
    ruling = ruling_of(principal.tenant_id)
    check_purpose(known=ruling.purposes, purpose=purpose, limited_to=principal.purposes)
    found = {kind: one for kind, one in cells_found().items() if purpose in one.purposes}
    asked = Asked.by(principal, action=action, purpose=purpose, second_factor=is_fresh(principal, now))
    decisions = decide_cells(ruling=ruling, asked=asked, cells={one.cell for one in found.values()}, now=now)
    if purpose == BREAK_GLASS:
        unforbidden = {kind: one for kind, one in found.items() if not decisions[one.cell].forbidden}
        return Visible(_broken(principal, action, now) & _rows(unforbidden), unforbidden)
    allowed = {kind: one for kind, one in found.items() if decisions[one.cell].allowed}
    if found and not allowed:
        raise AccessDenied("policy.denied", "No policy allows this, or one forbids it.")
    return Visible(_rows(allowed), allowed)


def _broken(principal: Principal, action: str, now: datetime) -> Q:
    """Return the condition that keeps what break-glass opened for the principal."""
    open_now = live_emergencies(principal=principal, action=action, fresh=is_fresh(principal, now), now=now)
    return Q(pk__in={one for emergency in open_now for one in emergency.conversations})


def _rows(kinds: Iterable[Kind]) -> Q:
    """Return the condition on rows of these kinds: the collections of each (classification, held, restricted)."""
    collections: dict[tuple[int, bool, bool], set[UUID]] = {}
    for collection, classification, held, restricted in kinds:
        collections.setdefault((classification, held, restricted), set()).add(collection)
    conditions = [
        Q(collection__any_of=sorted(ids), classification=classification, held=held, restricted=restricted)
        for (classification, held, restricted), ids in collections.items()
    ]
    return reduce(or_, conditions) if conditions else Q(pk__in=[])


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
    """How much there is of what somebody may list: conversations by state, messages, and messages that wait.

    With `more` only the newest 2,000 conversations, or as many waiting messages, were counted.
    """

    states: dict[State, int]
    messages: int
    waiting: int
    more: bool = False


def count_visible(*, principal: Principal, purpose: str, now: datetime) -> Counts | None:
    """Return the counts of what the principal may list; None where a list would be refused. It records nothing.

    It takes no longer the more is stored.
    """
    try:
        with tenant_scope(principal.tenant_id):
            seen = visible(principal=principal, action="list", purpose=purpose, now=now)
            newest = Conversation.objects.filter(seen.condition).order_by("-id")
            rows = list(newest.values_list("state", "message_count")[: COUNTED + 1])
            first = Message.objects.filter(state=State.PENDING).order_by("tenant_id", "id")
            waits = Counter(first.values_list("conversation_id", flat=True)[: COUNTED + 1])
            open_now = Conversation.objects.filter(seen.condition, id__in=list(waits)).values_list("id", flat=True)
            waiting = sum(waits[one] for one in open_now)
    except AccessDenied:
        return None
    states = Counter(State(state) for state, _ in rows[:COUNTED])
    more = len(rows) > COUNTED or waits.total() > COUNTED
    return Counts({state: states[state] for state in State}, sum(count for _, count in rows[:COUNTED]), waiting, more)


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest conversations that somebody may list, by id: whom each is about, None for nobody or several."""

    people: dict[UUID, UUID | None]


def newest_visible(*, principal: Principal, purpose: str, now: datetime, limit: int) -> Newest | None:
    """Return the newest conversations that the principal may list; None where a list would be refused.

    It records nothing.
    """
    try:
        with tenant_scope(principal.tenant_id):
            seen = visible(principal=principal, action="list", purpose=purpose, now=now)
            rows = Conversation.objects.filter(seen.condition).order_by("-id")
            return Newest(dict(rows.values_list("id", "subject_id")[:limit]))
    except AccessDenied:
        return None


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
    rows = Q(collection__name=collection) if collection else Q()
    rows &= Q() if state is None else Q(state=state)
    rows &= Q() if before is None else Q(id__lt=before)
    return list_where(
        principal=principal, action="list", purpose=purpose, condition=lambda: rows, now=now, limit=limit
    )  # fmt: skip


def list_where(
    *, principal: Principal, action: str, purpose: str, condition: Callable[[], Q], now: datetime, limit: int
) -> list[Listed]:
    """Return the newest conversations that meet a condition, of those on which the principal may do `action`.

    `condition` is called inside the tenant's scope, in the transaction that reads. Raises AccessDenied (recorded).
    """
    try:
        with tenant_scope(principal.tenant_id):
            seen = visible(principal=principal, action=action, purpose=purpose, now=now)
            rows = list(Conversation.objects.filter(seen.condition & condition()).order_by("-id")[:limit])
    except AccessDenied as refusal:
        record_refusal(principal=principal, refusal=refusal, action=action, purpose=purpose)
        raise
    if not rows:
        return []
    resources_of = {row.id: seen.kinds[kind_of(row)] for row in rows}
    with grant(principal=principal, action=action, purpose=purpose, resources=resources_of, now=now):
        with tenant_scope(principal.tenant_id):
            heads = open_rows(rows, view="redacted")
    return [_listed(row, resources_of[row.id], head) for row, head in zip(rows, heads, strict=True)]


def _listed(row: Conversation, resource: Resource, head: Document | None) -> Listed:
    facts: dict[str, Any] = {
        "id": row.id,
        "collection": resource.cell.collection,
        "classification": CLASSIFICATIONS[row.classification],
        "state": State(row.state).label,
        "messages": row.message_count,
        "created_at": row.created_at,
    }
    return Listed(**facts, head=head)
