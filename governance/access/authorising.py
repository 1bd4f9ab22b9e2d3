"""Decides whether a principal may open some conversations, and puts refusals on the record."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from governance.access.cells import Resource
from governance.access.deciding import Asked, Decision, decide_cells, ruling_of
from governance.access.emergencies import Emergency, live_emergency
from governance.access.errors import AccessDenied
from governance.access.purposes import BREAK_GLASS, check_purpose
from governance.audit.merkle import root_hash
from governance.audit.throttling import record_refused
from governance.conf.settings import vault_settings
from governance.identity.principals import Principal, still_is

_IDS_IN_ENTRY: Final = 50
_CODE: Final = re.compile(r"[a-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Authority:
    """That a principal may: under which epoch, by which policies, and by which break-glass where there is one."""

    epoch: int
    policies: tuple[str, ...]
    emergency: Emergency | None = None


def is_fresh(principal: Principal, now: datetime) -> bool:
    """Return whether the principal's second factor was shown within the configured seconds."""
    shown = principal.second_factor_at
    return shown is not None and timedelta(0) <= now - shown <= timedelta(seconds=vault_settings().second_factor_seconds)


def check_scope(principal: Principal, action: str) -> None:
    """Return where the principal's token has `action` among its scopes; raise AccessDenied otherwise."""
    if principal.scopes and action not in principal.scopes:
        raise AccessDenied("token.scope", f"This token lacks the scope {action}; mint one that has it.")


def check_still(*, principal: Principal, action: str, purpose: str = "", now: datetime) -> None:
    """Return where whoever began something long still is who began it, for its next part.

    Decisions see the roles of the beginning. Raises AccessDenied (recorded) where a role, the account or the token ended.
    """
    if still_is(principal, now=now):
        return
    refusal = AccessDenied("grant.epoch", "Policies or members have changed since; begin anew.")
    record_refusal(principal=principal, refusal=refusal, action=action, purpose=purpose)
    raise refusal


def authorise(
    *, principal: Principal, action: str, purpose: str, resources: Mapping[UUID, Resource], now: datetime
) -> Authority:
    """Return the authority for `action` on all of `resources`; call it inside the tenant's scope. Raises AccessDenied.

    In this order: the token's scope, the purpose (tenant, token, collection), break-glass where that is the purpose, Cedar.
    """
    check_scope(principal, action)
    ruling = ruling_of(principal.tenant_id)
    check_purpose(known=ruling.purposes, purpose=purpose, limited_to=principal.purposes)
    if any(purpose not in resource.purposes for resource in resources.values()):
        raise AccessDenied("purpose.collection", "The collection does not allow that purpose.")
    fresh = is_fresh(principal, now)
    cells = {resource.cell for resource in resources.values()}

    def decisions(second_factor: bool) -> list[Decision]:
        asked = Asked.by(principal, action=action, purpose=purpose, second_factor=second_factor)
        return list(decide_cells(ruling=ruling, asked=asked, cells=cells, now=now).values())

    found = decisions(fresh)
    if purpose == BREAK_GLASS:
        emergency = live_emergency(principal=principal, action=action, conversations=resources, fresh=fresh, now=now)
        if any(decision.forbidden for decision in found):
            raise AccessDenied("policy.forbidden", "A policy forbids this, and break-glass does not lift a forbid.")
        return Authority(ruling.number, (), emergency)
    if all(decision.allowed for decision in found):
        return Authority(ruling.number, _labels(found))
    if not fresh and all(decision.allowed for decision in decisions(True)):
        raise AccessDenied("second_factor.needed", "Show your second factor first; it counts for a few minutes.")
    raise AccessDenied("policy.denied", "No policy allows this, or one forbids it.", policies=_forbidding(found))


def _labels(decisions: Iterable[Decision]) -> tuple[str, ...]:
    return tuple(sorted({label for decision in decisions for label in decision.policies}))


def _forbidding(decisions: Iterable[Decision]) -> tuple[str, ...]:
    return _labels(decision for decision in decisions if decision.forbidden)


def purpose_code(purpose: str) -> str:
    """Return the purpose where it looks like one; what somebody typed instead of a code stays out of the record."""
    return purpose if _CODE.fullmatch(purpose) else ""


def asked_facts(
    *, principal: Principal, action: str, purpose: str, resources: Mapping[UUID, Resource], now: datetime
) -> dict[str, Any]:
    """Return what an audit entry keeps of a request, enough to decide it again: who in which roles, what, which cells."""
    return {
        "action": action,
        "purpose": purpose_code(purpose),
        "roles": sorted(principal.roles),
        "second_factor": is_fresh(principal, now),
        "cells": sorted({resource.as_fact() for resource in resources.values()})[:_IDS_IN_ENTRY],
        **scope_facts(frozenset(resources)),
    }


def scope_facts(conversations: frozenset[UUID]) -> dict[str, Any]:
    """Return the scope as an audit entry keeps it: the ids where they are few, else their count and Merkle root."""
    ids = sorted(conversations)
    facts: dict[str, Any] = {"conversations": len(ids)}
    if len(ids) <= _IDS_IN_ENTRY:
        return {**facts, "scope": [str(one) for one in ids]}
    return {**facts, "scope_root": root_hash([one.bytes for one in ids]).hex()}


def record_refusal(*, principal: Principal, refusal: AccessDenied, **facts: Any) -> None:
    """Put a refusal on the record, on its own connection: it survives whatever the request does next."""
    facts["purpose"] = purpose_code(facts.get("purpose", ""))
    if refusal.policies:
        facts["policies"] = list(refusal.policies)
    record_refused(tenant=principal.tenant_id, event="grant.refused", **principal.as_actor(), **facts, code=refusal.code)
