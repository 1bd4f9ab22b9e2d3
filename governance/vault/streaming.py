"""Opens a long conversation page by page, as its reader takes it. What it guarantees:

- the decision is made and on the record before the answer begins; the stream then redeems a ticket in the thread that
  writes it, with entries of its own, and closes with the count of what was in fact opened;
- no transaction is open and no key beyond the grant's store is held while the reader is slow;
- it ends early rather than go on past the grant's time or a change of policies: the end says where to go on.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from governance.access.granting import Grant, grant
from governance.access.tickets import Ticket, issue, redeem
from governance.crypto.derivation import fingerprint
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.vault.reading import ACTIONS, consult, open_views, opened_message
from governance.vault.records import OpenedMessage
from governance.vault.rows import read_head, read_messages

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be streamed: the messages of one conversation with ordinals above `after`, in one view."""

    conversation: UUID
    view: str
    reason: str
    after: int


@dataclass(slots=True)
class End:
    """The last thing that a stream yields: how many messages it held, and the ordinal to go on after, if not all."""

    messages: int
    after: int | None = None


def prepare(*, principal: Principal, purpose: str, request: Request, now: datetime) -> Ticket:
    """Decide and record; return the ticket that `stream` redeems. Raises NotFound, AccessDenied (recorded)."""
    digest = fingerprint(request.reason.encode()).hex() if request.reason else ""
    with tenant_scope(principal.tenant_id):
        resources = {request.conversation: read_head(request.conversation, view=request.view).resource}
        with grant(
            principal=principal,
            action=ACTIONS[request.view],
            purpose=purpose,
            resources=resources,
            now=now,
            reason_digest=digest,
        ) as held:
            return issue(held, conversations=resources, views=[request.view])


def stream(ticket: Ticket, request: Request) -> Generator[OpenedMessage | End, None, None]:
    """Yield the messages and then the End. The ticket is redeemed at the first step, the grant closed at the last.

    Run every step, and `close`, in one thread and one context. Raises OpeningRefused (recorded), IntegrityFailure.
    """
    with redeem(ticket) as held:
        end = End(0)
        try:
            yield from _pages(held, request, end)
        finally:
            with tenant_scope(held.principal.tenant_id):
                consult(held, request.conversation, view=request.view, messages=end.messages, reason=request.reason)
        yield end


def _pages(held: Grant, request: Request, end: End) -> Iterator[OpenedMessage]:
    after = request.after
    while True:
        page = _page(held, request, after)
        for message in page:
            end.messages += 1
            yield message
        if len(page) < PAGE:
            return
        after = page[-1].ordinal
        if held.fault() is not None:
            end.after = after
            return


def _page(held: Grant, request: Request, after: int) -> list[OpenedMessage]:
    with tenant_scope(held.principal.tenant_id):
        rows = read_messages(request.conversation, view=request.view, after=after, limit=PAGE)
        documents = open_views([row.view for row in rows], view=request.view)
    return [opened_message(row, document, request.view) for row, document in zip(rows, documents, strict=True)]
