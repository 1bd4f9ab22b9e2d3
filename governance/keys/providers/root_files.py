"""The file of a `local:` root key: one line, in one of two forms.

    threadvault-root-1 KEY CHECK
    threadvault-root-2 scrypt:N:R:P:SALT WRAPPED CHECK

KEY is 32 bytes; WRAPPED is the same under a key that scrypt (RFC 7914) makes of a passphrase, bound to its parameters.
CHECK is the first eight bytes of HMAC-SHA256 under a key derived from the root key, so a half-written or edited file is
named as such. All bytes are in base64.
"""

import hmac
import os
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from governance.crypto.derivation import KEY_BYTES, KeyedHash
from governance.crypto.errors import CannotOpen
from governance.crypto.wrapping import WrappingKey, new_secret
from governance.keys.errors import ProviderFailed
from governance.keys.providers.secret_files import read_secret_file, write_secret_file

WHAT: Final = "The root key"
_PLAIN: Final = "threadvault-root-1"
_PROTECTED: Final = "threadvault-root-2"
_SETTING: Final = "THREADVAULT_ROOT_PASSPHRASE"
_SHORTEST: Final = 12


class Costs(NamedTuple):
    """Parameters of scrypt; 128 * n * r bytes of memory."""

    n: int
    r: int
    p: int


COSTS: Final = Costs(2**16, 8, 2)
_LEAST: Final = Costs(2**14, 8, 1)
_MOST: Final = Costs(2**20, 16, 16)  # A gigabyte and more is no key file of ours.


def create_root_key(path: Path, *, passphrase: str = "") -> bool:
    """Write a new root key to `path` (mode 0600, its folder 0700); return whether there was none. An existing file stays."""
    if path.exists():
        return False
    try:
        write_secret_file(path, _line(new_secret(), passphrase), replace=False)
    except FileExistsError:
        return False
    return True


def protect_root_key(path: Path, *, passphrase: str) -> bool:
    """Put an existing root key under the passphrase; return whether it was not yet. The key stays the same.

    Raises ProviderFailed for a file that is no root key, and for a passphrase that is too short or missing.
    """
    if not passphrase:
        raise ProviderFailed(f"Give the passphrase by {_SETTING}, or as a file by {_SETTING}_FILE.")
    data = read_secret_file(path, what=WHAT)
    if is_protected(data):
        decode_root_key(path, data, passphrase=passphrase)
        return False
    secret = decode_root_key(path, data)
    write_secret_file(path, _line(secret, passphrase), replace=True)
    return True


def decode_root_key(path: Path, data: bytes, *, passphrase: str = "") -> bytes:
    """Return the root key in `data`, the content of `path`. Raises ProviderFailed, which names what does not fit."""
    fields = data.decode("ascii", errors="replace").split()
    match fields:
        case [kind, key, check] if kind == _PLAIN:
            secret = _bytes(path, key)
        case [kind, made, wrapped, check] if kind == _PROTECTED:
            secret = _unprotect(path, made, _bytes(path, wrapped), passphrase)
        case _:
            raise ProviderFailed(f"{path} is not a root key file, or was written by half. Restore it from its backup.")
    if len(secret) != KEY_BYTES or not hmac.compare_digest(_check_value(secret), _bytes(path, check)):
        raise ProviderFailed(f"{WHAT} {path} is damaged: its check value does not fit. Restore it.")
    return secret


def is_protected(data: bytes) -> bool:
    """Return whether the content of a root key file is under a passphrase."""
    return data.startswith(_PROTECTED.encode())


def _line(secret: bytes, passphrase: str) -> bytes:
    check = b64encode(_check_value(secret)).decode()
    if not passphrase:
        return f"{_PLAIN} {b64encode(secret).decode()} {check}\n".encode()
    if len(passphrase) < _SHORTEST:
        raise ProviderFailed(f"{_SETTING} is too short: take {_SHORTEST} characters or more, by chance.")
    salt = os.urandom(16)
    made = f"scrypt:{COSTS.n}:{COSTS.r}:{COSTS.p}:{b64encode(salt).decode()}"
    wrapped = _under(passphrase, COSTS, salt).wrap(secret, made.encode())
    return f"{_PROTECTED} {made} {b64encode(wrapped).decode()} {check}\n".encode()


def _unprotect(path: Path, made: str, wrapped: bytes, passphrase: str) -> bytes:
    if not passphrase:
        raise ProviderFailed(f"{WHAT} {path} is under a passphrase: give it by {_SETTING}, or as a file by {_SETTING}_FILE.")
    kind, *numbers, salt = made.split(":")
    if kind != "scrypt" or len(numbers) != len(Costs._fields) or not all(one.isdigit() for one in numbers):
        raise ProviderFailed(f"{WHAT} {path} is damaged: its parameters cannot be read. Restore it.")
    costs = Costs(*map(int, numbers))
    in_bounds = all(low <= given <= high for low, given, high in zip(_LEAST, costs, _MOST, strict=True))
    if not in_bounds or costs.n & (costs.n - 1):
        raise ProviderFailed(f"{WHAT} {path} is damaged: its parameters are out of bounds. Restore it.")
    try:
        return _under(passphrase, costs, _bytes(path, salt)).unwrap(wrapped, made.encode())
    except CannotOpen:
        raise ProviderFailed(f"{WHAT} {path} does not open under {_SETTING}: it is another passphrase, or the file was"
                             " changed.") from None  # fmt: skip


def _under(passphrase: str, costs: Costs, salt: bytes) -> WrappingKey:
    return WrappingKey(Scrypt(salt=salt, length=KEY_BYTES, **costs._asdict()).derive(passphrase.encode()))


def _check_value(secret: bytes) -> bytes:
    return KeyedHash(secret, "key-check").digest(b"root")[:8]


def _bytes(path: Path, text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise ProviderFailed(f"{WHAT} {path} is damaged: not base64. Restore it from its backup.") from None
