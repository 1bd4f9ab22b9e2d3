"""Tickets: how a grant's right reaches another thread, asyncio task or stream of the same process. What one guarantees:

- it opens one grant, once, within seconds, in whatever thread redeems it, and that grant is bound to the thread as any
  other is and has entries of its own on the record;
- it is never wider than its grant: the same principal, action, purpose and epoch, some of its conversations, some of its
  views, its deadline at the latest, and one budget for all;
- it outlives the block of its grant, because a response body begins after its view has returned, but not a change of
  policies or members, which is asked for when it is redeemed;
- it stays in its process. A worker of another process holds no ticket: it opens a grant of its own, as itself.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import NoReturn, TypeVar
from uuid import UUID

from governance.access.authorising import scope_facts
from governance.access.deciding import epoch_of
from governance.access.granting import Grant, clock, current, hold
from governance.conf.settings import vault_settings

T = TypeVar("T")


class Ticket:
    """The right to open one narrower grant, once."""

    __slots__ = ("_lock", "_used", "conversations", "deadline", "grant", "pid", "views")

    def __init__(self, *, grant: Grant, conversations: frozenset[UUID], views: frozenset[str]) -> None:
        self.grant = grant
        self.conversations = conversations
        self.views = views
        self.deadline = min(grant.deadline, clock() + vault_settings().ticket_seconds)
        self.pid = os.getpid()
        self._lock = threading.Lock()
        self._used = False

    def take(self) -> bool:
        """Use it up; return whether it was unused."""
        with self._lock:
            used, self._used = self._used, True
        return not used

    def __reduce__(self) -> NoReturn:
        raise TypeError("A ticket stays in its process; a worker elsewhere opens a grant of its own.")


def issue(held: Grant, *, conversations: Iterable[UUID], views: Iterable[str] | None = None) -> Ticket:
    """Return a ticket for some conversations and views of a grant that is open here; all of its views by default.

    Raises OpeningRefused (recorded) where the grant may not be used here and now, or is not as wide.
    """
    wanted, seen = frozenset(conversations), held.views if views is None else frozenset(views)
    fault = held.fault()
    if fault is None and not (wanted <= held.conversations and seen <= held.views):
        fault = "ticket.wider", "A ticket opens some of what its grant opens, and nothing else."
    if fault is not None:
        held.refuse(*fault, conversations=wanted)
    return Ticket(grant=held, conversations=wanted, views=seen)


@contextmanager
def redeem(ticket: Ticket) -> Iterator[Grant]:
    """Open the ticket's grant in this thread, with entries of its own; inside its own grant it narrows that for a block.

    Raises OpeningRefused (recorded) for a ticket that was used, is too old, came from another process, was overtaken by
    a change of policies or members, or is redeemed inside some other grant.
    """
    fault = _fault(ticket)
    if fault is not None:
        ticket.grant.refuse(*fault, conversations=ticket.conversations)
    parent = ticket.grant
    opened = Grant(
        principal=parent.principal,
        action=parent.action,
        purpose=parent.purpose,
        views=ticket.views,
        conversations=ticket.conversations,
        epoch=parent.epoch,
        deadline=parent.deadline,
        budget=parent.budget,
    )
    facts = {"action": parent.action, "purpose": parent.purpose, "ticket_of": str(parent.id), "views": sorted(opened.views)}
    with hold(opened, {**facts, **scope_facts(opened.conversations)}):
        yield opened


def _fault(ticket: Ticket) -> tuple[str, str] | None:
    if ticket.pid != os.getpid():
        return "ticket.process", "The ticket belongs to another process, which opens a grant of its own."
    outer = current()
    if outer is not None and outer.open and outer is not ticket.grant:
        return "grant.nested", "Another grant is open in this context; close it first."
    if not ticket.take():
        return "ticket.used", "The ticket was used already; issue another one."
    if clock() > ticket.deadline:
        return "ticket.expired", "The ticket is too old; issue another one."
    if epoch_of(ticket.grant.principal.tenant_id) != ticket.grant.epoch:
        return "grant.epoch", "Policies or members have changed since; open another grant."
    return None


def under(ticket: Ticket, call: Callable[[], T]) -> Callable[[], T]:
    """Return `call` as an executor or thread may run it: in a fresh context, under the ticket's grant."""

    def redeemed() -> T:
        with redeem(ticket):
            return call()

    return lambda: Context().run(redeemed)
