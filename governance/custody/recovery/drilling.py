"""The drill: restores a backup on an empty state folder with servers of its own, verifies the record, and takes the time.

It runs the commands that a person would type at night, in processes of their own, and removes the folder afterwards. For as
long as it lasts, that folder holds what a restored installation holds, its root key too: run it where that may lie.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from governance.conf.settings import PREFIX
from governance.custody.recovery.errors import RecoveryError
from governance.runtime.state import PROJECT

_HIDDEN: Final = frozenset({"DATABASE_URL", "DATABASE_OWNER_URL", "BROKER_URL", "DJANGO_SETTINGS_MODULE", "VIRTUAL_ENV"})
_KEPT: Final = (f"{PREFIX}ROOT_PASSPHRASE", f"{PREFIX}KEY_PROVIDERS")


@dataclass(frozen=True, slots=True)
class Drilled:
    """How long it took, and what was restored and verified."""

    restore_seconds: float
    verify_seconds: float
    restored: dict[str, Any]
    chains: int
    envelopes: int


def drill(
    *, path: Path, recovery_key: Path, passphrase_file: Path | None, folder: Path | None, root_key: str = ""
) -> Drilled:
    """Restore `path` on an empty state below `folder` (by default the temporary folder) and verify it.

    `root_key` is the URI for a backup without root key. Raises RecoveryError with what the failing command said.
    """
    home = Path(tempfile.mkdtemp(prefix="threadvault-drill-", dir=folder))
    home.chmod(0o711)
    try:
        passphrase = ["--passphrase-file", str(passphrase_file.absolute())] if passphrase_file else []
        began = time.monotonic()
        key = str(recovery_key.absolute())
        restored = _manage(home, root_key, ["restore", str(path.absolute()), "--recovery-key", key, *passphrase])
        between = time.monotonic()
        verified = _manage(home, root_key, ["verify_audit", "--content"])
        ended = time.monotonic()
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return Drilled(
        round(between - began, 1), round(ended - between, 1), restored, len(verified["chains"]),
        sum(chain.get("content", {}).get("envelopes", 0) for chain in verified["chains"]),
    )  # fmt: skip


def _variables(home: Path, root_key: str) -> dict[str, str]:
    """Return the environment of an empty host, with what opens root keys and nothing else of this installation."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _HIDDEN and (not name.startswith(PREFIX) or name.startswith(_KEPT))
    }
    kept[f"{PREFIX}HOME"] = str(home / "state")
    return {**kept, f"{PREFIX}ROOT_KEY": root_key} if root_key else kept


def _manage(home: Path, root_key: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Run a command on the state folder and return what it says."""
    done = subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, "manage.py", *arguments, "--json"],
        cwd=PROJECT,
        env=_variables(home, root_key),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise RecoveryError(f"The drill failed at `{arguments[0]}`: {last}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
