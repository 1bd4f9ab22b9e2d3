"""The key files of an installation: what of them a backup takes along, and their way back onto an empty host.

A root key of `local:` is needed to open anything at all; of the state folder's own secrets, the audit key signs on and the
others let demo people and sessions work. A file that is there with other content is never written over.
"""

import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from governance.conf.settings import vault_settings
from governance.custody.recovery.errors import FileInTheWay, RecoveryError
from governance.keys.providers import forget_providers

LOCAL: Final = "local:"
_OWN: Final = ("audit.key", "django.secret", "demo.json")


def collect(uris: Iterable[str], *, listed: Iterable[str] = (), root_keys: bool) -> dict[str, Any]:
    """Return the key files as text: those of the `local:` URIs where `root_keys`, and the state folder's own secrets.

    Of the `listed` URIs, those whose files are there: they may open second factors. Raises RecoveryError where the file of
    another root key cannot be read.
    """
    there = {uri for uri in listed if uri.startswith(LOCAL) and Path(uri.removeprefix(LOCAL)).is_file()}
    wanted = [uri for uri in sorted({*uris, *there}) if uri.startswith(LOCAL)] if root_keys else []
    folder = _folder()
    own = [folder / name for name in _OWN if vault_settings().embedded and (folder / name).is_file()]
    return {
        "root_keys": {uri: _read(Path(uri.removeprefix(LOCAL))) for uri in wanted},
        "own": {path.name: _read(path) for path in own},
    }


def _folder() -> Path:
    return vault_settings().home.absolute() / "keys"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecoveryError(f"The key file {path} cannot be read ({type(error).__name__}); no backup was made.") from None


def places(root_key: str, uris: Iterable[str]) -> dict[str, str]:
    """Return where each provider of the backup is on this host, by its URI in the backup.

    The root key of then becomes the one that is configured now where both are files; an older file comes beside it.
    """
    now = vault_settings().root_key_uri
    found = {uri: uri for uri in uris}
    if root_key.startswith(LOCAL) and now.startswith(LOCAL):
        found[root_key] = now
    beside = Path(now.removeprefix(LOCAL)).parent if now.startswith(LOCAL) else _folder()
    taken = {now}
    for uri in sorted(one for one in found if one.startswith(LOCAL) and one != root_key):
        name = Path(uri.removeprefix(LOCAL)).name
        while (place := f"{LOCAL}{beside / name}") in taken:
            name = f"earlier-{name}"
        found[uri] = place
        taken.add(place)
    return found


class Placed:
    """Key files that were written; `undo` takes them back, where the restore fails."""

    def __init__(self) -> None:
        self.written: list[Path] = []
        self._aside: list[tuple[Path, Path]] = []

    def undo(self) -> None:
        """Leave the files as they were."""
        for path in self.written:
            path.unlink(missing_ok=True)
        for path, kept in self._aside:
            kept.replace(path)
        forget_providers()

    def root(self, path: Path, text: str) -> None:
        """Write a root key. Raises FileInTheWay where another one is there: something may need it."""
        if path.exists() and _read(path) != text:
            raise FileInTheWay(f"{path} is another root key than that of the backup; move it away, and keep it.")
        self._write(path, text)

    def own(self, path: Path, text: str) -> None:
        """Write a secret of the state folder; one that this start has made is put aside."""
        if path.exists() and _read(path) != text:
            kept = path.with_name(f"{path.name}.before-restore-{secrets.token_hex(4)}")
            path.rename(kept)
            self._aside.append((path, kept))
        self._write(path, text)

    def _write(self, path: Path, text: str) -> None:
        if path.exists():
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            self.written.append(path)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())


def place_files(found: Mapping[str, Any], *, at: Mapping[str, str], placed: Placed) -> None:
    """Write the key files of a backup. Raises FileInTheWay, RecoveryError; the caller then undoes what `placed` has."""
    try:
        for uri, text in found["root_keys"].items():
            placed.root(Path(at[uri].removeprefix(LOCAL)), text)
        for name, text in found["own"].items():
            if name in _OWN:
                placed.own(_folder() / name, text)
    except OSError as error:
        raise RecoveryError(f"A key file cannot be written: {error.filename} ({error.strerror}).") from None
    forget_providers()
