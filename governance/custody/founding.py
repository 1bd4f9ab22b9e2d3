"""Founds a tenant: rings with active keys, purposes, policies and the service accounts that its path needs."""

from datetime import datetime
from pathlib import Path

from django.db import transaction

from governance.access.policies import seed_policies
from governance.access.purposes import seed_purposes
from governance.audit.recording import record_now
from governance.conf.settings import vault_settings
from governance.identity.members import add_member, create_service
from governance.identity.models import Tenant
from governance.identity.roles import Role
from governance.identity.scoping import tenant_scope
from governance.keys.providers.local import create_root_key
from governance.keys.rings import create_rings, fresh_rings


def ensure_root_key() -> None:
    """Make the root key of the embedded installation before its first tenant; other root keys are made by an operator.

    One that is lost later is never made anew: what was wrapped under it would look as if somebody had changed it.
    """
    given = vault_settings()
    if given.embedded and not given.root_key and not Tenant.objects.exists():
        create_root_key(Path(given.root_key_uri.removeprefix("local:")), passphrase=given.root_passphrase)


def found_tenant(*, slug: str, name: str, now: datetime, actor: dict[str, str]) -> Tenant:
    """Make a tenant that can take its first message.

    Raises IntegrityError where the slug is taken, and ProviderFailed, before anything is stored, where no key can be made.
    """
    ensure_root_key()
    tenant = Tenant(slug=slug, name=name)
    fresh = fresh_rings(tenant.id)
    with transaction.atomic():
        tenant.save(force_insert=True)
    with tenant_scope(tenant.id):
        seed_purposes(tenant.id)
        seed_policies(tenant=tenant.id, now=now)
        create_rings(tenant=tenant.id, fresh=fresh, now=now)
    record_now(tenant=tenant.id, event="tenant.created", **actor, slug=slug)
    for role in (Role.WORKER, Role.PRODUCER):
        add_member(tenant=tenant, user=create_service(tenant=tenant, role=role), role=role, actor=actor)
    return tenant
