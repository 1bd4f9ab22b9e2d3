"""`manage.py assess scan [--text TEXT...]`: sends a sentinel down the path, then looks for it in every sink."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from governance.assess.installation import sinks
from governance.assess.scanning import scan
from governance.assess.sentinels import new_sentinel
from governance.identity.members import service_principal
from governance.identity.roles import Role
from governance.ingest.formats.recognising import parse_item
from governance.ingest.receiving import Batch, receive
from governance.management.base import VaultCommand, current_time, tenant_named
from governance.pipeline.running import run_classification


class Command(VaultCommand):
    help = "Prove that planted controls are found in every sink and form, then look for a sentinel that took the path."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=["scan"])

    def act(self, options: dict[str, Any]) -> None:
        places = sinks()
        tenant = tenant_named(options["tenant"])
        sentinel = new_sentinel()
        item = {"collection": "sentinels", "title": sentinel, "messages": [{"role": "user", "content": sentinel}]}
        actor = service_principal(tenant=tenant.id, role=Role.PRODUCER, purpose="")
        receive(actor=actor, batch=Batch([parse_item(item)]), idempotency_key="", now=current_time())
        run_classification(tenant.id)
        report = scan(sentinels=[sentinel], sinks=places)
        lines = [f"{len(report.sinks)} sinks, {report.controls} controls planted, {len(report.blind)} not found"]
        lines += [f"  blind: {place}" for place in report.blind] + [f"  LEAK: {place}" for place in report.leaks]
        lines.append("no leak" if report.clean else "see above")
        self.show(options, asdict(report), "\n".join(lines))
        if not report.clean:
            raise CommandError("The scan found a leak, or was blind somewhere.")
