"""Seals and opens the settings of profiles, under the content key of the tenant as a whole.

Call everything inside the tenant's scope, with the content ring warm.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from governance.crypto.envelope import Place
from governance.keys.data_keys import open_data_keys, tenant_key
from governance.keys.errors import KeyDestroyed
from governance.keys.models import KeyUse
from governance.keys.rings import lock_shared, rings_of
from governance.keys.wrapped import NOBODY
from governance.privacy.models import DetectionProfile
from governance.privacy.profiles.settings import Settings
from governance.vault.sealed import Sealed

_LABEL = "detection_profile.document"


def _place(row: DetectionProfile) -> Place:
    return Place(row.tenant_id, row.collection_id or NOBODY, row.id, _LABEL, row.version)


def seal_settings(row: DetectionProfile, settings: Settings, *, now: datetime) -> None:
    """Set the document of a row that is not saved yet; the ring's lock is held from here to the commit."""
    lock_shared([rings_of(row.tenant_id)[KeyUse.CONTENT]])
    key = tenant_key(tenant=row.tenant_id, use=KeyUse.CONTENT, now=now)
    row.document, row.document_data_key_id = Sealed(key.seal(settings.model_dump_json().encode(), _place(row))), key.id


def seal_settings_anew(rows: Iterable[DetectionProfile], *, now: datetime) -> int:
    """Seal profiles that are under a replaced data key under its successor; return how many. Raises CannotOpen."""
    wanted = list(rows)
    old = open_data_keys((row.document_data_key_id for row in wanted), emergency=True)
    moved = 0
    for row in wanted:
        key = old.get(row.document_data_key_id)
        successor = tenant_key(tenant=row.tenant_id, use=KeyUse.CONTENT, now=now)
        if key is None or key.id == successor.id:
            continue
        sealed = Sealed(key.hand_over(row.document.envelope, _place(row), to=successor, revision=row.version))
        DetectionProfile.objects.filter(id=row.id).update(document=sealed, document_data_key_id=successor.id)
        moved += 1
    return moved


def open_settings(rows: Iterable[DetectionProfile]) -> dict[UUID, Settings]:
    """Return what profiles say, by their id. Raises KeyDestroyed, CannotOpen for a row that was changed."""
    wanted = list(rows)
    keys = open_data_keys(row.document_data_key_id for row in wanted)
    if len(keys) < len({row.document_data_key_id for row in wanted}):
        raise KeyDestroyed("The key of the detection profiles was destroyed; draft them anew.")
    return {
        row.id: Settings.model_validate_json(keys[row.document_data_key_id].open(row.document.envelope, _place(row)))
        for row in wanted
    }
