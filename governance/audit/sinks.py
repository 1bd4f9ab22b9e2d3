"""Where signed checkpoints go: files and HTTP receivers, named in the configuration and nowhere else.

A sink takes checkpoints in order and raises SinkFailed where it did not take all of them; what was sent twice is harmless.
A sink inside the state folder proves nothing to others, for who can rewrite the one can rewrite the other: `outside` says.
"""

import hashlib
import http.client
import ipaddress
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from governance.audit.errors import SinkFailed, SinkRefused
from governance.audit.heads import SignedHead
from governance.conf.settings import vault_settings

TIMEOUT_SECONDS: Final = 5.0
_GOOD: Final = range(200, 300)


class Sink(Protocol):
    """What takes checkpoints."""

    @property
    def uri(self) -> str:
        """The place, as the configuration names it."""
        ...

    @property
    def kind(self) -> str:
        """`file` or `http`."""
        ...

    @property
    def outside(self) -> bool:
        """Whether it lies where this installation's state folder is not."""
        ...

    def deliver(self, heads: Sequence[SignedHead]) -> None:
        """Take `heads` in order, durably. Raises SinkFailed."""
        ...


@dataclass(frozen=True, slots=True)
class FileSink:
    """A file that only grows: one JSON line a checkpoint, on the disk before it counts as delivered."""

    uri: str
    path: Path
    home: Path
    kind: str = "file"

    @property
    def outside(self) -> bool:
        """Whether the file, links resolved, lies outside the state folder."""
        return not self.path.resolve().is_relative_to(self.home.resolve())

    def deliver(self, heads: Sequence[SignedHead]) -> None:
        """Append `heads` and wait for the disk. Raises SinkFailed."""
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                data = (b"\n" if self._is_torn() else b"") + b"".join(head.as_line() for head in heads)
                while data:
                    data = data[os.write(descriptor, data) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise SinkFailed(f"The file sink took nothing ({type(error).__name__}).") from None

    def _is_torn(self) -> bool:
        """Return whether an earlier write stopped inside a line; a file that may not be read counts as whole."""
        try:
            with self.path.open("rb") as file:
                if file.seek(0, os.SEEK_END) == 0:
                    return False
                file.seek(-1, os.SEEK_END)
                return file.read(1) != b"\n"
        except OSError:
            return False

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of the file; none where it cannot be read from here."""
        try:
            with self.path.open("rb") as file:
                yield from file
        except OSError:
            return


@dataclass(frozen=True, slots=True)
class HttpSink:
    """A receiver that answers 2xx when it has kept the posted checkpoint. Redirects are failures, never followed."""

    uri: str
    parts: SplitResult
    kind: str = "http"

    @property
    def outside(self) -> bool:
        """Whether it lies outside the state folder: a receiver always does."""
        return True

    def deliver(self, heads: Sequence[SignedHead]) -> None:
        """Post `heads` one by one. Raises SinkFailed at the first that is not taken."""
        kind = http.client.HTTPSConnection if self.parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(self.parts.hostname or "", self.parts.port, timeout=TIMEOUT_SECONDS)
        target = (self.parts.path or "/") + (f"?{self.parts.query}" if self.parts.query else "")
        try:
            for head in heads:
                connection.request("POST", target, head.as_line(), {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read(65_536)
                if answer.status not in _GOOD:
                    raise SinkFailed(f"The HTTP sink answered {answer.status}.")
        except (OSError, http.client.HTTPException) as error:
            raise SinkFailed(f"The HTTP sink did not answer ({type(error).__name__}).") from None
        finally:
            connection.close()


def configured_sinks() -> list[Sink]:
    """Return the sinks of THREADVAULT_AUDIT_SINKS, in order. Raises SinkRefused, which names the place but not the URI."""
    settings = vault_settings()
    return [sink_of(uri, home=settings.home, place=place) for place, uri in enumerate(settings.audit_sinks.split(), 1)]


def sink_of(uri: str, *, home: Path, place: int = 1) -> Sink:
    """Return the sink of `uri`: `file:/path`, `https://host/path`, or `http://` to loopback. Raises SinkRefused."""
    parts = urlsplit(uri)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return FileSink(uri, Path(unquote(parts.path)), home)
    if parts.username or parts.password or not parts.hostname:
        raise SinkRefused(f"Audit sink {place} names no place, or holds a password; sinks take none in their URI.")
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname)):
        return HttpSink(uri, parts)
    raise SinkRefused(f"Audit sink {place} must be file:/path, https://host/path, or http:// to this machine.")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def name_of(sink: Sink) -> str:
    """Return what the database keeps of the sink's name."""
    return hashlib.sha256(sink.uri.encode()).hexdigest()
