"""The recovery key pair: the public key is a setting, the private one a file that is kept off every running installation.

The file is one line: `threadvault-recovery-1 clear|scrypt <private key, base64> <public key, base64>`, mode 0600. Under
`scrypt` the private key is wrapped by a passphrase (`crypto/passphrase.py`).
"""

import os
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Final

from governance.conf.settings import vault_settings
from governance.crypto.derivation import KEY_BYTES
from governance.crypto.errors import CannotOpen
from governance.crypto.hpke import RecipientKey
from governance.crypto.passphrase import lock, unlock
from governance.crypto.wrapping import new_secret
from governance.custody.recovery.errors import FileInTheWay, RecoveryKeyRefused

_MAGIC: Final = "threadvault-recovery-1"
_FIELDS: Final = 4
_CONTEXT: Final = b"recovery key"


def make_recovery_key(path: Path, *, passphrase: str = "") -> bytes:
    """Write a new private key to `path`, under the passphrase if there is one; return the public key.

    Raises FileInTheWay (an existing file is left as it is), RecoveryKeyRefused.
    """
    secret = new_secret()
    public = RecipientKey(secret).public
    kept = lock(secret, passphrase.encode(), _CONTEXT, public) if passphrase else secret
    line = f"{_MAGIC} {'scrypt' if passphrase else 'clear'} {b64encode(kept).decode()} {b64encode(public).decode()}\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise FileInTheWay(f"{path} exists; a recovery key is never written over another file.") from None
    except OSError as error:
        raise RecoveryKeyRefused(f"The recovery key {path} cannot be written ({error.strerror}).") from None
    with os.fdopen(handle, "w") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    return public


def is_locked(path: Path) -> bool:
    """Return whether the key in the file takes a passphrase. Raises RecoveryKeyRefused."""
    return _fields(path)[1] == "scrypt"


def read_recovery_key(path: Path, *, passphrase: str = "") -> RecipientKey:
    """Return the private key of a file. Raises RecoveryKeyRefused where it is none, or the passphrase is another."""
    _, form, kept, public = _fields(path)
    try:
        locked, expected = b64decode(kept, validate=True), b64decode(public, validate=True)
        key = RecipientKey(unlock(locked, passphrase.encode(), _CONTEXT, expected) if form == "scrypt" else locked)
    except CannotOpen:
        raise RecoveryKeyRefused(f"The passphrase does not open {path}.") from None
    except Exception:  # noqa: BLE001 - whatever it is, no byte of the file may stand in an error
        raise RecoveryKeyRefused(f"{path} is damaged; take another copy of the recovery key.") from None
    if key.public != expected:
        raise RecoveryKeyRefused(f"{path} is damaged: its two keys are no pair. Take another copy of it.")
    return key


def _fields(path: Path) -> list[str]:
    try:
        fields = path.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise RecoveryKeyRefused(f"The recovery key {path} cannot be read ({type(error).__name__}).") from None
    if len(fields) != _FIELDS or fields[0] != _MAGIC or fields[1] not in {"clear", "scrypt"}:
        raise RecoveryKeyRefused(f"{path} is not the private key of a recovery key pair.")
    return fields


def configured_public_key() -> bytes:
    """Return the public key of THREADVAULT_RECOVERY_PUBLIC_KEY, hexadecimal or base64. Raises RecoveryKeyRefused."""
    text = vault_settings().recovery_public_key.strip()
    if not text:
        raise RecoveryKeyRefused("Set THREADVAULT_RECOVERY_PUBLIC_KEY; `manage.py backup keygen FILE` makes a pair.")
    try:
        public = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else b64decode(text, validate=True)
    except ValueError:
        public = b""
    if len(public) != KEY_BYTES:
        raise RecoveryKeyRefused("THREADVAULT_RECOVERY_PUBLIC_KEY is no public key: 32 bytes, hexadecimal or base64.")
    return public
