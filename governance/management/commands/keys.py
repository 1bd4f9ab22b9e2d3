"""`manage.py keys list|rotate --use USE --member NAME --code CODE`: key rings of a tenant."""

from argparse import ArgumentParser
from typing import Any

from governance.custody.rotation import rotate_ring
from governance.identity.scoping import tenant_scope
from governance.keys.data_keys import count_by_version
from governance.keys.models import KeyVersion
from governance.management.base import VaultCommand, add_member_arguments, current_time, member_principal, tenant_named


class Command(VaultCommand):
    help = "Show the key rings, or give one a new active version on behalf of a member."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=["list", "rotate"])
        parser.add_argument("--use", default="content", choices=["content", "redacted", "index"])
        add_member_arguments(parser)

    def act(self, options: dict[str, Any]) -> None:
        tenant = tenant_named(options["tenant"])
        if options["what"] == "rotate":
            number = rotate_ring(principal=member_principal(options), use=options["use"], now=current_time())
            self.show(options, {"use": options["use"], "version": number}, f"{options['use']}: version {number} is active")
            return
        with tenant_scope(tenant.id):
            counts = count_by_version()
            rows = [
                {"use": one.ring.use, "version": one.number, "state": one.state, "data_keys": counts.get(one.id, 0)}
                for one in KeyVersion.objects.select_related("ring").order_by("ring__use", "number")
            ]
        lines = [
            f"{row['use']:<10} version {row['version']}  {row['state']:<12} {row['data_keys']} data keys" for row in rows
        ]
        self.show(options, {"versions": rows}, "\n".join(lines))
