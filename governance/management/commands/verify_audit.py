"""`manage.py verify_audit [--content]`: checks the chain, and that every sealed value is the one recorded."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from governance.audit.canonical import SYSTEM
from governance.audit.verifying import ChainReport, verify_chain
from governance.identity.models import Tenant
from governance.identity.scoping import tenant_scope
from governance.management.base import VaultCommand, tenant_named
from governance.vault.comparing import verify_content


class Command(VaultCommand):
    help = "Verify the audit trail of one tenant or all; with --content also the stored envelopes against it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--content", action="store_true")

    def act(self, options: dict[str, Any]) -> None:
        tenants = [tenant_named(options["tenant"])] if options["tenant"] else list(Tenant.objects.all())
        results, lines, broken = [], [], False
        for name, tenant in [("system", SYSTEM), *((tenant.slug, tenant.id) for tenant in tenants)]:
            with tenant_scope(tenant, using="audit"):
                chain = verify_chain(tenant=tenant)
            result: dict[str, Any] = {"tenant": name, **asdict(chain), "head": chain.head.hex()}
            line = _line(name, chain)
            broken |= not chain.whole
            if options["content"] and tenant != SYSTEM:
                with tenant_scope(tenant):
                    content = verify_content(tenant=tenant)
                result["content"] = {"envelopes": content.envelopes, "faults": content.faults}
                line += f"; {content.envelopes} envelopes, {len(content.faults)} faults"
                lines += [f"  {fault}" for fault in content.faults[:20]]
                broken |= bool(content.faults)
            results.append(result)
            lines.insert(0, line)
        self.show(options, {"chains": results}, "\n".join(lines))
        if broken:
            raise CommandError("The record is not whole; the lines above name the first bad place.")


def _line(name: str, chain: ChainReport) -> str:
    state = "whole" if chain.whole else f"BROKEN at entry {chain.bad_sequence}: {chain.fault}"
    return f"{name}: {chain.entries} entries, head {chain.head.hex()[:16]}, self-attested, {state}"
