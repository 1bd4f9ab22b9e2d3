"""`manage.py drain [--workers N]`: works on everything that waits, in the foreground."""

import sys
from argparse import ArgumentParser
from typing import Any

from rich.console import Console
from rich.progress import Progress

from governance.management.base import VaultCommand
from governance.pipeline.draining import drain, waiting


class Command(VaultCommand):
    help = "Detect and redact everything that waits, in this process and its children."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--workers", type=int, default=2)

    def act(self, options: dict[str, Any]) -> None:
        total = waiting()
        with Progress(console=Console(file=sys.stderr), disable=options["as_json"]) as progress:
            task = progress.add_task("records", total=total)
            done = drain(
                workers=max(1, options["workers"]),
                on_progress=lambda left: progress.update(task, completed=max(0, total - left)),
            )
            progress.update(task, completed=total)
        text = f"{done['redacted']} redacted, {done['unscanned']} unscanned, {done['quarantined']} quarantined"
        self.show(options, done, text)
