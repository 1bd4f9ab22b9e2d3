"""Conversations as access sees them: their cells, and which cells there are."""

import json
from collections.abc import Iterable
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

from governance.access.cells import Cell, Resource
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.vault.errors import NotFound
from governance.vault.models import Collection, Conversation

# The distinct cells by a loose index scan: one step of the index a cell, however many conversations there are.
_CELLS: Final = """
WITH RECURSIVE found AS (
    (SELECT collection_id, classification, held, restricted FROM governance_conversation
     ORDER BY tenant_id, collection_id, classification, held, restricted LIMIT 1)
    UNION ALL
    SELECT beyond.* FROM found CROSS JOIN LATERAL (
        SELECT collection_id, classification, held, restricted FROM governance_conversation
        WHERE (collection_id, classification, held, restricted)
            > (found.collection_id, found.classification, found.held, found.restricted)
        ORDER BY tenant_id, collection_id, classification, held, restricted LIMIT 1) AS beyond
)
SELECT found.*, name, purposes FROM found JOIN governance_collection ON id = found.collection_id
"""


class Found(NamedTuple):
    """A cell that occurs, with the columns by which rows are found."""

    row: tuple[UUID, int, bool, bool]
    cell: Cell
    purposes: tuple[str, ...]


def resource_of(conversation: Conversation) -> Resource:
    """Return what access sees of a conversation; its collection must be loaded with it."""
    collection = conversation.collection
    cell = Cell(str(collection.name), conversation.classification, conversation.held, conversation.restricted)
    return Resource(cell=cell, purposes=frozenset(collection.purposes), collection_id=collection.id)


def resources(ids: Iterable[UUID]) -> dict[UUID, Resource]:
    """Return the resources of conversations; call it inside the tenant's scope."""
    rows = Conversation.objects.filter(id__in=set(ids)).select_related("collection").defer("source", "redacted")
    return {row.id: resource_of(row) for row in rows}


def resources_for(*, principal: Principal, ids: Iterable[UUID]) -> dict[UUID, Resource]:
    """Return the resources of conversations of the principal's tenant. Raises NotFound where one is not there."""
    wanted = set(ids)
    with tenant_scope(principal.tenant_id):
        found = resources(wanted)
    if found.keys() != wanted:
        raise NotFound
    return found


def cells_found() -> list[Found]:
    """Return the cells that occur among the tenant's conversations; call it inside its scope."""
    with connection.cursor() as cursor:
        cursor.execute(_CELLS)
        rows = cursor.fetchall()
    return [Found((row[0], *row[1:4]), Cell(row[4], *row[1:4]), tuple(json.loads(row[5]))) for row in rows]


def collection_names(ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the names of collections by id; call it inside the tenant's scope."""
    return dict(Collection.objects.filter(id__in=set(ids)).values_list("id", "name"))
