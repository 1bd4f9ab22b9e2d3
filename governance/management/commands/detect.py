"""`manage.py detect PATH|-`: what a text holds. Stores and logs nothing, needs no database."""

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import CommandError

from governance.management.base import VaultCommand, inert
from governance.privacy.detecting import LARGEST_TEXT, Detected, detect, predictions


class Command(VaultCommand):
    help = (
        "PATH or - for standard input: what is found, and the text redacted. --spans: a JSON line for each line of a file."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("path", help="a file in UTF-8, or - for standard input")
        parser.add_argument("--spans", action="store_true", help="read lines with id and text, print spans for each")

        parser.add_argument("--plugin", action="store_true", help="ask the detector of your own as well")

    def act(self, options: dict[str, Any]) -> None:
        with opened(options["path"]) as source:
            if options["spans"]:
                for row in predictions(source):
                    self.stdout.write(inert(json.dumps(row, ensure_ascii=False), kept=""))
                return
            text = source.read(LARGEST_TEXT + 1)
        if len(text) > LARGEST_TEXT:
            raise CommandError(f"The text has more than {LARGEST_TEXT:,} characters; cut it, or use lines and --spans.")
        found = detect(text, plugin=options["plugin"])
        self.show(options, found.as_facts(), told(found))


@contextmanager
def opened(path: str) -> Iterator[TextIO]:
    """Open a file or standard input as UTF-8. Raises CommandError that names it."""
    try:
        if path == "-":
            sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # a text stream, not only its protocol
            yield sys.stdin
        else:
            with Path(path).open(encoding="utf-8") as file:
                yield file
    except UnicodeDecodeError as error:
        raise CommandError(f"{path}: not UTF-8 at byte {error.start}.") from None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}.") from None


def told(found: Detected) -> str:
    """Return the redacted text, a line for each finding, and the counts."""
    counts = ", ".join(f"{kind} {count}" for kind, count in sorted(Counter(str(one.type) for one in found.findings).items()))
    lines = [f"{one.start:>8} {one.end:>8}  {one.type:<12} {one.tier:<11} {one.rule}" for one in found.findings]
    text = found.redacted if isinstance(found.redacted, str) else json.dumps(found.redacted, ensure_ascii=False)
    return "\n".join([text.rstrip("\n"), "", *lines, counts or "nothing found"])
