"""Grants: the right of one executing thread to open some messages for a while. What a grant guarantees:

- it exists only after Cedar allowed the action for every conversation of its scope and the decision is on the record;
- it opens nothing in another thread, process or asyncio task, after its block has ended, after its deadline, under a
  newer policy epoch, outside its scope or view, or over its budget;
- each refused opening is recorded; at the end a closing entry says how much was opened, and a grant without one counts
  as "whole scope consulted".

The thread is held by reference and compared by identity: thread ids recycle. A context variable alone does not do: a
copied context outlives its reset, so the open flag is what ends a grant.
"""

import asyncio
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NoReturn
from uuid import UUID

from governance.access.authorising import asked_facts, authorise, record_refusal, scope_facts
from governance.access.cells import Resource
from governance.access.deciding import epoch_of
from governance.access.errors import AccessDenied, OpeningRefused
from governance.audit.recording import record_now
from governance.audit.throttling import record_refused
from governance.conf.settings import vault_settings
from governance.crypto.envelope import OpenDataKey
from governance.identity.identifiers import uuid7
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope

VIEWS: Final = {
    "list": frozenset({"redacted"}),
    "search": frozenset({"redacted"}),
    "export": frozenset({"redacted"}),
    "read_redacted": frozenset({"redacted"}),
    "read_source": frozenset({"redacted", "source"}),
    "classify": frozenset({"redacted", "source"}),
}
_EPOCH_SECONDS: Final = 0.5

_current: ContextVar["Grant | None"] = ContextVar("threadvault_grant", default=None)


def _task() -> "asyncio.Task[Any] | None":
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


@dataclass(slots=True, eq=False)
class Grant:
    """A live right; made by `grant()` alone. It is never pickled, copied or handed to another thread."""

    principal: Principal
    action: str
    purpose: str
    conversations: frozenset[UUID]
    epoch: int
    deadline: float
    budget: int
    id: UUID = field(default_factory=uuid7)
    open: bool = True
    opened: int = 0
    keys: dict[UUID, OpenDataKey] = field(default_factory=dict, repr=False)
    _pid: int = field(default_factory=os.getpid)
    _thread: threading.Thread = field(default_factory=threading.current_thread, repr=False)
    _task: "asyncio.Task[Any] | None" = field(default_factory=_task, repr=False)
    _epoch_checked: float = field(default_factory=time.monotonic)

    def __reduce__(self) -> NoReturn:
        raise TypeError("A grant is not pickled; hand over a ticket.")

    def check(self, *, conversation: UUID, view: str, messages: int = 1) -> None:
        """Return where this thread may open `messages` of `conversation` now; raise OpeningRefused otherwise.

        Every refusal is recorded. What was allowed counts against the budget.
        """
        fault = self._fault(conversation, view, messages)
        if fault is not None:
            self._refuse(*fault, conversation=conversation)
        self.opened += messages

    def _fault(self, conversation: UUID, view: str, messages: int) -> tuple[str, str] | None:
        return self._binding_fault() or self._time_fault() or self._scope_fault(conversation, view, messages)

    def _binding_fault(self) -> tuple[str, str] | None:
        if not self.open:
            return "grant.closed", "The grant is closed; open another one."
        if self._pid != os.getpid():
            return "grant.process", "The grant belongs to another process; hand over a ticket."
        if self._thread is not threading.current_thread():
            return "grant.thread", "The grant belongs to another thread; hand over a ticket."
        if self._task is not _task():
            return "grant.task", "The grant belongs to another asyncio task; hand over a ticket."
        if _current.get() is not self:
            return "grant.context", "The grant is not the one of this context."
        return None

    def _time_fault(self) -> tuple[str, str] | None:
        moment = time.monotonic()
        if moment > self.deadline:
            return "grant.expired", "The grant has expired; open another one."
        if moment - self._epoch_checked > _EPOCH_SECONDS:
            if epoch_of(self.principal.tenant_id) != self.epoch:
                return "grant.epoch", "Policies or members have changed since; open another grant."
            self._epoch_checked = moment
        return None

    def _scope_fault(self, conversation: UUID, view: str, messages: int) -> tuple[str, str] | None:
        if conversation not in self.conversations:
            return "grant.scope", "The conversation is not in the scope of this grant."
        if view not in VIEWS[self.action]:
            return "grant.view", f"The action {self.action} does not open the {view} view."
        if self.opened + messages > self.budget:
            return "grant.budget", f"The grant may open {self.budget} messages at most; open another one."
        return None

    def _refuse(self, code: str, text: str, *, conversation: UUID) -> NoReturn:
        record_refused(
            tenant=self.principal.tenant_id,
            event="opening.refused",
            **self.principal.as_actor(),
            grant=str(self.id),
            code=code,
            conversation=str(conversation),
        )
        raise OpeningRefused(code, text)

    def ticket(self, *, conversations: frozenset[UUID]) -> "Ticket":
        """Return a one-use ticket for a narrower scope, for another thread, task or stream of this process.

        Raises OpeningRefused where the scope is not within this grant's.
        """
        for conversation in conversations:
            fault = self._fault(conversation, "redacted", 0)
            if fault is not None:
                self._refuse(*fault, conversation=conversation)
        return Ticket(grant=self, conversations=conversations)

    def close(self) -> None:
        """End the grant: the flag first, then the keys."""
        self.open = False
        self.keys.clear()


class Ticket:
    """The right to open one narrower grant, once, in whatever thread redeems it."""

    __slots__ = ("_conversations", "_grant", "_lock", "_used")

    def __init__(self, *, grant: Grant, conversations: frozenset[UUID]) -> None:
        self._grant = grant
        self._conversations = conversations
        self._lock = threading.Lock()
        self._used = False

    def take(self) -> tuple[Grant, frozenset[UUID]]:
        """Return the issuing grant and the scope, the first time; raise OpeningRefused afterwards."""
        with self._lock:
            if self._used or time.monotonic() > self._grant.deadline:
                raise OpeningRefused("ticket.used", "The ticket was used or has expired; issue another one.")
            self._used = True
        return self._grant, self._conversations

    def __reduce__(self) -> NoReturn:
        raise TypeError("A ticket stays in its process.")


def current() -> Grant | None:
    """Return the grant of this context, or None; whether it opens anything is for `Grant.check` to say."""
    return _current.get()


def required() -> Grant:
    """Return the grant of this context. Raises OpeningRefused with help where there is none."""
    grant = _current.get()
    if grant is None:
        raise OpeningRefused(
            "grant.none",
            "No grant is open in this thread. Open one with access.granting.grant(...); work handed to another thread or"
            " executor needs a ticket of its own.",
        )
    return grant


@contextmanager
def grant(
    *,
    principal: Principal,
    action: str,
    purpose: str,
    resources: Mapping[UUID, Resource],
    now: datetime,
    ttl: float | None = None,
    reason_digest: str = "",
) -> Iterator[Grant]:
    """Open a grant for `action` on the conversations of `resources`, for `ttl` seconds at most.

    Authorise, commit the audit entry, then the grant; at the end close it, commit the closing entry. Raises
    AccessDenied (recorded), RecordRefused where the record cannot be written, OpeningRefused inside another grant.
    """
    if _current.get() is not None:
        raise OpeningRefused("grant.nested", "A grant is open in this context; close it, or issue a narrower ticket.")
    request: dict[str, Any] = {
        "principal": principal,
        "action": action,
        "purpose": purpose,
        "resources": resources,
        "now": now,
    }
    facts = asked_facts(**request)
    try:
        with tenant_scope(principal.tenant_id):
            authority = authorise(**request)
    except AccessDenied as refusal:
        record_refusal(principal=principal, refusal=refusal, **facts)
        raise
    settings = vault_settings()
    seconds = min(ttl or settings.grant_seconds, settings.grant_seconds)
    if authority.emergency is not None:
        seconds = min(seconds, (authority.emergency.ends_at - now).total_seconds())
        facts["break_glass"] = str(authority.emergency.id)
    opened = Grant(
        principal=principal,
        action=action,
        purpose=purpose,
        conversations=frozenset(resources),
        epoch=authority.epoch,
        deadline=time.monotonic() + seconds,
        budget=settings.grant_budget,
    )
    facts |= {"policies": list(authority.policies), "epoch": authority.epoch}
    if reason_digest:
        facts["reason_digest"] = reason_digest
    with _held(opened, facts):
        yield opened


@contextmanager
def redeem(ticket: Ticket) -> Iterator[Grant]:
    """Open the ticket's grant in this thread, with a record of its own. Raises OpeningRefused for a used ticket."""
    if _current.get() is not None:
        raise OpeningRefused("grant.nested", "A grant is open in this context; close it first.")
    parent, conversations = ticket.take()
    opened = Grant(
        principal=parent.principal,
        action=parent.action,
        purpose=parent.purpose,
        conversations=conversations,
        epoch=parent.epoch,
        deadline=parent.deadline,
        budget=max(parent.budget - parent.opened, 0),
    )
    facts = {"action": parent.action, "purpose": parent.purpose, "ticket_of": str(parent.id)}
    with _held(opened, {**facts, **scope_facts(conversations)}):
        yield opened


@contextmanager
def _held(opened: Grant, facts: dict[str, Any]) -> Iterator[None]:
    principal = opened.principal
    record_now(tenant=principal.tenant_id, event="grant.opened", **principal.as_actor(), grant=str(opened.id), **facts)
    token = _current.set(opened)
    try:
        yield
    finally:
        opened.close()
        try:
            _current.reset(token)
        except ValueError:  # Closed in another context than it was opened in; the flag has ended it all the same.
            _current.set(None)
        record_now(
            tenant=principal.tenant_id,
            event="grant.closed",
            **principal.as_actor(),
            grant=str(opened.id),
            opened=opened.opened,
        )
