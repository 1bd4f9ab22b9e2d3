"""Child processes that end with their parent, whatever ends it."""

import ctypes
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)  # Loaded before any fork: a child must not load libraries.
UNPRIVILEGED = "nobody"


def unprivileged_account() -> pwd.struct_passwd | None:
    """Return the account that servers run as where we are root; None where we are not."""
    return pwd.getpwnam(UNPRIVILEGED) if os.geteuid() == 0 else None


class Child:
    """A process in a session of its own; its output goes to a log file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        stop_signal: int = signal.SIGTERM,
        environment: Mapping[str, str] | None = None,
        unprivileged: bool = False,
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.stop_signal = stop_signal
        self.environment = dict(environment) if environment is not None else None
        self.account = unprivileged_account() if unprivileged else None
        self.cwd = cwd
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process."""
        with self.log.open("ab") as output:
            self.process = self._spawn(output)

    def _spawn(self, output: IO[bytes]) -> "subprocess.Popen[bytes]":
        # An account change clears the death signal, so it is set after it; both happen between fork and exec.
        account, parent = self.account, os.getpid()

        def prepare() -> None:
            if account is not None:
                os.setgroups([])
                os.setgid(account.pw_gid)
                os.setuid(account.pw_uid)
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL if account is None else self.stop_signal)
            if os.getppid() != parent:
                os._exit(1)

        return subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=self.environment,
            cwd=self.cwd,
            start_new_session=True,
            preexec_fn=prepare,  # noqa: PLW1509 - there is no other place between fork and exec
        )

    @property
    def pid(self) -> int:
        """The process id; 0 before the start."""
        return self.process.pid if self.process is not None else 0

    @property
    def alive(self) -> bool:
        """Whether it runs; a dead one is reaped."""
        return self.process is not None and self.process.poll() is None

    def stop(self, *, grace: float = 8.0) -> None:
        """Ask it to stop; after `grace` seconds end it and its session."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(timeout=grace)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=5)

    def tail(self, lines: int = 5) -> str:
        """Return the last lines of its log, for an error message."""
        try:
            return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


def wait_until(condition: Callable[[], bool], *, seconds: float, child: Child) -> bool:
    """Return True once `condition()` holds, False when `seconds` are over or the child has died."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        if not child.alive:
            return False
        time.sleep(0.02)
    return False
