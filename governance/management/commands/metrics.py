"""`manage.py metrics`: serves what Prometheus scrapes on an inner port; for the operator's network, never for users."""

import os
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

from governance.conf.settings import vault_settings
from governance.management.base import VaultCommand
from governance.pipeline.measuring import VaultCollector


class Command(VaultCommand):
    help = "Serve metrics on THREADVAULT_METRICS_ADDRESS (by default 127.0.0.1:9464); --once prints them and ends."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--once", action="store_true", help="print one scrape")

    def act(self, options: dict[str, Any]) -> None:
        registry = registry_of()
        if options["once"]:
            self.stdout.write(generate_latest(registry).decode())
            return
        host, _, port = vault_settings().metrics_address.rpartition(":")
        try:
            start_http_server(int(port), addr=host.strip("[]"), registry=registry)
        except (OSError, ValueError) as error:
            raise CommandError(
                f"{host}:{port} does not open ({type(error).__name__}); set THREADVAULT_METRICS_ADDRESS."
            ) from None
        self.stderr.write(f"metrics at http://{host}:{port}/metrics")
        threading.Event().wait()


def registry_of() -> CollectorRegistry:
    """Return what is exported: the counts of all processes, and the state of the database."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types here
    registry.register(VaultCollector())
    return registry
