"""`local:/path`: a root key in a file of mode 0600, owned by who runs the application.

The file is one line: `threadvault-root-1 <key, base64> <key-check value, base64>`. The check value is the first eight
bytes of HMAC-SHA256 under a key derived from the root key, so a half-written or edited file is named as such.
"""

import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path

from governance.crypto.derivation import KEY_BYTES, KeyedHash
from governance.crypto.errors import CannotOpen
from governance.crypto.wrapping import WrappingKey, new_secret
from governance.keys.errors import ProviderFailed

_MAGIC = "threadvault-root-1"
_FIELDS = 3


def _check_value(secret: bytes) -> bytes:
    return KeyedHash(secret, "key-check").digest(b"root")[:8]


def create_root_key(path: Path) -> None:
    """Write a new root key to `path` (mode 0600, its folder 0700). An existing file is left as it is."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists():
        return
    secret = new_secret()
    line = f"{_MAGIC} {b64encode(secret).decode()} {b64encode(_check_value(secret)).decode()}\n"
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)  # Never replaces a key that another process has just made.
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def _read(path: Path) -> bytes:
    try:
        status = path.stat()
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise ProviderFailed(
            f"The root key {path} is missing. Restore it from its backup; without it no text opens."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ProviderFailed(f"The root key {path} cannot be read ({type(error).__name__}).") from None
    if status.st_mode & 0o077 or status.st_uid != os.geteuid():
        raise ProviderFailed(f"The root key {path} must belong to this account alone: chown it and chmod 600.")
    fields = text.split()
    if len(fields) != _FIELDS or fields[0] != _MAGIC:
        raise ProviderFailed(f"{path} is not a root key file, or was written by half. Restore it from its backup.")
    return _decode(path, fields[1], fields[2])


def _decode(path: Path, key: str, check: str) -> bytes:
    try:
        secret, expected = b64decode(key, validate=True), b64decode(check, validate=True)
    except ValueError:
        raise ProviderFailed(f"The root key {path} is damaged: not base64. Restore it from its backup.") from None
    if len(secret) != KEY_BYTES or not hmac.compare_digest(_check_value(secret), expected):
        raise ProviderFailed(f"The root key {path} is damaged: its check value does not fit. Restore it.")
    return secret


class LocalProvider:
    """A root key in a file, read once."""

    def __init__(self, place: str) -> None:
        self.uri = f"local:{place}"
        self._path = Path(place)
        self._key = WrappingKey(_read(self._path))

    def wrap(self, secret: bytes, context: Mapping[str, str]) -> bytes:
        """Return `secret` wrapped and bound to `context`."""
        return self._key.wrap(secret, *_context(context))

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Return the secret. Raises ProviderFailed where key or context are others."""
        try:
            return self._key.unwrap(wrapped, *_context(context))
        except CannotOpen:
            raise ProviderFailed(
                f"The root key {self._path} does not open this key version: it is another key, or the row was changed."
            ) from None

    def describe(self) -> str:
        """Return kind and place."""
        return f"local file {self._path}"

    def health(self) -> None:
        """Read and check the file again."""
        _read(self._path)

    def __repr__(self) -> str:
        return f"LocalProvider({str(self._path)!r})"


def _context(context: Mapping[str, str]) -> list[bytes]:
    return [f"{name}={context[name]}".encode() for name in sorted(context)]
