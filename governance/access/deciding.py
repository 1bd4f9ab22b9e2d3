"""The one evaluator: Cedar's answers for cells and for tenants.

Default deny, forbid beats permit, and anything but a clean Allow is a refusal.

A decision is a pure function of the policies that concern the request, the principal's attributes, action, purpose, cell
and the stretch of time between two literals of those policies; so it may be kept for as long as those stay the same, and
a policy that changes makes new only what it concerns. What is kept holds names and ids, never content.
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final
from uuid import UUID

import cedarpy
from django.db import connection

from governance.access.cells import Cell
from governance.access.models import AccessPolicy, Purpose
from governance.access.moments import Moment, Timetable
from governance.access.rules import Rule, read_rule
from governance.access.schema import CEDAR_SCHEMA
from governance.identity.principals import Principal

_TENANTS_KEPT: Final = 64
_DECISIONS_KEPT: Final = 32_768
_schema = cedarpy.Schema.from_str(CEDAR_SCHEMA)


@dataclass(frozen=True, slots=True)
class Decision:
    """Cedar's answer and the policies that decided. `forbidden` tells a forbid from a mere lack of permission."""

    allowed: bool
    policies: tuple[str, ...] = ()
    forbidden: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """The request without its resource: all that a decision about somebody depends on."""

    user_id: UUID
    kind: str
    roles: frozenset[str]
    action: str
    purpose: str
    second_factor: bool

    @classmethod
    def by(cls, principal: Principal, *, action: str, purpose: str = "", second_factor: bool) -> "Asked":
        """Return what `principal` asks."""
        return cls(principal.user_id, principal.kind, principal.roles, action, purpose, second_factor)


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """The policies that can concern a request on one collection, parsed; interned, so that equal ones are one object."""

    rules: tuple[Rule, ...]
    parsed: cedarpy.PolicySet = field(repr=False)
    times: Timetable


@dataclass(frozen=True, slots=True, eq=False)
class Ruling:
    """The rules and purposes of a tenant in one epoch. `number` is the epoch; a draft that is tried out has none (0)."""

    number: int
    rules: tuple[Rule, ...]
    purposes: frozenset[str] = frozenset()

    def slice(self, asked: Asked, collection: str | None) -> Slice:
        """Return the policies that can concern `asked` on a resource of `collection` (None: the tenant itself)."""
        return _slice(_concerning(self, asked.action, asked.roles, asked.purpose, collection))


class _Rulings:
    """The rulings of the tenants that were asked last. An epoch's number is used once, so it names its rules for good."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[UUID, int], Ruling] = OrderedDict()

    def get(self, tenant: UUID) -> Ruling:
        number = epoch_of(tenant)
        with self._lock:
            known = self._kept.get((tenant, number))
        if known is not None:
            return known
        rows = AccessPolicy.objects.filter(tenant_id=tenant, state=AccessPolicy.State.ACTIVE).order_by("name", "version")
        texts = rows.values_list("name", "version", "cedar")
        rules = tuple(read_rule(name=name, version=version, cedar=cedar) for name, version, cedar in texts)
        purposes = frozenset(Purpose.objects.filter(tenant_id=tenant).values_list("code", flat=True))
        ruling = Ruling(number, rules, purposes)
        with self._lock:
            self._kept[tenant, number] = ruling
            while len(self._kept) > _TENANTS_KEPT:
                self._kept.popitem(last=False)
        return ruling


_rulings = _Rulings()


def epoch_of(tenant: UUID) -> int:
    """Return the tenant's policy epoch: a number that the database changes with every policy, purpose and member."""
    with connection.cursor() as cursor:  # Asked at every decision and opening: the ORM would cost twice the query.
        cursor.execute("SELECT epoch FROM governance_tenant WHERE id = %s", [tenant])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def ruling_of(tenant: UUID) -> Ruling:
    """Return the tenant's active policies; call it inside its scope."""
    return _rulings.get(tenant)


@lru_cache(maxsize=1024)
def _concerning(
    ruling: Ruling, action: str, roles: frozenset[str], purpose: str, collection: str | None
) -> tuple[Rule, ...]:
    concerned = (rule for rule in ruling.rules if rule.concerns(action=action, roles=roles, purpose=purpose))
    if collection is None:
        return tuple(concerned)
    return tuple(rule for rule in concerned if rule.collections is None or collection in rule.collections)


@lru_cache(maxsize=1024)
def _slice(rules: tuple[Rule, ...]) -> Slice:
    parsed = cedarpy.PolicySet.from_str("\n".join(rule.cedar for rule in rules))
    return Slice(rules, parsed, Timetable.of(frozenset(pair for rule in rules for pair in rule.times)))


def decide(*, ruling: Ruling, asked: Asked, cell: Cell | None, now: datetime) -> Decision:
    """Return the decision for one cell, or for the tenant as a whole where `cell` is None."""
    concerned = ruling.slice(asked, cell.collection if cell is not None else None)
    return _decide(concerned, asked, cell, concerned.times.first_of(now))


def decide_cells(*, ruling: Ruling, asked: Asked, cells: Iterable[Cell], now: datetime) -> dict[Cell, Decision]:
    """Return the decision for each cell."""
    return {cell: decide(ruling=ruling, asked=asked, cell=cell, now=now) for cell in cells}


@lru_cache(maxsize=_DECISIONS_KEPT)
def _decide(concerned: Slice, asked: Asked, cell: Cell | None, moment: Moment) -> Decision:
    kind = "Tenant" if cell is None else "Conversation"
    resource = {"type": kind, "id": "asked"}
    entities = [
        {
            "uid": {"type": "Principal", "id": str(asked.user_id)},
            "attrs": {"roles": sorted(asked.roles), "kind": asked.kind},
            "parents": [],
        },
        {"uid": resource, "attrs": {} if cell is None else cell.as_attributes(), "parents": []},
    ]
    request = {
        "principal": f'Principal::"{asked.user_id}"',
        "action": f'Action::"{asked.action}"',
        "resource": f'{kind}::"asked"',
        "context": {"purpose": asked.purpose, "second_factor": asked.second_factor, **moment._asdict()},
    }
    result = cedarpy.is_authorized(request, concerned.parsed, json.dumps(entities), _schema)
    return _answer(result, concerned.rules)


def _answer(result: cedarpy.AuthzResult, rules: Sequence[Rule]) -> Decision:
    """Return the decision; Cedar names a policy by its place in the text, which is its place in `rules`."""
    reasons = [rules[int(reason.removeprefix("policy"))] for reason in result.diagnostics.reasons]
    clean = not result.diagnostics.errors
    allowed = result.decision is cedarpy.Decision.Allow and clean
    labels = tuple(sorted(rule.label for rule in reasons))
    return Decision(allowed, labels, forbidden=not clean or any(rule.forbids for rule in reasons))


def forget() -> None:
    """Drop what is kept; for measuring a cold decision."""
    _rulings._kept.clear()  # noqa: SLF001 - this module's own store
    _concerning.cache_clear()
    _slice.cache_clear()
    _decide.cache_clear()
