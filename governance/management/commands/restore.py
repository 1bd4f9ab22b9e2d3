"""`manage.py restore FILE --recovery-key FILE`: a backup into an empty database, wholly or not at all."""

import time
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from governance.custody.recovery.restoring import restore_backup
from governance.management.base import VaultCommand, operator
from governance.management.recovery import add_key_arguments, recovery_key

_BEFORE = (
    "Before anybody works here: what was taken away since then is back (people who were erased, roles, tokens, holds that"
    " were released, states of keys). docs/keys.md says what to do."
)


class Command(VaultCommand):
    help = "Restore a backup into an empty database, verify it, and record it."
    requires_system_checks: list[str] = []  # The root key may still be inside the backup.

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)
        add_key_arguments(parser)

    def act(self, options: dict[str, Any]) -> None:
        began = time.monotonic()
        done = restore_backup(
            path=options["file"], recovery=recovery_key(options), actor=operator(), signed_by=options["signed_by"]
        )
        seconds = round(time.monotonic() - began, 1)
        lines = [
            f"Restored in {seconds} s: {done.rows} rows of {done.tenants} tenants, as of {done.created}.",
            f"  {done.chains} chains verify to the heads of the backup: {done.entries} entries.",
            f"  Opened for the proof: {done.data_keys} data keys, {done.envelopes} envelopes.",
            f"  Signed by {done.signed_by or 'nobody'}: compare it with the public key that you have of the record.",
            *(f"  key file {file}" for file in done.files),
            *(f"  versions of keys name {uri}: list it among the key providers" for uri in done.providers),
            _BEFORE,
        ]
        self.show(options, {**asdict(done), "seconds": seconds}, "\n".join(lines))
