"""Grants: the right of one executing thread to open some messages for a while. What a grant guarantees:

- it exists only after Cedar allowed the action for every conversation of its scope and the decision is on the record;
- it opens nothing in another thread, process or asyncio task, after its block has ended, after its deadline, under a
  newer policy epoch (seen within half a second), outside its scope or view, or over its budget;
- each refused opening is recorded; at the end a closing entry says how much was opened, and a grant without one counts
  as "whole scope consulted".

The thread is held by reference and compared by identity: thread ids recycle. A context variable alone does not do: a
copied context outlives its reset, so the open flag is what ends a grant. Deadlines are monotonic: setting the clock
back lengthens nothing. Other threads, tasks and streams get a ticket (`tickets`).
"""

import asyncio
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
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
    "copy_revealed": frozenset({"source"}),
    "classify": frozenset({"redacted", "source"}),
}
EPOCH_SECONDS: Final = 0.5
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

_current: ContextVar["Grant | None"] = ContextVar("threadvault_grant", default=None)


def clock() -> float:
    """Return seconds that only go forward, and go on while the machine sleeps where the system tells (CLOCK_BOOTTIME)."""
    return time.clock_gettime(_CLOCK)


def _task() -> "asyncio.Task[Any] | None":
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


class Budget:
    """How many messages a grant and all grants by its tickets may open together."""

    __slots__ = ("_left", "_lock")

    def __init__(self, messages: int) -> None:
        self._left = messages
        self._lock = threading.Lock()

    def take(self, messages: int) -> bool:
        """Take as many, all or none; return whether they were there."""
        with self._lock:
            if messages > self._left:
                return False
            self._left -= messages
            return True


@dataclass(slots=True, eq=False)
class Grant:
    """A live right; made by `grant()` and `tickets.redeem()` alone. It is never pickled, copied or handed on."""

    principal: Principal
    action: str
    purpose: str
    views: frozenset[str]
    conversations: frozenset[UUID]
    epoch: int
    deadline: float
    budget: Budget
    policies: tuple[str, ...] = ()
    id: UUID = field(default_factory=uuid7)
    open: bool = True
    opened: int = 0
    keys: dict[UUID, OpenDataKey] = field(default_factory=dict, repr=False)
    _pid: int = field(default_factory=os.getpid)
    _thread: threading.Thread = field(default_factory=threading.current_thread, repr=False)
    _task: "asyncio.Task[Any] | None" = field(default_factory=_task, repr=False)
    _epoch_checked: float = field(default_factory=clock)

    def __reduce__(self) -> NoReturn:
        raise TypeError("A grant is not pickled; hand over a ticket.")

    def check(self, messages: Mapping[UUID, int], *, view: str) -> None:
        """Return where this thread may open so many `messages` of each conversation now; raise OpeningRefused otherwise.

        All of them or none: a refusal is recorded and takes nothing from the budget. Call it outside of a transaction
        with an uncommitted audit entry, which takes no further query.
        """
        fault = self.fault() or self._scope_fault(messages, view)
        if fault is None and not self.budget.take(sum(messages.values())):
            fault = "grant.budget", "The grant may open no more messages; open another one."
        if fault is not None:
            self.refuse(*fault, conversations=messages)
        self.opened += sum(messages.values())

    def fault(self) -> tuple[str, str] | None:
        """Return code and text of what keeps this thread from using the grant now; None where nothing does."""
        return self._binding_fault() or self._time_fault()

    def _binding_fault(self) -> tuple[str, str] | None:
        if not self.open:
            return "grant.closed", "The grant is closed; open another one."
        if self._pid != os.getpid():
            return "grant.process", "The grant belongs to another process, which opens one of its own."
        if self._thread is not threading.current_thread():
            return "grant.thread", "The grant belongs to another thread; hand over a ticket."
        if self._task is not _task():
            return "grant.task", "The grant belongs to another asyncio task; hand over a ticket."
        if _current.get() is not self:
            return "grant.context", "The grant is not the one of this context."
        return None

    def _time_fault(self) -> tuple[str, str] | None:
        moment = clock()
        if moment > self.deadline:
            return "grant.expired", "The grant has expired; open another one."
        if moment - self._epoch_checked > EPOCH_SECONDS:
            if epoch_of(self.principal.tenant_id) != self.epoch:
                return "grant.epoch", "Policies or members have changed since; open another grant."
            self._epoch_checked = moment
        return None

    def _scope_fault(self, conversations: Iterable[UUID], view: str) -> tuple[str, str] | None:
        if not self.conversations.issuperset(conversations):
            return "grant.scope", "The conversation is not in the scope of this grant."
        if view not in self.views:
            return "grant.view", f"This grant does not open the {view} view."
        return None

    def refuse(self, code: str, text: str, *, conversations: Iterable[UUID] = ()) -> NoReturn:
        """Put the refusal on the record and raise OpeningRefused."""
        record_refused(
            tenant=self.principal.tenant_id,
            event="opening.refused",
            **self.principal.as_actor(),
            grant=str(self.id),
            code=code,
            **scope_facts(frozenset(conversations)),
        )
        raise OpeningRefused(code, text)

    def close(self) -> None:
        """End the grant: the flag first, then the keys."""
        self.open = False
        self.keys.clear()


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
    if (outer := _current.get()) is not None and outer.open:
        raise OpeningRefused("grant.nested", "A grant is open in this context; close it, or redeem a narrower ticket of it.")
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
        views=VIEWS[action],
        conversations=frozenset(resources),
        epoch=authority.epoch,
        deadline=clock() + seconds,
        budget=Budget(settings.grant_budget),
        policies=authority.policies,
    )
    facts |= {"policies": list(authority.policies), "epoch": authority.epoch}
    if reason_digest:
        facts["reason_digest"] = reason_digest
    with hold(opened, facts):
        yield opened


@contextmanager
def hold(opened: Grant, facts: dict[str, Any]) -> Iterator[None]:
    """Record the grant, make it the one of this context for the block, close it and record how much it opened."""
    principal = opened.principal
    record_now(tenant=principal.tenant_id, event="grant.opened", **principal.as_actor(), grant=str(opened.id), **facts)
    token = _current.set(opened)
    try:
        yield
    finally:
        opened.close()
        with suppress(ValueError):  # Closed in another context than it was opened in; the flag has ended it all the same.
            _current.reset(token)
        record_now(
            tenant=principal.tenant_id,
            event="grant.closed",
            **principal.as_actor(),
            grant=str(opened.id),
            opened=opened.opened,
        )
