"""Search by value: which conversations hold this phone, this card, this address. What it guarantees:

- the index holds keyed hashes of normal forms, so a search finds a value in whatever spelling, and equality only;
- what is looked for is recognised by the detectors, as it was when it was stored, and is kept nowhere: the record says
  who searched, for which types and how many came;
- a conversation is found only by whoever may `search` it for that purpose.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from governance.audit.recording import record_now
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.keys.data_keys import hashes_of_values
from governance.keys.models import KeyUse
from governance.keys.rings import lock_shared, rings_of
from governance.keys.warming import warm
from governance.privacy.detectors import Unscannable
from governance.privacy.marking import value_index
from governance.privacy.profiles.loading import active_profiles
from governance.privacy.redaction import redact
from governance.vault.listing import Listed, list_where
from governance.vault.models import IndexEntry

ACTION = "search"
USES = frozenset({KeyUse.INDEX, KeyUse.CONTENT, KeyUse.REDACTED})


class NothingToFind(ValueError):
    """The text holds nothing of a type that the index knows; never says the text."""

    code = "search.nothing"


def search(
    *, principal: Principal, purpose: str, text: str, now: datetime, before: UUID | None = None, limit: int = 50
) -> list[Listed]:
    """Return the newest conversations that hold all the values in `text`; `before` is the last id seen.

    Raises NothingToFind, AccessDenied (recorded).
    """
    with tenant_scope(principal.tenant_id):
        warm(tenant=principal.tenant_id, uses=USES)
    with tenant_scope(principal.tenant_id):
        wanted = _values(text)
    found = list_where(
        principal=principal, action=ACTION, purpose=purpose, now=now, limit=limit,
        condition=lambda: _holding(principal.tenant_id, wanted) & (Q() if before is None else Q(id__lt=before)),
    )  # fmt: skip
    record_now(
        tenant=principal.tenant_id, event="search.made", **principal.as_actor(), purpose=purpose,
        types=sorted({kind for kind, _ in wanted}), found=len(found),
    )  # fmt: skip
    return found


def _values(text: str) -> set[tuple[str, str]]:
    """Return the types and normal forms of what the tenant's detectors see in the text. Raises NothingToFind."""
    wanted: set[tuple[str, str]] = set()

    def note(kind: str, value: str) -> str:
        wanted.add((kind, value))
        return "[]"

    try:
        redact(text, mark=note, scan=active_profiles().of(None).scan)
    except Unscannable:
        wanted.clear()
    if not wanted:
        raise NothingToFind("No value is recognised in this; write one as it would stand in a chat, with its context.")
    return wanted


def _holding(tenant: UUID, wanted: set[tuple[str, str]]) -> Any:
    """Return the condition on conversations that hold every value, under whichever key it was indexed.

    The ring's lock is held shared: a re-keying gives the index a new key only when this look is over.
    """
    lock_shared([rings_of(tenant)[KeyUse.INDEX]])
    hashes, condition = hashes_of_values(), Q()
    for kind, value in sorted(wanted):
        entries = [value_index(one, kind, value) for one in hashes]
        condition &= Q(Exists(IndexEntry.objects.filter(conversation=OuterRef("pk"), value_index__in=entries)))
    return condition
