"""What a detector that a user brings sees in records that are leased or found again, before anything is locked.

Fail closed: a record that it cannot read is not called clean.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from governance.identity.scoping import tenant_scope
from governance.jobs.claiming import Claimed
from governance.privacy.plugins.asking import Seen, configured, look_at
from governance.vault.pending import Kind
from governance.vault.reading import open_rows

NOTHING: Final[Mapping[UUID, Seen]] = {}


def look(*, tenant: UUID, kind: Kind, rows: Iterable[Claimed]) -> Mapping[UUID, Seen]:
    """Return what the detector sees in each record, by its id; call it under a grant for `classify`, outside any scope.

    Raises DetectorFailed where it cannot read one of them, DetectorAway.
    """
    detector = configured()
    wanted = [row.id for row in rows]
    if detector is None or not wanted:
        return NOTHING
    with tenant_scope(tenant):
        records: list[Any] = list(kind.model.objects.filter(id__in=wanted).order_by("id"))
        documents = open_rows(records, view="source")
    items = {record.id: document.item for record, document in zip(records, documents, strict=True) if document is not None}
    return look_at(detector, items)
