"""Finds the running servers of a state folder, or starts them for as long as they are needed.

The process that started them stops them, once nobody else uses them: users hold a shared lock, the starter waits for
the exclusive one.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from governance.runtime.postgres import APP, OWNER, PORT, Postgres, connects
from governance.runtime.state import StateFolder
from governance.runtime.valkey import Valkey


@dataclass(frozen=True, slots=True)
class Services:
    """Where database and broker are; `started` says whether this process started them."""

    database_url: str
    database_owner_url: str
    broker_url: str
    embedded: bool
    started: bool

    def environment(self, home: Path) -> dict[str, str]:
        """Return the variables that settings read."""
        found = {
            "DATABASE_URL": self.database_url,
            "DATABASE_OWNER_URL": self.database_owner_url,
            "BROKER_URL": self.broker_url,
            "THREADVAULT_HOME": str(home),
        }
        return {**found, "THREADVAULT_EMBEDDED": "1"} if self.embedded else found


class Servers:
    """The embedded servers that this installation needs: those without a URL of their own in the environment."""

    def __init__(self, state: StateFolder) -> None:
        self.postgres = None if os.environ.get("DATABASE_URL") else Postgres(state)
        self.valkey = None if os.environ.get("BROKER_URL") else Valkey(state)

    def start(self) -> None:
        """Start them in order."""
        if self.postgres is not None:
            self.postgres.start()
        if self.valkey is not None:
            self.valkey.start()

    def stop(self) -> None:
        """Stop them in reverse."""
        if self.valkey is not None:
            self.valkey.stop()
        if self.postgres is not None:
            self.postgres.stop()

    def services(self, *, started: bool) -> Services:
        """Return where they are."""
        postgres = self.postgres
        return Services(
            database_url=postgres.url(APP) if postgres else os.environ["DATABASE_URL"],
            database_owner_url=postgres.url(OWNER) if postgres else os.environ.get("DATABASE_OWNER_URL", ""),
            broker_url=self.valkey.url if self.valkey else os.environ["BROKER_URL"],
            embedded=postgres is not None,
            started=started,
        )


def _alive(found: dict[str, str]) -> bool:
    """Return whether the servers that the file names take connections."""
    if not {"database_url", "database_owner_url", "broker_url"} <= found.keys():
        return False
    query = dict(parse_qsl(urlsplit(found["database_url"]).query))
    broker = urlsplit(found["broker_url"])
    database_up = connects(Path(query.get("host", "")) / f".s.PGSQL.{PORT}")
    return database_up and (broker.scheme != "redis+socket" or connects(Path(unquote(broker.path))))


def _wanted(state: StateFolder) -> Services | None:
    found = state.read_services()
    if os.environ.get("DATABASE_URL") or os.environ.get("BROKER_URL") or not _alive(found):
        return None
    return Services(found["database_url"], found["database_owner_url"], found["broker_url"], True, False)


@contextmanager
def ensure(state: StateFolder) -> Iterator[Services]:
    """Yield the running services, or start them and stop them at the end. Raises RuntimeProblem.

    Where DATABASE_URL and BROKER_URL name servers of your own, nothing is started.
    """
    if os.environ.get("DATABASE_URL") and os.environ.get("BROKER_URL"):
        yield Servers(state).services(started=False)
        return
    state.make()
    with ExitStack() as stack:
        with state.lock("start"):
            running = _wanted(state)
            if running is not None:
                stack.enter_context(state.lock("users", shared=True))
            else:
                running = stack.enter_context(_started(state))
        yield running


@contextmanager
def _started(state: StateFolder) -> Iterator[Services]:
    servers = Servers(state)
    try:
        servers.start()
        services = servers.services(started=True)
        announce(state, services)
        yield services
    finally:
        with state.lock("users"):
            state.services_file.unlink(missing_ok=True)
            servers.stop()


def announce(state: StateFolder, services: Services) -> None:
    """Write where the servers are, for commands that come later."""
    state.write_services(
        {
            "pid": os.getpid(),
            "database_url": services.database_url,
            "database_owner_url": services.database_owner_url,
            "broker_url": services.broker_url,
        }
    )
