"""Whether the key versions of this installation open under the providers that it has now: what a start asks.

A root key that was swapped for another whole one has a check value that fits; only what was wrapped tells them apart.
"""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from governance.identity.models import Tenant
from governance.identity.scoping import tenant_scope
from governance.keys.errors import ProviderFailed
from governance.keys.models import DataKey, KeyVersion
from governance.keys.rings import unwrap_version

_TENANTS: Final = 32


def try_versions() -> int:
    """Unwrap the oldest and the newest version of each provider, among the oldest and newest tenants; return how many.

    Nothing is written, and no transaction is open while a provider is asked. Raises ProviderFailed, but not for
    a provider whose versions wrap nothing any more, as after a move.
    """
    tenants = Tenant.objects.order_by("id").values_list("id", flat=True)
    oldest, newest = list(tenants[:_TENANTS]), list(tenants.reverse()[:_TENANTS])
    versions = {*_first_of_each(oldest, "id"), *_first_of_each(newest, "-id")}
    for version in versions:
        try:
            unwrap_version(version)
        except ProviderFailed:
            if _is_needed(version):
                raise
    return len(versions)


def _is_needed(version: KeyVersion) -> bool:
    """Return whether a version of this tenant and provider seals, or wraps a data key that lives."""
    with tenant_scope(version.tenant_id):
        same = KeyVersion.objects.filter(provider_uri=version.provider_uri)
        wraps = DataKey.objects.filter(version_id__in=same.values("id"), wrapped__isnull=False)
        return same.filter(state=KeyVersion.State.ACTIVE).exists() or wraps.exists()


def _first_of_each(tenants: Iterable[UUID], order: str) -> list[KeyVersion]:
    """Return the first version of each provider in this order."""
    found: dict[str, KeyVersion] = {}
    for tenant in tenants:
        with tenant_scope(tenant):
            rows = KeyVersion.objects.filter(wrapped__isnull=False).order_by("provider_uri", order)
            for version in rows.distinct("provider_uri"):
                found.setdefault(version.provider_uri, version)
    return list(found.values())
