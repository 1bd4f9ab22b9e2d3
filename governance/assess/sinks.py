"""Sinks: every place where the path could leave text. Each can be searched, and takes a planted control."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg
import redis

from governance.assess.sentinels import Search

CHUNK = 8 * 1024 * 1024
CONTROL_TABLE = "leak_control"


class Sink(Protocol):
    """A place to search."""

    name: str

    def plant(self, control: bytes) -> None:
        """Put a control there, as a leak would."""

    def search(self, search: Search) -> set[tuple[int, str]]:
        """Return what was found."""

    def clean(self) -> None:
        """Take the controls out again."""


@dataclass(slots=True)
class Files:
    """Files below a folder: logs, and whatever else a process writes."""

    name: str
    folder: Path

    @property
    def _control(self) -> Path:
        return self.folder / "leak-control.log"

    def plant(self, control: bytes) -> None:
        """Append the control to a file of the folder."""
        with self._control.open("ab") as file:
            file.write(control + b"\n")

    def search(self, search: Search) -> set[tuple[int, str]]:
        """Search all files, with an overlap between the pieces."""
        found: set[tuple[int, str]] = set()
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                found |= search_file(path, search)
        return found

    def clean(self) -> None:
        """Remove the control file."""
        self._control.unlink(missing_ok=True)


def search_file(path: Path, search: Search) -> set[tuple[int, str]]:
    """Search one file piece by piece; one that vanishes meanwhile is passed over."""
    found: set[tuple[int, str]] = set()
    rest = b""
    try:
        with path.open("rb") as file:
            while piece := file.read(CHUNK):
                found |= search.find(rest + piece)
                rest = piece[-search.overlap :]
    except FileNotFoundError:
        return found
    return found


@dataclass(slots=True)
class Database:
    """A database as its superuser sees it: data files, write-ahead log and dump are three sinks over one server."""

    name: str
    connection: dict[str, Any]
    folder: str = ""
    pg_dump: str = ""

    def _connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        return psycopg.connect(**self.connection, autocommit=True)

    def plant(self, control: bytes) -> None:
        """Write the control into a table, and the table to disk."""
        with self._connect() as connection:
            connection.execute(f"CREATE TABLE IF NOT EXISTS {CONTROL_TABLE} (id serial, body bytea STORAGE EXTERNAL)")
            connection.execute(f"INSERT INTO {CONTROL_TABLE} (body) VALUES (%b)", [control])  # noqa: S608 - a fixed name
            connection.execute("CHECKPOINT")

    def search(self, search: Search) -> set[tuple[int, str]]:
        """Search files of the data folder, or the dump."""
        with self._connect() as connection:
            connection.execute("CHECKPOINT")
            row = connection.execute("SHOW data_directory").fetchone()
        if self.pg_dump:
            return search.find(b"".join(self._dumped()))
        return Files(self.name, Path(str(row[0] if row else "")) / self.folder).search(search)

    def _dumped(self) -> Iterator[bytes]:
        """Return the plain dump, and what its hex columns hold."""
        host, user, database = (str(self.connection[key]) for key in ("host", "user", "dbname"))
        command = [self.pg_dump, "-h", host, "-U", user, "-d", database]
        done = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - a fixed program
        yield done.stdout
        for line in done.stdout.split(b"\n"):
            for cell in line.split(b"\t"):
                if cell.startswith(b"\\\\x"):
                    yield b"\n" + bytes.fromhex(cell[3:].decode("ascii"))

    def clean(self) -> None:
        """Drop the table with the controls."""
        with self._connect() as connection:
            connection.execute(f"DROP TABLE IF EXISTS {CONTROL_TABLE}")


@dataclass(slots=True)
class Broker:
    """Every key of every database of the broker, of every type."""

    name: str
    url: str

    def _clients(self) -> Iterator["redis.Redis"]:
        for number in range(16):
            yield redis.Redis.from_url(self.url, db=number)

    def plant(self, control: bytes) -> None:
        """Push the control as a task body would be."""
        next(self._clients()).rpush("leak-control", control)

    def search(self, search: Search) -> set[tuple[int, str]]:
        """Search names and values."""
        found: set[tuple[int, str]] = set()
        for client in self._clients():
            for key in client.scan_iter(count=1000):
                found |= search.find(b"\n".join([key, *_values(client, key)]))
        return found

    def clean(self) -> None:
        """Delete the list with the controls."""
        next(self._clients()).delete("leak-control")


def _values(client: "redis.Redis", key: bytes) -> list[bytes]:
    """Return all that a key holds, whatever its type."""
    reads: dict[Any, Any] = {
        b"string": lambda: [client.get(key)],
        b"list": lambda: client.lrange(key, 0, -1),
        b"set": lambda: list(client.smembers(key)),
        b"zset": lambda: client.zrange(key, 0, -1),
        b"hash": lambda: [part for pair in client.hgetall(key).items() for part in pair],
    }
    read = reads.get(client.type(key), lambda: [client.dump(key)])
    return [value for value in read() if value is not None]


@dataclass(slots=True)
class Sessions:
    """Sessions as Django decodes them: on disk they are signed, compressed and base64."""

    name: str = "sessions"

    def plant(self, control: bytes) -> None:
        """Store a session that holds the control."""
        from django.contrib.sessions.backends.db import SessionStore

        session = SessionStore()
        session["leak-control"] = control.decode("latin-1")
        session.save()

    def search(self, search: Search) -> set[tuple[int, str]]:
        """Search the decoded data."""
        from django.contrib.sessions.models import Session

        found: set[tuple[int, str]] = set()
        for session in Session.objects.iterator():
            for value in session.get_decoded().values():
                text = value if isinstance(value, str) else str(value)
                found |= search.find(text.encode("latin-1", "ignore")) | search.find(text.encode())
        return found

    def clean(self) -> None:
        """Delete the control's session."""
        from django.contrib.sessions.models import Session

        for session in Session.objects.iterator():
            if "leak-control" in session.get_decoded():
                session.delete()
