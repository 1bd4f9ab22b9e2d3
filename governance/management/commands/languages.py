"""`manage.py languages extract|check`: keeps the catalogue of translations at what the source says."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from governance.management.base import VaultCommand
from governance.management.catalogue import file, keep_up, missing


class Command(VaultCommand):
    help = "Bring the catalogue of translations to what the source says, or say what it lacks."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=["extract", "check"])

    def act(self, options: dict[str, Any]) -> None:
        if options["what"] == "extract":
            new, gone = keep_up()
            self.show(options, {"new": new, "gone": gone}, f"{file()}: {new} new strings, {gone} are gone.")
        elif faults := missing():
            raise CommandError("\n".join(faults))
        else:
            self.show(options, {"missing": []}, "The catalogue is whole.")
