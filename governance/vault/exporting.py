"""Exports redacted conversations as lines, as their reader takes them. What it guarantees:

- the action is `export`, under a purpose; each page is a grant of its own, decided and on the record before a byte of it
  leaves, so a change of policies ends the export at its next page, and so does the end of a role, an account, a token, or
  of the time for which a policy or a second factor holds;
- nothing but the redacted view is opened, and what a form leaves out is counted and not opened;
- no transaction is open, no grant and no key is held while the reader is slow;
- the order is that of ids, and the same conversations give the same bytes;
- it ends with a manifest: counts, policies, the SHA-256 of what was sent and, where more is left, where to go on; the
  record holds the same, also where the reader went away.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final, Protocol
from uuid import UUID

from django.db.models import Q

from governance.access.authorising import check_still, record_refusal
from governance.access.cells import CLASSIFICATIONS, Resource
from governance.access.errors import AccessDenied
from governance.access.granting import clock, grant
from governance.audit.recording import record_now
from governance.conf.settings import vault_settings
from governance.crypto.derivation import fingerprint
from governance.identity.identifiers import uuid7
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.vault.errors import UnknownCollection
from governance.vault.listing import Visible, visible
from governance.vault.models import Collection, Conversation
from governance.vault.reading import consult, open_views, opened_message
from governance.vault.records import OpenedConversation
from governance.vault.resources import kind_of
from governance.vault.rows import MessageRow, SealedView, read_messages, view_of

ACTION: Final = "export"
VIEW: Final = "redacted"
CONVERSATIONS_AT_ONCE: Final = 50
MESSAGES_AT_ONCE: Final = 500
TOO_LONG: Final = "too_long"


class Form(Protocol):
    """How an export is written: which conversations it leaves out and why, and the line of one that it takes.

    `purpose` is the only one that it serves, empty for any; `heads` is whether it shows titles and metadata; `facts` stand
    in the manifest.
    """

    name: str
    purpose: str
    heads: bool
    facts: Mapping[str, Any]

    def leaves_out(self, conversation: Conversation, rows: Sequence[MessageRow]) -> str:
        """Return why the conversation is left out, as a word that is counted; empty where it is taken."""

    def line(self, opened: OpenedConversation) -> dict[str, Any] | str:
        """Return the document of the line, or why there is none after all."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be exported: in which form, of one collection or all, from behind which id, and at most how many."""

    form: Form
    collection: str = ""
    after: UUID | None = None
    limit: int | None = None
    reason: str = ""


@dataclass(slots=True)
class Manifest:
    """What an export held: counts, the policies that allowed it, and the SHA-256 of its bytes but for this.

    `next` is the id to go on after, where more is left or it ended early (`because`); None where it is complete.
    """

    id: UUID
    form: str
    purpose: str
    collection: str
    created: datetime
    facts: Mapping[str, Any]
    conversations: int = 0
    messages: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    policies: set[str] = field(default_factory=set)
    sha256: str = hashlib.sha256().hexdigest()
    next: UUID | None = None
    complete: bool = False
    because: str = ""

    def as_facts(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "export": str(self.id),
            "form": self.form,
            "purpose": self.purpose,
            "collection": self.collection,
            "created": self.created.isoformat(),
            **self.facts,
            "policies": sorted(self.policies),
            "conversations": self.conversations,
            "messages": self.messages,
            "left_out": dict(sorted(self.left_out.items())),
            "sha256": self.sha256,
            "complete": self.complete,
            "because": self.because,
            "next": None if self.next is None else str(self.next),
        }


@dataclass(frozen=True, slots=True, repr=False)
class _Page:
    """Opened conversations, and the id behind which the next page begins; None at the end."""

    opened: list[tuple[UUID, OpenedConversation | str]]
    policies: tuple[str, ...] = ()
    after: UUID | None = None


class Export:
    """An export that was decided: take its `lines`, then look at its `manifest`."""

    def __init__(self, *, principal: Principal, wanted: Wanted, manifest: Manifest, first: _Page) -> None:
        self._principal, self._wanted, self._first = principal, wanted, first
        self._began = clock()
        self.manifest = manifest

    def lines(self) -> Generator[bytes, None, None]:
        """Yield the bytes of each line. Run every step, and `close`, in one thread and one context.

        Raises IntegrityFailure (recorded); a refusal ends it, and the manifest says so.
        """
        digest, manifest = hashlib.sha256(), self.manifest
        try:
            for line in self._taken():
                digest.update(line)
                manifest.sha256 = digest.hexdigest()
                yield line
        except AccessDenied as refusal:
            manifest.because = refusal.code
        finally:
            _record_end(self._principal, manifest)

    def _taken(self) -> Iterator[bytes]:
        manifest, form, page = self.manifest, self._wanted.form, self._first
        while True:
            manifest.policies.update(page.policies)
            for number, opened in page.opened:
                if self._wanted.limit is not None and manifest.conversations >= self._wanted.limit:
                    return
                line = form.line(opened) if isinstance(opened, OpenedConversation) else opened
                if isinstance(line, str):
                    manifest.left_out[line] += 1
                else:
                    manifest.conversations += 1
                    manifest.messages += len(opened.messages) if isinstance(opened, OpenedConversation) else 0
                    yield json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str).encode() + b"\n"
                manifest.next = number
            if page.after is None:
                manifest.next, manifest.complete = None, True
                return
            manifest.next = page.after
            page = self._next(page.after)

    def _next(self, after: UUID) -> _Page:
        """Open a further page, as rights and the time are by then. Raises AccessDenied (recorded)."""
        principal, purpose = self._principal, self.manifest.purpose
        now = self.manifest.created + timedelta(seconds=clock() - self._began)
        check_still(principal=principal, action=ACTION, purpose=purpose, now=now)
        return _page(principal, purpose, self._wanted, after, now)


def begin(*, principal: Principal, purpose: str, wanted: Wanted, now: datetime) -> Export:
    """Decide, put the export on the record and open its first page.

    Raises AccessDenied (recorded), UnknownCollection, RecordRefused, IntegrityFailure (recorded).
    """
    collection = _check(principal, purpose, wanted, now)
    manifest = Manifest(
        id=uuid7(), form=wanted.form.name, purpose=purpose, collection=wanted.collection, created=now,
        facts=wanted.form.facts, next=wanted.after,
    )  # fmt: skip
    record_now(
        tenant=principal.tenant_id, event="export.begun", **principal.as_actor(), export=str(manifest.id),
        form=manifest.form, purpose=purpose, collection=str(collection or ""), after=str(wanted.after or ""),
    )  # fmt: skip
    first = _page(principal, purpose, wanted, wanted.after, now)
    return Export(principal=principal, wanted=wanted, manifest=manifest, first=first)


def _check(principal: Principal, purpose: str, wanted: Wanted, now: datetime) -> UUID | None:
    """Return the id of the collection that is named. Raises AccessDenied (recorded), UnknownCollection."""
    try:
        with tenant_scope(principal.tenant_id):
            visible(principal=principal, action=ACTION, purpose=purpose, now=now)
            row = Collection.objects.filter(name=wanted.collection).first()
            _check_purpose(row, purpose, wanted.form)
    except AccessDenied as refusal:
        record_refusal(principal=principal, refusal=refusal, action=ACTION, purpose=purpose)
        raise
    if wanted.collection and row is None:
        raise UnknownCollection
    return None if row is None else row.id


def _check_purpose(collection: Collection | None, purpose: str, form: Form) -> None:
    """Return where form and collection allow the purpose; raise AccessDenied otherwise."""
    if form.purpose not in {"", purpose}:
        raise AccessDenied("purpose.form", f"This form is for the purpose {form.purpose} alone.")
    if collection is not None and purpose not in collection.purposes:
        raise AccessDenied("purpose.collection", "The collection does not allow that purpose.")


def _page(principal: Principal, purpose: str, wanted: Wanted, after: UUID | None, now: datetime) -> _Page:
    """Open the next page under a grant of its own. Raises AccessDenied (recorded)."""
    try:
        with tenant_scope(principal.tenant_id):
            seen = visible(principal=principal, action=ACTION, purpose=purpose, now=now)
            rows, more = _rows(seen, wanted, after)
    except AccessDenied as refusal:
        record_refusal(principal=principal, refusal=refusal, action=ACTION, purpose=purpose)
        raise
    if not rows:
        return _Page([])
    resources = {row.id: seen.kinds[kind_of(row)] for row in rows}
    digest = fingerprint(wanted.reason.encode()).hex() if wanted.reason else ""
    with (
        grant(
            principal=principal, action=ACTION, purpose=purpose, resources=resources, now=now, reason_digest=digest
        ) as held,
        tenant_scope(principal.tenant_id),
    ):
        opened = _open(rows, resources, wanted.form)
        for number, one in opened:
            if isinstance(one, OpenedConversation):
                consult(held, number, view=VIEW, messages=len(one.messages), reason=wanted.reason)
        return _Page(opened, held.policies, rows[-1].id if more else None)


def _rows(seen: Visible, wanted: Wanted, after: UUID | None) -> tuple[list[Conversation], bool]:
    """Return the conversations of the next page, and whether there are more; inside the tenant's scope."""
    condition = seen.condition
    condition &= Q(collection__name=wanted.collection) if wanted.collection else Q()
    condition &= Q() if after is None else Q(id__gt=after)
    found = list(Conversation.objects.filter(condition).order_by("id")[: CONVERSATIONS_AT_ONCE + 1])
    taken, messages = found[:1], 0
    for row, following in pairwise(found):
        messages += row.message_count
        if messages + following.message_count > MESSAGES_AT_ONCE or len(taken) == CONVERSATIONS_AT_ONCE:
            break
        taken.append(following)
    return taken, len(taken) < len(found)


def _open(
    rows: Sequence[Conversation], resources: Mapping[UUID, Resource], form: Form
) -> list[tuple[UUID, OpenedConversation | str]]:
    """Return each conversation opened, or why it is left out; inside the tenant's scope, under a grant."""
    most = vault_settings().grant_budget - len(rows)
    found = {row.id: read_messages(row.id, view=VIEW, after=-1, limit=most + 1) for row in rows}
    left = {row.id: TOO_LONG if len(found[row.id]) > most else form.leaves_out(row, found[row.id]) for row in rows}
    views: list[SealedView] = []
    for row in rows:
        if not left[row.id]:
            views += [*([view_of(row, VIEW)] if form.heads else []), *(message.view for message in found[row.id])]
    documents = iter(open_views(views, view=VIEW))
    opened: list[tuple[UUID, OpenedConversation | str]] = []
    for row in rows:
        if left[row.id]:
            opened.append((row.id, left[row.id]))
            continue
        head = next(documents) if form.heads else None
        messages = tuple(opened_message(message, next(documents), VIEW) for message in found[row.id])
        whole = OpenedConversation(
            id=row.id, collection=resources[row.id].cell.collection, classification=CLASSIFICATIONS[row.classification],
            view=VIEW, head=head, messages=messages, total=len(messages),
        )  # fmt: skip
        opened.append((row.id, whole))
    return opened


def _record_end(principal: Principal, manifest: Manifest) -> None:
    record_now(
        tenant=principal.tenant_id, event="export.ended", **principal.as_actor(), export=str(manifest.id),
        conversations=manifest.conversations, messages=manifest.messages, left_out=manifest.left_out.total(),
        sha256=manifest.sha256, complete=manifest.complete, because=manifest.because,
    )  # fmt: skip
