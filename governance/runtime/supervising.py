"""`make run`: starts everything in order, keeps it running, stops it in reverse.

Order: state lock, port check, PostgreSQL, broker, migrations, seed, then web, worker and schedule. A child that dies is
started again with a growing pause; Ctrl-C and SIGTERM stop all within ten seconds.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from types import FrameType

from governance.runtime.children import Child, wait_until
from governance.runtime.services import Servers, Services, announce
from governance.runtime.state import PROJECT, RuntimeProblem, StateFolder

LONGEST_PAUSE = 10.0


def say(text: str) -> None:
    """Print one line of progress."""
    print(text, flush=True)


def port_of_environment() -> int:
    """Return PORT, by default 8000. Raises RuntimeProblem where it is no port."""
    given = os.environ.get("PORT", "8000")
    if not given.isdigit() or not 1 <= int(given) <= 65535:  # noqa: PLR2004 - the range of ports
        raise RuntimeProblem(f"PORT={given} is not a port; name a number from 1 to 65535.")
    return int(given)


def check_port(port: int) -> None:
    """Raise RuntimeProblem where something listens on the port already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise RuntimeProblem(f"Port {port} is taken; choose another: PORT={port + 1} make run") from None


class Watched:
    """A child with its pause before the next start."""

    def __init__(self, child: Child, start: Callable[[], None]) -> None:
        self.child = child
        self.start = start
        self.pause = 0.25
        self.next_start = 0.0

    def keep(self) -> None:
        """Start it again where it has died and its pause is over."""
        if self.child.alive:
            return
        now = time.monotonic()
        if not self.next_start:
            say(f"  {self.child.name} ended; starting it again (log: {self.child.log})")
            self.next_start = now + self.pause
            self.pause = min(self.pause * 2, LONGEST_PAUSE)
        if now >= self.next_start:
            self.next_start = 0.0
            self.start()


class Supervisor:
    """One running installation."""

    def __init__(self, state: StateFolder) -> None:
        self.state = state
        self.port = port_of_environment()
        self.watched: list[Watched] = []
        self.stopping = False

    def run(self) -> None:
        """Run until a signal. Raises RuntimeProblem before anything was started, or where something does not start."""
        check_port(self.port)
        self.state.make()
        try:
            with self.state.lock("running", wait=False):
                self._serve()
        except BlockingIOError:
            raise RuntimeProblem(
                f"Another copy runs on {self.state.home}; stop it, or choose another THREADVAULT_HOME."
            ) from None

    def _serve(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        servers = Servers(self.state)
        try:
            with self.state.lock("start"):
                self._start_servers(servers)
                services = servers.services(started=True)
                announce(self.state, services)
            environment = self._environment(services)
            self._prepare(environment, services)
            self._start_children(environment)
            self._show(environment, services)
            self._watch()
        finally:
            self._shut(servers)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.stopping:
            return
        self.stopping = True
        say("\nStopping ...")

    def _start_servers(self, servers: Servers) -> None:
        for name, server in (("PostgreSQL", servers.postgres), ("broker", servers.valkey)):
            if server is None:
                say(f"· {name}: the one that the environment names")
                continue
            began = time.monotonic()
            server.start()
            say(f"· {name} started ({time.monotonic() - began:.1f} s)")
            if server.child is not None:
                self.watched.append(Watched(server.child, server.child.start))

    def _environment(self, services: Services) -> dict[str, str]:
        environment = {**os.environ, **services.environment(self.state.home), "PYTHONUNBUFFERED": "1"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # Each start would compile everything again.
        settings = "settings.dev" if services.embedded else "settings.production"
        environment.setdefault("DJANGO_SETTINGS_MODULE", settings)
        environment["PORT"] = str(self.port)
        return environment

    def _manage(self, environment: dict[str, str], *arguments: str, show: bool = False) -> None:
        done = subprocess.run(
            [sys.executable, str(PROJECT / "manage.py"), *arguments],
            env=environment, cwd=PROJECT, check=False, capture_output=not show, text=True,
        )  # fmt: skip
        if done.returncode:
            detail = "" if show else f": {(done.stderr.strip().splitlines() or ['no output'])[-1]}"
            raise RuntimeProblem(f"manage.py {' '.join(arguments)} failed{detail}")

    def _prepare(self, environment: dict[str, str], services: Services) -> None:
        began = time.monotonic()
        self._manage(environment, "migrate", "--database", "owner", "--no-input", "-v", "0")
        say(f"· tables are up to date ({time.monotonic() - began:.1f} s)")
        if services.embedded or os.environ.get("THREADVAULT_DEMO") == "1":
            began = time.monotonic()
            self._manage(environment, "demo", "seed")
            say(f"· demo tenant, people and sample chats are there ({time.monotonic() - began:.1f} s)")

    def _start_children(self, environment: dict[str, str]) -> None:
        python, logs = sys.executable, self.state.logs
        commands = {
            "web": [
                python, "-m", "gunicorn", "settings.wsgi:application", "-k", "gthread", "-w", "2", "--threads", "4",
                "-b", f"127.0.0.1:{self.port}", "--graceful-timeout", "5", "--no-control-socket",
            ],
            "worker": [
                python, "-m", "celery", "-A", "settings.celery", "worker", "--concurrency", "2", "--loglevel", "WARNING",
                "--without-gossip", "--without-mingle",
            ],
            "schedule": [
                python, "-m", "celery", "-A", "settings.celery", "beat", "--loglevel", "WARNING", "--schedule",
                str(self.state.run / "schedule"), "--pidfile=",
            ],
        }  # fmt: skip
        if environment.get("THREADVAULT_METRICS_ADDRESS"):
            environment["PROMETHEUS_MULTIPROC_DIR"] = str(self._fresh_metrics())
            commands["metrics"] = [python, str(PROJECT / "manage.py"), "metrics"]
        for name, command in commands.items():
            child = Child(name, command, log=logs / f"{name}.log", environment=environment, cwd=PROJECT)
            child.start()
            self.watched.append(Watched(child, child.start))
        web = next(watched.child for watched in self.watched if watched.child.name == "web")
        if not wait_until(self._answers, seconds=60, child=web):
            raise RuntimeProblem(f"The web server does not answer; see {web.log}. Its last line: {web.tail(1)}")

    def _fresh_metrics(self) -> Path:
        """Return the empty folder in which the processes count; what those of an earlier run counted is over."""
        folder = self.state.run / "metrics"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        return folder

    def _answers(self) -> bool:
        client = HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            client.request("GET", "/livez")
            return client.getresponse().status == 200  # noqa: PLR2004 - OK
        except OSError:
            return False
        finally:
            client.close()

    def _show(self, environment: dict[str, str], services: Services) -> None:
        say(f"\nThreadvault answers at http://127.0.0.1:{self.port}/")
        if services.embedded or os.environ.get("THREADVAULT_DEMO") == "1":
            self._manage(environment, "demo", "users", show=True)
        say("Stop it with Ctrl-C. Logs: " + str(self.state.logs))

    def _watch(self) -> None:
        while not self.stopping:
            for watched in self.watched:
                watched.keep()
            time.sleep(0.2)

    def _shut(self, servers: Servers) -> None:
        """Ask all children at once, then wait for each; the servers go last."""
        names = {server.child for server in (servers.postgres, servers.valkey) if server is not None}
        children = [watched.child for watched in self.watched if watched.child not in names]
        for child in reversed(children):
            if child.process is not None and child.alive:
                child.process.send_signal(child.stop_signal)
        deadline = time.monotonic() + 6
        for child in reversed(children):
            child.stop(grace=max(0.1, deadline - time.monotonic()))
        self.state.services_file.unlink(missing_ok=True)
        servers.stop()
        say("Stopped.")
