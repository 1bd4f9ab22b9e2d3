"""What `backup` and `restore` share: the recovery key file and its passphrase, which is never an argument of a process."""

from argparse import ArgumentParser
from collections.abc import Mapping
from getpass import getpass
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from governance.crypto.hpke import RecipientKey
from governance.custody.recovery.recovery_keys import is_locked, read_recovery_key


def add_key_arguments(parser: ArgumentParser) -> None:
    """Add what names the private key, and who must have signed."""
    parser.add_argument("--recovery-key", type=Path, help="file of the private recovery key")
    parser.add_argument("--passphrase-file", type=Path, help="its first line is the passphrase; else it is asked for")
    parser.add_argument("--signed-by", default="", help="public key, hexadecimal, that must have signed the backup")


def recovery_key(options: Mapping[str, Any]) -> RecipientKey:
    """Return the private key that the options name. Raises CommandError, RecoveryKeyRefused."""
    path: Path | None = options["recovery_key"]
    if path is None:
        raise CommandError("Name the file of the private recovery key: --recovery-key FILE.")
    return read_recovery_key(path, passphrase=_passphrase(options) if is_locked(path) else "")


def new_passphrase(options: Mapping[str, Any]) -> str:
    """Return the passphrase for a new key: of the file, or asked for twice, or none. Raises CommandError."""
    if options["passphrase_file"]:
        return _passphrase(options)
    if not options["passphrase"]:
        return ""
    first = getpass("Passphrase: ")
    if not first or getpass("Again: ") != first:
        raise CommandError("The two are not the same, or empty; nothing was written.")
    return first


def _passphrase(options: Mapping[str, Any]) -> str:
    path: Path | None = options["passphrase_file"]
    if path is None:
        return getpass("Passphrase of the recovery key: ")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise CommandError(f"The passphrase file cannot be read ({type(error).__name__}).") from None
    if not lines or not lines[0]:
        raise CommandError("The first line of the passphrase file is empty.")
    return lines[0]
