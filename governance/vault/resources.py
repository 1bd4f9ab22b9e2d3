"""Conversations as access sees them: their cells, and which cells there are."""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from django.db import connection

from governance.access.cells import Cell, Resource
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.vault.errors import NotFound
from governance.vault.models import Collection, Conversation

_RESOURCES: Final = (
    "SELECT r.id, r.collection_id, r.classification, r.held, r.restricted, c.name, c.purposes FROM governance_conversation r"
    " JOIN governance_collection c ON c.tenant_id = r.tenant_id AND c.id = r.collection_id WHERE r.id = ANY(%s)"
)
Kind = tuple[UUID, int, bool, bool]  # collection, classification, held, restricted: the columns that make a cell


def kind_of(conversation: Conversation) -> Kind:
    """Return the columns of the row that make its cell."""
    return conversation.collection_id, conversation.classification, conversation.held, conversation.restricted


def resources(ids: Iterable[UUID]) -> dict[UUID, Resource]:
    """Return the resources of conversations; call it inside the tenant's scope."""
    with connection.cursor() as cursor:
        cursor.execute(_RESOURCES, [list(set(ids))])
        return {row[0]: resource_from(row[1:]) for row in cursor.fetchall()}


def resources_for(*, principal: Principal, ids: Iterable[UUID]) -> dict[UUID, Resource]:
    """Return the resources of conversations of the principal's tenant. Raises NotFound where one is not there."""
    wanted = set(ids)
    with tenant_scope(principal.tenant_id):
        found = resources(wanted)
    if found.keys() != wanted:
        raise NotFound
    return found


def cells_found() -> Mapping[Kind, Resource]:
    """Return what occurs among the tenant's conversations; call it inside its scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM cells_found()")  # A loose index scan: a step a cell, however many rows there are.
        rows = cursor.fetchall()
    return _read(tuple(rows))


@lru_cache(maxsize=1024)
def _read(rows: tuple[Any, ...]) -> Mapping[Kind, Resource]:
    """Read the rows of the query, which are mostly those of the last time."""
    return MappingProxyType({row[:4]: resource_from(row) for row in rows})


def resource_from(columns: tuple[Any, ...]) -> Resource:
    """Return the resource of selected columns: those of a Kind, then the collection's name and its purposes as JSON."""
    collection, classification, held, restricted, name, purposes = columns
    return Resource(Cell(name, classification, held, restricted), frozenset(json.loads(purposes)), collection)


def collection_names(ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the names of collections by id; call it inside the tenant's scope."""
    return dict(Collection.objects.filter(id__in=set(ids)).values_list("id", "name"))
