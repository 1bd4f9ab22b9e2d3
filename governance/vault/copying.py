"""Hands the source of one message over to be copied. What it guarantees:

- whoever copies may read the source, and policies allow `copy_revealed` beside it, for the purpose that was named;
- a grant of its own is on the record, committed, before the text leaves; what was opened is kept as a Consultation.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from governance.access.authorising import asked_facts, authorise, record_refusal
from governance.access.cells import Resource
from governance.access.errors import AccessDenied
from governance.access.granting import grant
from governance.crypto.derivation import fingerprint
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.vault.errors import NotFound
from governance.vault.reading import consult, open_views
from governance.vault.rows import read_head, read_messages

ACTION = "copy_revealed"
SEEN = "read_source"


def may_copy(*, principal: Principal, conversation_id: UUID, purpose: str, now: datetime) -> bool:
    """Return whether a copy would be handed over, for showing its button; it records nothing. Raises NotFound."""
    with tenant_scope(principal.tenant_id):
        resource = read_head(conversation_id, view="source").resource
        try:
            for action in (SEEN, ACTION):
                authorise(
                    principal=principal, action=action, purpose=purpose, resources={conversation_id: resource}, now=now
                )  # fmt: skip
        except AccessDenied:
            return False
    return True


def copy_text(
    *, principal: Principal, conversation_id: UUID, number: int, purpose: str, reason: str, now: datetime
) -> str:  # fmt: skip
    """Return what a person reads of the source of message `number`, counted from 1.

    Raises NotFound, AccessDenied (recorded), IntegrityFailure (recorded).
    """
    digest = fingerprint(reason.encode()).hex() if reason else ""
    with tenant_scope(principal.tenant_id):
        scope = {conversation_id: read_head(conversation_id, view="source").resource}
        _require_source(principal, scope, purpose, now)
        with grant(
            principal=principal, action=ACTION, purpose=purpose, resources=scope, now=now, reason_digest=digest
        ) as held:  # fmt: skip
            rows = read_messages(conversation_id, view="source", after=number - 2, limit=1)
            if not rows or rows[0].ordinal != number - 1:
                raise NotFound
            (document,) = open_views([rows[0].view], view="source")
            consult(held, conversation_id, view="source", messages=1, reason=reason)
    return "\n\n".join(document.readable()) if document is not None else ""


def _require_source(principal: Principal, scope: dict[UUID, Resource], purpose: str, now: datetime) -> None:
    asked: dict[str, Any] = {"principal": principal, "action": SEEN, "purpose": purpose, "resources": scope, "now": now}
    try:
        authorise(**asked)
    except AccessDenied as refusal:
        record_refusal(principal=principal, refusal=refusal, **asked_facts(**asked))
        raise
