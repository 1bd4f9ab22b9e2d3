"""Explains access to stored conversations: who may read this, why not, and what a drafted policy would change.

Only ids, codes and names of collections and accounts come out of it; nothing is opened. Whoever asks about others is
on the record before the answer; what somebody asks about himself is not.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from governance.access.acting import require
from governance.access.authorising import is_fresh
from governance.access.cells import Cell, Resource
from governance.access.deciding import Asked
from governance.access.explaining import (
    DryRun,
    Explanation,
    Reader,
    dry_run,
    readers,
    recorded_requests,
    why_not,
    why_not_act,
)
from governance.access.policies import policy, require_all
from governance.audit.recording import record_now
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.vault.errors import NotFound
from governance.vault.models import Collection
from governance.vault.resources import collection_names, resources

MOST_REQUESTS: Final = 10_000


def who_can_read(*, principal: Principal, conversation_id: UUID, now: datetime) -> list[Reader]:
    """Return who may open the conversation now, for which purpose, which view, by which policies and until when.

    Raises AccessDenied (recorded) without the action `explain`, NotFound.
    """
    require(principal=principal, action="explain", now=now)
    _record(principal, kind="readers", subject=conversation_id)
    with tenant_scope(principal.tenant_id):
        resource = _resource(conversation_id)
        return readers(tenant=principal.tenant_id, conversation=conversation_id, resource=resource, now=now)


def why_not_me(*, principal: Principal, conversation_id: UUID, action: str, purpose: str, now: datetime) -> Explanation:
    """Explain to the principal what stands between it and the conversation. Raises NotFound."""
    with tenant_scope(principal.tenant_id):
        resource = _resource(conversation_id)
        asked = Asked.by(principal, action=action, purpose=purpose, second_factor=is_fresh(principal, now))
        return why_not(tenant=principal.tenant_id, asked=asked, resources=[resource], now=now)


def why_not_act_of_mine(*, principal: Principal, action: str, now: datetime) -> Explanation:
    """Explain to the principal what stands between it and an act on the tenant as a whole; nothing is done or recorded."""
    asked = Asked.by(principal, action=action, second_factor=is_fresh(principal, now))
    with tenant_scope(principal.tenant_id):
        return why_not_act(tenant=principal.tenant_id, asked=asked, now=now)


def explain_refusal(*, principal: Principal, sequence: int, now: datetime) -> Explanation:
    """Explain a recorded request by the policies of today: the principal's own, or anybody's with `explain`.

    Raises NotFound where the entry is no request on content, AccessDenied (recorded).
    """
    with tenant_scope(principal.tenant_id):
        found = recorded_requests(tenant=principal.tenant_id, last=1, sequence=sequence)
        collections = Collection.objects.in_bulk([row[0] for one in found for row in one.cells])
    if not found or found[0].asked.user_id != principal.user_id:
        require(principal=principal, action="explain", now=now)
        _record(principal, kind="request", subject=sequence)
    if not found or len(collections) < len({row[0] for row in found[0].cells}):
        raise NotFound
    wanted = [
        Resource(Cell(collections[row[0]].name, *row[1:]), frozenset(collections[row[0]].purposes), row[0])
        for row in found[0].cells
    ]
    with tenant_scope(principal.tenant_id):
        return why_not(tenant=principal.tenant_id, asked=found[0].asked, resources=wanted, now=now)


def try_draft(*, principal: Principal, policy_id: UUID, last: int, now: datetime) -> DryRun:
    """Decide the `last` recorded requests again as if the policy were in force.

    Raises AccessDenied (recorded), UnknownPolicy, ValueError for more than MOST_REQUESTS.
    """
    if not 1 <= last <= MOST_REQUESTS:
        raise ValueError(f"A dry run takes 1 to {MOST_REQUESTS} recorded requests.")
    require_all(principal=principal, now=now)  # It tells who asked for what, and not only what the version says.
    draft = policy(principal=principal, policy_id=policy_id, now=now)
    _record(principal, kind="dry_run", subject=policy_id)
    with tenant_scope(principal.tenant_id):
        requests = recorded_requests(tenant=principal.tenant_id, last=last)
        names = collection_names(row[0] for one in requests for row in one.cells)
        return dry_run(tenant=principal.tenant_id, draft=draft, requests=requests, names=names)


def _record(principal: Principal, *, kind: str, subject: UUID | int) -> None:
    record_now(tenant=principal.tenant_id, event="access.explained", **principal.as_actor(), kind=kind, subject=str(subject))


def _resource(conversation_id: UUID) -> Resource:
    found = resources([conversation_id])
    if conversation_id not in found:
        raise NotFound
    return found[conversation_id]
