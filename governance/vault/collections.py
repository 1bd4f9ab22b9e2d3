"""What a collection allows: its purposes and its lawful basis. A purpose outside them is refused before any policy."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from governance.access.acting import require
from governance.access.errors import PurposeRefused
from governance.access.models import Purpose
from governance.audit.recording import record_with_effect
from governance.crypto.derivation import fingerprint
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.vault.errors import ChangedSince, NotFound
from governance.vault.models import Collection, LawfulBasis


@dataclass(frozen=True, slots=True)
class Shown:
    """A collection as people see it."""

    id: UUID
    name: str
    purposes: tuple[str, ...]
    lawful_basis: str

    @property
    def tag(self) -> str:
        """The tag of what is shown: another one as soon as anything of it differs."""
        shown = "\0".join((self.lawful_basis, *self.purposes))
        return fingerprint(f"{self.id}\0{self.name}\0{shown}".encode()).hex()[:32]


def collections(*, principal: Principal, now: datetime) -> list[Shown]:
    """Return the tenant's collections. Raises AccessDenied (recorded) without `manage_policies` or `explain`."""
    require(principal=principal, action="manage_policies", instead="explain", now=now)
    with tenant_scope(principal.tenant_id):
        return [_shown(row) for row in Collection.objects.all()]


def collection(*, principal: Principal, collection_id: UUID, now: datetime) -> Shown:
    """Return one of them. Raises NotFound, AccessDenied (recorded) as `collections` does."""
    found = [one for one in collections(principal=principal, now=now) if one.id == collection_id]
    if not found:
        raise NotFound
    return found[0]


def change_collection(
    *,
    principal: Principal,
    collection_id: UUID,
    now: datetime,
    purposes: Iterable[str] | None = None,
    lawful_basis: str = "",
    expected: str = "",
) -> Shown:
    """Set the allowed purposes or the lawful basis of a collection, with a fresh second factor, and record it.

    `expected` is the tag of what the asker saw. Open grants of the tenant end. Raises AccessDenied (recorded), NotFound,
    ChangedSince, PurposeRefused for what is not known.
    """
    require(principal=principal, action="manage_policies", now=now, second_factor=True)
    wanted = None if purposes is None else sorted(set(purposes))
    with tenant_scope(principal.tenant_id):
        unknown = set(wanted or ()) - set(Purpose.objects.values_list("code", flat=True))
        if unknown:
            raise PurposeRefused(f"This tenant does not know the purposes {', '.join(sorted(unknown))}.")
        if lawful_basis and lawful_basis not in LawfulBasis.values:
            raise PurposeRefused(f"A lawful basis is one of: {', '.join(LawfulBasis.values)}.")
        row = Collection.objects.select_for_update(no_key=True, of=("self",)).filter(id=collection_id).first()
        if row is None:
            raise NotFound
        if expected and expected != _shown(row).tag:
            raise ChangedSince
        row.purposes = row.purposes if wanted is None else wanted
        row.lawful_basis = lawful_basis or row.lawful_basis
        row.save(update_fields=["purposes", "lawful_basis"])
        shown = _shown(row)
        record_with_effect(
            tenant=principal.tenant_id,
            event="collection.changed",
            **principal.as_actor(),
            collection=str(row.id),
            purposes=list(row.purposes),
            lawful_basis=str(row.lawful_basis),
        )
    return shown


def _shown(row: Collection) -> Shown:
    return Shown(id=row.id, name=row.name, purposes=tuple(row.purposes), lawful_basis=str(row.lawful_basis))
