"""Writes the redacted form of records beside their source, in the transaction that holds their locks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection

from governance.crypto.envelope import Place
from governance.jobs.claiming import Claimed
from governance.keys.data_keys import ensure, obtain, owners_of
from governance.keys.models import KeyUse
from governance.keys.rings import lock_shared, rings_of
from governance.keys.wrapped import OF_VALUES, KeyOwner
from governance.vault.manifests import leaf_bytes, write_manifest
from governance.vault.models import Conversation, Message, State
from governance.vault.pending import KINDS, Kind, lock_subjects

# What the scanned messages of a conversation say; the caller holds its row's lock, which whoever scans one waits for.
_OF_MESSAGES = (
    "coalesce((SELECT max(x.classification) FROM governance_message x"  # noqa: S608 - fixed names
    f" WHERE x.conversation_id = m.id AND x.state NOT IN ({State.PENDING}, {State.ERASED})), 0)"
)
_Row = tuple[UUID, int, int, bytes | None, UUID | None, int]


@dataclass(frozen=True, slots=True)
class RedactedForm:
    """What a worker made of one locked record: its redacted document, or None where it could not be scanned."""

    row: Message | Conversation
    document: bytes | None = field(repr=False)
    classification: int

    @property
    def conversation(self) -> UUID:
        """The conversation of the record."""
        return self.row.conversation_id if isinstance(self.row, Message) else self.row.id


def lock_rings_of_scans(tenant: UUID) -> None:
    """Take the locks of the rings that a scan writes under, shared; they come before the rows' locks."""
    rings = rings_of(tenant)
    lock_shared([rings[KeyUse.REDACTED], rings[KeyUse.INDEX]])


def ensure_keys_of_scans(*, tenant: UUID, kind: Kind, rows: tuple[Claimed, ...], now: datetime) -> None:
    """Make the keys that a scan of claimed rows writes under, redacted ones and that of values; a transaction of its own.

    A message and its conversation's head share a key. Made while their rows are locked, two workers would wait for each
    other, and every lock would be held for that long.
    """
    lock_subjects(kind, rows)
    lock_rings_of_scans(tenant)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH m AS MATERIALIZED (SELECT DISTINCT {kind.group} AS conversation, source_data_key_id AS key"  # noqa: S608
            f" FROM {kind.table} WHERE id = ANY(%b::uuid[]))"
            " SELECT DISTINCT m.conversation, k.owner_id FROM m"
            " JOIN governance_datakey k ON k.id = m.key AND k.wrapped IS NOT NULL",
            [[row.id for row in rows]],
        )
        owners = [KeyOwner(conversation, owner, KeyUse.REDACTED) for conversation, owner in cursor.fetchall()]
    ensure(tenant=tenant, owners=[*owners, OF_VALUES], now=now)


def seal_redacted(*, tenant: UUID, forms: Sequence[RedactedForm], now: datetime) -> tuple[UUID, bytes]:
    """Seal and write the redacted forms; return the manifest's id and Merkle root.

    Call it with the ring's lock held shared and the rows locked. A form without a document makes its record
    `unscanned`: its redacted view stays withheld.
    """
    owners = owners_of({form.row.source_data_key_id for form in forms})
    targets = {id(form): KeyOwner(form.conversation, owners[form.row.source_data_key_id], KeyUse.REDACTED) for form in forms}
    keys = obtain(tenant=tenant, owners={targets[id(form)] for form in forms if form.document is not None}, now=now)
    leaves: list[bytes] = []
    for kind in KINDS:
        rows: list[_Row] = []
        label = "message.redacted" if kind.model is Message else "conversation.redacted"
        for form in forms:
            if not isinstance(form.row, kind.model):
                continue
            revision = form.row.redacted_revision + 1
            if form.document is None:
                if form.row.redacted is not None:  # It is taken back, which the record says by the leaf of nothing.
                    leaves.append(leaf_bytes(record=form.row.id, column=label, revision=revision, envelope=b""))
                rows.append((form.row.id, State.UNSCANNED.value, form.classification, None, None, revision))
                continue
            key = keys[targets[id(form)]]
            place = Place(tenant, form.conversation, form.row.id, label, revision)
            envelope = key.seal(form.document, place)
            leaves.append(leaf_bytes(record=form.row.id, column=label, revision=revision, envelope=envelope))
            rows.append((form.row.id, State.REDACTED.value, form.classification, envelope, key.id, revision))
        _update(kind.table, rows)
    _raise_classification(forms)
    return write_manifest(tenant=tenant, leaves=leaves)


def _update(table: str, rows: list[_Row]) -> None:
    if not rows:
        return
    floor = _OF_MESSAGES if table == "governance_conversation" else "0"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} m SET state = u.state, classification = greatest(u.class, {floor}), redacted = u.body,"  # noqa: S608
            " redacted_data_key_id = u.key, redacted_revision = u.revision, lease_until = NULL"
            " FROM unnest(%b::uuid[], %b::int4[], %b::int4[], %b::bytea[], %b::uuid[], %b::int4[])"
            " AS u(id, state, class, body, key, revision) WHERE m.id = u.id",
            [list(column) for column in zip(*rows, strict=True)],
        )


def _raise_classification(forms: Sequence[RedactedForm]) -> None:
    """A conversation is as sensitive as its most sensitive message."""
    highest: dict[UUID, int] = {}
    for form in forms:
        if isinstance(form.row, Message):
            highest[form.conversation] = max(highest.get(form.conversation, 0), form.classification)
    if highest:
        ordered = sorted(highest)
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH lower AS (SELECT c.id, u.class FROM governance_conversation c"
                " JOIN unnest(%b::uuid[], %b::int4[]) AS u(id, class) ON c.id = u.id AND c.classification < u.class"
                " ORDER BY c.id FOR NO KEY UPDATE OF c)"  # In one order, or two workers could wait in a circle.
                " UPDATE governance_conversation c SET classification = greatest(c.classification, lower.class)"
                " FROM lower WHERE c.id = lower.id",
                [ordered, [highest[conversation] for conversation in ordered]],
            )
