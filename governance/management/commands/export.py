"""`manage.py export FILE --member NAME --purpose P [--format F --collection C]`: redacted conversations into a file."""

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from django.core.management.base import CommandError

from governance.management.base import VaultCommand, add_member_arguments, current_time, member_principal
from governance.privacy.export_forms import FORMS
from governance.vault.exporting import Export, Wanted, begin

OWNER_ONLY = 0o600


class Command(VaultCommand):
    help = (
        "Write redacted conversations to FILE, one a line, and FILE.manifest.json beside it (counts, policies, SHA-256)."
        " --format openai-jsonl with --purpose training makes data for fine-tuning of one collection."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_member_arguments(parser)
        parser.add_argument("file", type=Path, help="a file that is not there yet; only its owner may read it")
        parser.add_argument("--purpose", required=True)
        parser.add_argument("--format", choices=list(FORMS), default="ndjson")
        parser.add_argument("--collection", default="", help="of this collection only; openai-jsonl needs it")
        parser.add_argument("--after", type=UUID, help="go on: `next` of the manifest before")
        parser.add_argument("--limit", type=int, help="at most so many conversations")
        parser.add_argument("--reason", default="")

    def act(self, options: dict[str, Any]) -> None:
        form = FORMS[options["format"]]
        if form.purpose and not options["collection"]:
            raise CommandError(f"Name the collection that is exported as {form.name}: --collection NAME.")
        wanted = Wanted(
            form=form, collection=options["collection"], after=options["after"], limit=options["limit"],
            reason=options["reason"],
        )  # fmt: skip
        target: Path = options["file"]
        beside = target.with_name(target.name + ".manifest.json")
        export = begin(principal=member_principal(options), purpose=options["purpose"], wanted=wanted, now=current_time())
        with _new(target) as lines, _new(beside) as manifest:
            told = _write(export, lines)
            manifest.write(json.dumps(told, ensure_ascii=False, indent=2).encode() + b"\n")
        if told["because"]:
            raise CommandError(f"The export ended early; go on with --after {told['next']}. [{told['because']}]")
        text = f"{told['conversations']} conversations, SHA-256 {told['sha256']}; see {beside.name}."
        self.show(options, told, text)


def _new(path: Path) -> IO[bytes]:
    """Open a file that is not there yet, for its owner alone. Raises CommandError."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb")
    except FileExistsError:
        raise CommandError(f"{path} is there already; name another file.") from None
    except OSError as error:
        raise CommandError(f"{path} cannot be made: {error.strerror}.") from None


def _write(export: Export, lines: IO[bytes]) -> dict[str, Any]:
    for line in export.lines():
        lines.write(line)
    return export.manifest.as_facts()
