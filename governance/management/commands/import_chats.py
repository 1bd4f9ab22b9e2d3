"""`manage.py import_chats PATH... --collection NAME`: takes chat files in."""

import sys
from argparse import ArgumentParser
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from governance.identity.members import service_principal
from governance.identity.roles import Role
from governance.ingest.formats.recognising import NAMES
from governance.ingest.importing import ImportReport, import_file
from governance.management.base import VaultCommand, current_time, tenant_named


class Command(VaultCommand):
    help = "Import chat files; the format is recognised from the content."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument("--collection", required=True)
        parser.add_argument("--format", default="auto", choices=["auto", *NAMES])

    def act(self, options: dict[str, Any]) -> None:
        tenant = tenant_named(options["tenant"])
        actor = service_principal(tenant=tenant.id, role=Role.PRODUCER, purpose="")
        reports = []
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(file=sys.stderr), disable=options["as_json"]) as progress:
            for path in options["paths"]:
                size = path.stat().st_size if path.is_file() else 0
                task = progress.add_task(path.name, total=size or None)
                reports.append(
                    import_file(
                        path=path,
                        collection=options["collection"],
                        format=options["format"],
                        actor=actor,
                        clock=current_time,
                        on_bytes=partial(progress.advance, task),
                    )
                )
        self._finish(options, reports)

    def _finish(self, options: dict[str, Any], reports: list[ImportReport]) -> None:
        lines = [
            f"{r.file}: {r.conversations} conversations, {r.messages} messages, {r.duplicates} known, {r.refused} refused"
            for r in reports
        ]
        for report in reports:
            for error in report.errors:
                self.stderr.write(error)
        self.show(options, {"files": [asdict(report) for report in reports]}, "\n".join(lines))
        if any(report.refused for report in reports):
            raise CommandError("Some items were refused; the lines above name them. The others are stored.")
