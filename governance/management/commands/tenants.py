"""`manage.py tenants list`: the tenants of this installation; `setup` makes one."""

from argparse import ArgumentParser
from typing import Any

from governance.identity.models import Membership, Tenant
from governance.management.base import VaultCommand


class Command(VaultCommand):
    help = "List the tenants. Make one with its first security officer: manage.py setup."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=["list"])

    def act(self, options: dict[str, Any]) -> None:
        rows = [
            {
                "slug": tenant.slug,
                "name": tenant.name,
                "id": str(tenant.id),
                "members": Membership.objects.filter(tenant=tenant, ended_at=None).values("user").distinct().count(),
            }
            for tenant in Tenant.objects.all()
        ]
        lines = [f"{row['slug']:<24}{row['members']:>4} members  {row['name']}" for row in rows]
        self.show(options, {"tenants": rows}, "\n".join(lines) or "no tenants; make one: manage.py setup")
