"""The state folder: one place for everything that an embedded installation keeps, mode 0700.

.threadvault/  keys/ (root key, secrets)  pg18/ (data)  run/ (sockets, locks, services.json)  logs/
"""

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent.parent
LONGEST_SOCKET = 100


class RuntimeProblem(Exception):
    """Something that an operator can mend; its text is that one line."""


class StateFolder:
    """Paths of one installation; made on first use."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()

    @classmethod
    def from_environment(cls) -> "StateFolder":
        """Return the folder of THREADVAULT_HOME, by default `.threadvault` of the project."""
        return cls(Path(os.environ.get("THREADVAULT_HOME") or PROJECT / ".threadvault"))

    def make(self) -> None:
        """Make the folders. Only their owner may enter; PostgreSQL's own account may pass through where root runs it."""
        for folder in (self.home, self.keys, self.run, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.home.chmod(0o711 if os.geteuid() == 0 else 0o700)
        self.keys.chmod(0o700)
        self.logs.chmod(0o700)
        self.run.chmod(0o711 if os.geteuid() == 0 else 0o700)

    @property
    def keys(self) -> Path:
        """Key files."""
        return self.home / "keys"

    @property
    def run(self) -> Path:
        """Locks and what is running."""
        return self.home / "run"

    @property
    def logs(self) -> Path:
        """One log a process."""
        return self.home / "logs"

    @property
    def services_file(self) -> Path:
        """Which servers run, as JSON."""
        return self.run / "services.json"

    def server_home(self, inside: bool) -> Path:
        """Return where servers keep data: the home, or a folder that their account can reach where it cannot reach it."""
        if inside:
            return self.home
        short = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        return Path("/var/tmp") / f"threadvault-{os.geteuid()}-{short}"  # noqa: S108  # nosec B108 - owned and 0700 inside

    def sockets(self, name: str) -> Path:
        """Return the folder of the sockets of `name`; a path too long for a socket moves to the temporary folder."""
        inside = self.run / name
        if len(str(inside)) + 24 <= LONGEST_SOCKET:
            return inside
        short = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"threadvault-{os.geteuid()}-{short}" / name

    def read_services(self) -> dict[str, Any]:
        """Return what `write_services` wrote; empty where nothing did."""
        try:
            found = json.loads(self.services_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write_services(self, services: dict[str, Any]) -> None:
        """Replace the file in one step."""
        fresh = self.services_file.with_suffix(".new")
        fresh.write_text(json.dumps(services), encoding="utf-8")
        fresh.replace(self.services_file)

    @contextmanager
    def lock(self, name: str, *, shared: bool = False, wait: bool = True) -> Iterator[int]:
        """Hold the lock `name`; raises BlockingIOError where `wait` is off and somebody else holds it."""
        handle = os.open(self.run / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
            yield handle
        finally:
            os.close(handle)
