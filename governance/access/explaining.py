"""Explains decisions: who may read something, why somebody may not, and what a draft would change.

It asks the evaluator that decides for real, with the same policies; it opens nothing and grants nothing.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from governance.access.cells import Cell, Resource
from governance.access.deciding import Asked, Decision, Ruling, decide, ruling_of
from governance.access.models import AccessPolicy, BreakGlass, Purpose
from governance.access.purposes import BREAK_GLASS
from governance.access.rules import read_rule
from governance.audit.models import AuditEntry
from governance.identity.models import User
from governance.identity.roles import Role

VIEWS: Final = {"read_redacted": "redacted", "read_source": "source"}
_ALL_ACTIONS: Final = {**VIEWS, "classify": "source"}


@dataclass(frozen=True, slots=True)
class Reader:
    """One way in which somebody may open a conversation now.

    `until` is when the answer may change by itself (None: only by a change of policies or members), `second_factor`
    whether a fresh one is needed.
    """

    user_id: UUID
    username: str
    view: str
    purpose: str
    second_factor: bool
    policies: tuple[str, ...]
    until: datetime | None


def readers(*, tenant: UUID, conversation: UUID, resource: Resource, now: datetime) -> list[Reader]:
    """Return everybody who may open the conversation, for each purpose and view; inside the tenant's scope."""
    ruling = ruling_of(tenant)
    found = []
    for user, roles in _members(tenant):
        for purpose in sorted(resource.purposes - {BREAK_GLASS}):
            for action in _ALL_ACTIONS:
                asked = Asked(user.id, user.kind, roles, action, purpose, second_factor=False)
                reader = _reader(ruling, asked, resource.cell, user, now)
                found += [reader] if reader is not None else []
    return found + _by_break_glass(conversation, resource, now)


def _members(tenant: UUID) -> list[tuple[User, frozenset[str]]]:
    users = User.objects.filter(memberships__tenant_id=tenant, memberships__ended_at=None, is_active=True).distinct()
    held: dict[UUID, set[str]] = {}
    rows = users.values_list("id", "memberships__role", "memberships__tenant_id", "memberships__ended_at")
    for user_id, role, of_tenant, ended_at in rows:
        if of_tenant == tenant and ended_at is None:
            held.setdefault(user_id, set()).add(role)
    return [(user, frozenset(held[user.id])) for user in users.order_by("username")]


def _reader(ruling: Ruling, asked: Asked, cell: Cell, user: User, now: datetime) -> Reader | None:
    for second_factor in (False, True):
        tried = replace(asked, second_factor=second_factor)
        decision = decide(ruling=ruling, asked=tried, cell=cell, now=now)
        if decision.allowed:
            until = ruling.slice(tried, cell.collection).times.next_change(now)
            return Reader(
                user.id, user.username, _ALL_ACTIONS[asked.action], asked.purpose, second_factor, decision.policies, until
            )
    return None


def _by_break_glass(conversation: UUID, resource: Resource, now: datetime) -> list[Reader]:
    if BREAK_GLASS not in resource.purposes:
        return []
    rows = BreakGlass.objects.select_related("user").filter(
        conversations__contains=str(conversation), began_at__lte=now, ends_at__gt=now, user__is_active=True
    )
    return [
        Reader(row.user_id, row.user.username, view, BREAK_GLASS, True, (f"break-glass {row.id}",), row.ends_at)
        for row in rows
        for view in VIEWS.values()
    ]


@dataclass(frozen=True, slots=True)
class Remedy:
    """What would have made the difference: `kind` is second_factor, purpose, role or break_glass."""

    kind: str
    value: str
    policies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether a request is allowed, by which policies it is or is forbidden, and what else would allow it."""

    allowed: bool
    because: str
    policies: tuple[str, ...]
    remedies: tuple[Remedy, ...] = ()


def why_not(*, tenant: UUID, asked: Asked, resources: Iterable[Resource], now: datetime) -> Explanation:
    """Explain the decision on all of `resources`; inside the tenant's scope.

    Purposes and roles are tried one at a time, in place of or beside what was asked with.
    """
    ruling, wanted = ruling_of(tenant), list(resources)
    known = set(Purpose.objects.values_list("code", flat=True))
    decisions = [decide(ruling=ruling, asked=asked, cell=one.cell, now=now) for one in wanted]
    if asked.purpose not in known:
        return Explanation(False, "This tenant does not know the purpose.", ())
    if any(asked.purpose not in one.purposes for one in wanted):
        return Explanation(
            False, "The collection does not allow the purpose.", (), _remedies(ruling, asked, wanted, known, now)
        )
    if any(decision.forbidden for decision in decisions):
        return Explanation(False, "A policy forbids it.", _labels(decisions, forbidden=True))
    if all(decision.allowed for decision in decisions):
        return Explanation(True, "Policies allow it.", _labels(decisions, forbidden=False))
    return Explanation(False, "No policy permits it.", (), _remedies(ruling, asked, wanted, known, now))


def why_not_act(*, tenant: UUID, asked: Asked, now: datetime) -> Explanation:
    """Explain the decision on an act on the tenant as a whole; inside the tenant's scope."""
    ruling = ruling_of(tenant)
    decision = decide(ruling=ruling, asked=asked, cell=None, now=now)
    if decision.allowed:
        return Explanation(True, "Policies allow it.", decision.policies)
    if decision.forbidden:
        return Explanation(False, "A policy forbids it.", decision.policies)
    tries = [("second_factor", "fresh", replace(asked, second_factor=True))]
    tries += [("role", role, replace(asked, roles=asked.roles | {role})) for role in Role.values if role not in asked.roles]
    decided = [(kind, value, decide(ruling=ruling, asked=tried, cell=None, now=now)) for kind, value, tried in tries]
    found = tuple(Remedy(kind, value, one.policies) for kind, value, one in decided if one.allowed)
    return Explanation(False, "No policy permits it.", (), found)


def _labels(decisions: list[Decision], *, forbidden: bool) -> tuple[str, ...]:
    return tuple(sorted({name for one in decisions if one.forbidden == forbidden for name in one.policies}))


def _remedies(ruling: Ruling, asked: Asked, wanted: list[Resource], known: set[str], now: datetime) -> tuple[Remedy, ...]:
    """Try what a person could do next: show the second factor, name another purpose, be given a role, break glass."""
    tries = [("second_factor", "fresh", replace(asked, second_factor=True))]
    tries += [("purpose", code, replace(asked, purpose=code)) for code in sorted(known - {asked.purpose, BREAK_GLASS})]
    tries += [("role", role, replace(asked, roles=asked.roles | {role})) for role in Role.values if role not in asked.roles]
    found = []
    for kind, value, tried in tries:
        if any(tried.purpose not in one.purposes for one in wanted):
            continue
        decisions = [decide(ruling=ruling, asked=tried, cell=one.cell, now=now) for one in wanted]
        if all(decision.allowed for decision in decisions):
            found.append(Remedy(kind, value, _labels(decisions, forbidden=False)))
    if asked.action in VIEWS and all(BREAK_GLASS in one.purposes for one in wanted):
        found.append(Remedy("break_glass", "ask with a reason and a ticket"))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as the audit trail keeps it: enough to decide it again."""

    sequence: int
    recorded_at: datetime
    asked: Asked
    cells: tuple[tuple[UUID, int, bool, bool], ...]
    outcome: str


def recorded_requests(*, tenant: UUID, last: int, sequence: int | None = None) -> list[Recorded]:
    """Return the newest recorded requests on content, or the one at `sequence`; inside the tenant's scope."""
    rows = AuditEntry.objects.filter(tenant_id=tenant, event__in=["grant.opened", "grant.refused"]).order_by("-sequence")
    rows = rows if sequence is None else rows.filter(sequence=sequence)
    found = (_recorded(row) for row in rows[:last])
    return [one for one in found if one is not None]


def _recorded(row: AuditEntry) -> Recorded | None:
    """Return the request of an entry; None of one that names no cells: a ticket's grant, an act on the tenant."""
    facts: dict[str, Any] = json.loads(row.body)
    if not facts.get("cells") or "roles" not in facts:
        return None
    asked = Asked(
        UUID(facts["actor"]), facts["actor_kind"], frozenset(facts["roles"]), facts["action"], facts["purpose"],
        bool(facts["second_factor"]),
    )  # fmt: skip
    cells = tuple(_cell(written) for written in facts["cells"])
    return Recorded(row.sequence, row.recorded_at.astimezone(UTC), asked, cells, facts.get("code", "allowed"))


def _cell(written: str) -> tuple[UUID, int, bool, bool]:
    collection, classification, held, restricted = written.split(":")
    return UUID(collection), int(classification), held == "1", restricted == "1"


@dataclass(frozen=True, slots=True)
class Change:
    """One recorded request that a draft would decide otherwise. `kind`: newly_allowed, newly_refused, view_changed."""

    kind: str
    sequence: int
    actor: UUID
    action: str
    purpose: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a draft would change among the recorded requests; `skipped` are those whose collection is gone."""

    requests: int
    skipped: int
    changes: tuple[Change, ...]


def dry_run(*, tenant: UUID, draft: AccessPolicy, requests: Iterable[Recorded], names: Mapping[UUID, str]) -> DryRun:
    """Decide recorded requests by the policies in force and with `draft` in place of its version in force.

    Each is decided as of its own time. `names` maps collections to their names. Call it inside the tenant's scope.
    """
    before = ruling_of(tenant)
    rule = read_rule(name=draft.name, version=draft.version, cedar=draft.cedar)
    after = Ruling(0, (*(one for one in before.rules if one.name != draft.name), rule), before.purposes)
    changes: list[Change] = []
    counted = skipped = 0
    for request in requests:
        counted += 1
        if any(row[0] not in names for row in request.cells):
            skipped += 1
            continue
        cells = [Cell(names[row[0]], *row[1:]) for row in request.cells]
        changes += _change(request, _outcome(before, request, cells), _outcome(after, request, cells))
    return DryRun(counted, skipped, tuple(changes))


def _outcome(ruling: Ruling, request: Recorded, cells: list[Cell]) -> tuple[bool, str]:
    """Return whether the request is allowed, and the best view that the same person would get."""

    def allowed(action: str) -> bool:
        asked = replace(request.asked, action=action)
        return all(decide(ruling=ruling, asked=asked, cell=cell, now=request.recorded_at).allowed for cell in cells)

    best = next((VIEWS[action] for action in ("read_source", "read_redacted") if allowed(action)), "nothing")
    return allowed(request.asked.action), best


def _change(request: Recorded, before: tuple[bool, str], after: tuple[bool, str]) -> list[Change]:
    asked = request.asked
    views = before[1], after[1]
    if asked.action in VIEWS and views[0] != views[1] and "nothing" not in views:
        kind, shown = "view_changed", views
    elif before[0] != after[0]:
        kind = "newly_allowed" if after[0] else "newly_refused"
        shown = ("allowed", "refused") if before[0] else ("refused", "allowed")
    else:
        return []
    return [Change(kind, request.sequence, asked.user_id, asked.action, asked.purpose, *shown)]
