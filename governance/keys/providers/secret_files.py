"""Files that hold a secret of this machine: mode 0600, owned by who runs the application, written whole or not at all."""

import os
import stat
from pathlib import Path

from governance.keys.errors import ProviderAway, ProviderFailed

_LONGEST = 4096


def read_secret_file(path: Path, *, what: str) -> bytes:
    """Return the bytes of the file; mode and owner are those of the descriptor that is read.

    Raises ProviderAway where it is missing or cannot be read, ProviderFailed where others may read it.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            data = file.read(_LONGEST + 1)
    except FileNotFoundError:
        raise ProviderAway(f"{what} {path} is missing. Restore it from its backup; without it no text opens.") from None
    except OSError as error:
        raise ProviderAway(f"{what} {path} cannot be read ({type(error).__name__}).") from None
    if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077 or status.st_uid != os.geteuid():
        raise ProviderFailed(f"{what} {path} must be a file of this account alone: chown it and chmod 600.")
    return data


def write_secret_file(path: Path, data: bytes, *, replace: bool) -> None:
    """Write the file with mode 0600, on the disk before it has its name. Raises FileExistsError unless it may replace."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    try:
        if replace:
            fresh.replace(path)
        else:
            os.link(fresh, path)  # Never replaces a key that another process has just made.
    finally:
        fresh.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
