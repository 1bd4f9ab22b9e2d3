"""Policies as rows, decisions by Cedar: default deny, forbid beats permit, and anything but a clean Allow is a refusal."""

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import cedarpy
from django.db.models import F

from governance.access.cells import Cell
from governance.access.errors import PolicyInvalid
from governance.access.models import AccessPolicy, PolicyEpoch
from governance.access.schema import CEDAR_SCHEMA, SEED_POLICIES
from governance.identity.principals import Principal

_SETS_KEPT = 64
_NAMES_ONE = re.compile(r'Conversation\s*::\s*"')


@dataclass(frozen=True, slots=True)
class Decision:
    """Cedar's answer and the ids of the policies that decided."""

    allowed: bool
    policies: tuple[str, ...]


class _PolicySets:
    """Parsed policy sets by (tenant, epoch): parsing takes milliseconds, deciding a fraction of one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sets: OrderedDict[tuple[UUID, int], cedarpy.PolicySet] = OrderedDict()

    def get(self, tenant: UUID) -> tuple[int, cedarpy.PolicySet]:
        epoch = epoch_of(tenant)
        with self._lock:
            known = self._sets.get((tenant, epoch))
        if known is None:
            texts = AccessPolicy.objects.filter(tenant_id=tenant, state=AccessPolicy.State.ACTIVE).order_by("name")
            known = cedarpy.PolicySet.from_str("\n".join(texts.values_list("cedar", flat=True)))
            with self._lock:
                self._sets[tenant, epoch] = known
                while len(self._sets) > _SETS_KEPT:
                    self._sets.popitem(last=False)
        return epoch, known


_sets = _PolicySets()
_schema = cedarpy.Schema.from_str(CEDAR_SCHEMA)


def epoch_of(tenant: UUID) -> int:
    """Return the tenant's policy epoch; call it inside the tenant's scope."""
    return PolicyEpoch.objects.filter(tenant_id=tenant).values_list("number", flat=True).first() or 0


def next_epoch(tenant: UUID) -> None:
    """Begin a new epoch, so that open grants and parsed policies of the old one end."""
    PolicyEpoch.objects.filter(tenant_id=tenant).update(number=F("number") + 1)


def validate(cedar: str) -> None:
    """Return where a policy text passes the schema; raise PolicyInvalid with the reason otherwise.

    A policy that names one conversation is refused: lists are decided by cell, and such a policy would make list and
    detail disagree. For one conversation there is break-glass.
    """
    if _NAMES_ONE.search(cedar):
        raise PolicyInvalid("A policy may not name one conversation; use a condition on its attributes, or break-glass.")
    result = cedarpy.validate_policies(cedar, CEDAR_SCHEMA)
    if not result.validation_passed:
        raise PolicyInvalid("; ".join(str(error) for error in result.errors))


def seed_policies(*, tenant: UUID, now: datetime) -> None:
    """Make the policies of a new tenant (INTERFACE.md, roles and actions); call it inside its scope."""
    PolicyEpoch.objects.create(tenant_id=tenant)
    for name, cedar in SEED_POLICIES.items():
        validate(cedar)
        AccessPolicy.objects.create(
            tenant_id=tenant, name=name, cedar=cedar, state=AccessPolicy.State.ACTIVE, activated_at=now,
            reason="Seeded with the tenant.",
        )  # fmt: skip


def _principal_entity(principal: Principal) -> dict[str, object]:
    return {
        "uid": {"type": "Principal", "id": str(principal.user_id)},
        "attrs": {"roles": sorted(principal.roles), "kind": principal.kind},
        "parents": [],
    }


def _request(principal: Principal, action: str, resource: str, context: dict[str, object]) -> dict[str, object]:
    return {
        "principal": f'Principal::"{principal.user_id}"',
        "action": f'Action::"{action}"',
        "resource": resource,
        "context": context,
    }


def _answer(result: cedarpy.AuthzResult) -> Decision:
    allowed = result.decision is cedarpy.Decision.Allow and not result.diagnostics.errors
    names = result.diagnostics.id_annotations_by_reason
    reasons = tuple(sorted(names.get(reason) or reason for reason in result.diagnostics.reasons))
    return Decision(allowed=allowed, policies=reasons)


def _context(purpose: str, second_factor: bool, now: datetime) -> dict[str, object]:
    return {"purpose": purpose, "second_factor": second_factor, "epoch_seconds": int(now.timestamp())}


def decide_cells(
    *, principal: Principal, action: str, purpose: str, cells: Iterable[Cell], second_factor: bool, now: datetime
) -> dict[Cell, Decision]:
    """Return Cedar's decision for each cell; call it inside the tenant's scope."""
    wanted = list(dict.fromkeys(cells))
    if not wanted:
        return {}
    _, policies = _sets.get(principal.tenant_id)
    entities = [_principal_entity(principal)]
    requests = []
    for number, cell in enumerate(wanted):
        entities.append({"uid": {"type": "Conversation", "id": str(number)}, "attrs": cell.as_attributes(), "parents": []})
        context = _context(purpose, second_factor, now)
        requests.append(_request(principal, action, f'Conversation::"{number}"', context))
    results = cedarpy.is_authorized_batch(requests, policies, json.dumps(entities), _schema)
    return {cell: _answer(result) for cell, result in zip(wanted, results, strict=True)}


def decide_tenant(*, principal: Principal, action: str, second_factor: bool, now: datetime) -> Decision:
    """Return Cedar's decision for an act on the tenant as a whole; call it inside the tenant's scope."""
    _, policies = _sets.get(principal.tenant_id)
    tenant = {"uid": {"type": "Tenant", "id": str(principal.tenant_id)}, "attrs": {}, "parents": []}
    request = _request(principal, action, f'Tenant::"{principal.tenant_id}"', _context("", second_factor, now))
    entities = json.dumps([_principal_entity(principal), tenant])
    return _answer(cedarpy.is_authorized(request, policies, entities, _schema))
