"""What tests of acts share: officers whose second factor is fresh, and what a form sends."""

from governance.identity.scoping import tenant_scope
from governance.keys.models import KeyRing, KeyVersion
from tests.conftest import make_person
from tests.console.browsing import signed_in
from tests.security.matrix import show_factor


def officer_client(tenant, role="security_officer"):
    """A signed-in client of a new officer, with a fresh second factor; the person is `client.person`."""
    user = make_person(tenant, role)
    client = signed_in(user)
    show_factor(client, user)
    client.person = user
    return client


def ring_of(tenant, use="content"):
    with tenant_scope(tenant.id):
        ring = KeyRing.objects.get(use=use)
        return ring, ring.tag


def version_of(tenant, use="content", number=1):
    with tenant_scope(tenant.id):
        return KeyVersion.objects.get(ring__use=use, number=number)


def rotate(client, tenant, use="content", **given):
    ring, tag = ring_of(tenant, use)
    return client.post(f"/keys/rings/{ring.id}/rotate", {"expected": tag, "reason": "due", **given})


def rewrapped(client, tenant, use="tombstone"):
    """Rotate a ring and move its data keys, so that its first version wraps nothing."""
    from governance.pipeline.handlers import HANDLERS
    from governance.pipeline.working import work_for_all

    rotate(client, tenant, use)
    client.post(f"/keys/rings/{ring_of(tenant, use)[0].id}/rewrap")
    work_for_all(HANDLERS)
    return version_of(tenant, use)
