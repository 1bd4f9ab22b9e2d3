"""Rotation as a whole act: the right, the new bytes, the flip, the record."""

from datetime import datetime

from governance.access.acting import require
from governance.approvals.asking import LONGEST_REASON
from governance.audit.recording import record_with_effect
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.keys.changing import Cause, expect, locked_ring
from governance.keys.rotating import prepare, rotate


def rotate_ring(
    *, principal: Principal, use: str, now: datetime, reason: str = "", expected: str = "", provider_uri: str = ""
) -> int:
    """Rotate the ring for `use` and return the number of the new version; takes a fresh second factor.

    The new version is wrapped by the provider of `provider_uri`, which the configuration lists, else by that of the
    version before. A rewrap then moves the data keys. Raises AccessDenied (recorded), UnknownKey, ProviderNotListed,
    ProviderFailed, KeyChanged where `expected` is not the ring's tag.
    """
    require(principal=principal, action="manage_keys", now=now, second_factor=True)
    fresh = prepare(tenant=principal.tenant_id, use=use, provider_uri=provider_uri)
    with tenant_scope(principal.tenant_id):
        expect(locked_ring(fresh.ring), expected)
        version = rotate(fresh=fresh, cause=Cause(principal.user_id, reason.strip()[:LONGEST_REASON]), now=now)
        record_with_effect(
            tenant=principal.tenant_id,
            event="key.rotated",
            **principal.as_actor(),
            ring=str(version.ring_id),
            use=use,
            version=version.number,
            provider=version.provider_uri.partition(":")[0],
        )
    return version.number
