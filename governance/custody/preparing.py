"""A process that reads and seals the next page of a re-encryption while the worker writes the one before.

Two threads of one interpreter wait for each other a dozen times a page; two processes use two cores. It is a help and no
more: what it cannot do, for whatever reason, the worker does itself, and so meets the error where it is handled. It is
started with the worker's environment, gets numbers of rows and gives envelopes; no text and no key passes between them. It
stays from step to step, for its start takes a second or two, and ends with the moving, with the worker (at the end of its
channel), after a quarter of a minute without a question, or after a minute on one page.
"""

import gc
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection

from governance.identity.scoping import tenant_scope
from governance.keys.warming import warm
from governance.vault.pending import KINDS
from governance.vault.reencrypting import Page, prepare

LONGEST_PAGE: Final = 60
LONGEST_PAUSE: Final = 15
LONGEST_WAIT: Final = 20.0  # With the time of a step below what a worker may take for one.
_PROGRAM: Final = "import sys, django; django.setup(); from {0} import serve; serve(int(sys.argv[1]))"


def command(descriptor: int) -> list[str]:
    """Return the command line of the process that serves a channel."""
    return [sys.executable, "-c", _PROGRAM.format(__name__), str(descriptor)]


class Wanted(NamedTuple):
    """Which page: of a tenant's table, by its number, the records sealed for `use` with ids above `after`."""

    tenant: UUID
    use: str
    table: int
    after: UUID

    def prepare(self) -> Page:
        """Read and seal it in this process; the versions are warm. Raises what `reencrypting.prepare` does."""
        with tenant_scope(self.tenant):
            return prepare(tenant=self.tenant, kind=KINDS[self.table], use=self.use, after=self.after)


class Answer(NamedTuple):
    """The page that was wanted; None where the process could not prepare it."""

    wanted: Wanted
    page: Page | None


class Ahead:
    """The worker's side: asks for one page at a time, and prepares it itself where the process is not there.

    A page takes some milliseconds to come over; a thread of its own takes it while the worker waits for the database.
    """

    def __init__(self, channel: "Connection[Wanted, Answer] | None") -> None:
        self._channel = channel
        self._begun = False
        self._asked: Wanted | None = None
        self._coming: Future[Answer] | None = None
        self._taking = ThreadPoolExecutor(1)

    def ask(self, wanted: Wanted) -> None:
        """Say which page comes next."""
        self._asked, self._coming = wanted, None
        if self._channel is not None and self.there():
            with self._left_alone():
                self._channel.send(wanted)
                self._coming = self._taking.submit(_received, self._channel)

    def page(self) -> Page:
        """Return the page that was asked for. Raises what `Wanted.prepare` does."""
        assert self._asked is not None  # noqa: S101  # nosec B101 - the caller asks first
        answer = None
        if self._coming is not None:
            with self._left_alone():
                answer = self._coming.result(LONGEST_WAIT)
                self._coming = None
        return answer.page if answer and answer.page and answer.wanted == self._asked else self._asked.prepare()

    def there(self) -> bool:
        """Return whether the process has begun: it says so once; its start takes a second or two."""
        if not self._begun and self._channel is not None and self._channel.poll():
            with self._left_alone():
                self._channel.recv()
                self._begun = True
        return self._begun

    def idle(self) -> bool:
        """Return whether the channel is there and no answer is due on it."""
        return self._channel is not None and self._coming is None

    def end(self) -> None:
        """Let the thread go; the process has ended, so that no answer comes."""
        self._taking.shutdown()

    @contextmanager
    def _left_alone(self) -> Iterator[None]:
        try:
            yield
        except Exception:  # noqa: BLE001 - also an answer of another version of this program, which does not unpickle
            self._channel = None


def _received(channel: "Connection[Wanted, Answer]") -> Answer:
    answer = channel.recv()
    if answer.page is not None:
        _ = answer.page.manifest  # Made here, while the worker waits for the database.
    return answer


class _Process:
    """A process and our end of its channel."""

    def __init__(self) -> None:
        self._worker = os.getpid()
        self._ours, theirs = Pipe()
        try:
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - this interpreter and this module
                    command(theirs.fileno()), pass_fds=[theirs.fileno()], cwd=settings.BASE_DIR,
                    stdin=subprocess.DEVNULL, start_new_session=True,
                )  # fmt: skip
        except OSError:
            self._ours.close()
            raise
        self.ahead = Ahead(self._ours)

    def usable(self) -> bool:
        """Return whether it runs, is this worker's (a fork has its parent's here), and owes no answer."""
        return self._worker == os.getpid() and self._process.poll() is None and self.ahead.idle()

    def end(self) -> None:
        """End it, if it is this worker's. It writes nothing, so there is nothing to end well."""
        if self._worker == os.getpid():
            self._process.kill()
            self._process.wait()
            with suppress(OSError), socket.socket(fileno=os.dup(self._ours.fileno())) as ours:
                ours.shutdown(socket.SHUT_RDWR)  # It wakes the thread, whoever holds the other end yet.
            self.ahead.end()
        self._ours.close()


_ready: Final[list[_Process]] = []  # Each is out of the list while it is in use, so that no two threads share one.


def _take() -> _Process:
    with suppress(IndexError):
        while not (one := _ready.pop()).usable():
            one.end()
        return one
    return _Process()


def _taken() -> _Process | None:
    """Return a process; None where this machine lets none be started."""
    with suppress(OSError):
        return _take()
    return None


def stand_ready() -> None:
    """Start the process where none stands ready, while there is other work to do."""
    if (one := _taken()) is not None:
        _ready.append(one)


def dismiss() -> None:
    """End what stands ready."""
    with suppress(IndexError):
        while True:
            _ready.pop().end()


@contextmanager
def preparing_ahead(*, worth_it: bool) -> Iterator[Ahead]:
    """Yield the side of the worker; where it is `worth_it` a process stands behind it, and stays ready after the block."""
    one = _taken() if worth_it else None
    if one is None:
        yield Ahead(None)
        return
    try:
        yield one.ahead
    except BaseException:
        one.end()
        raise
    _ready.append(one)


def serve(descriptor: int) -> None:
    """The process: say that it has begun, then answer until the channel ends, with None for what does not go."""
    gc.freeze()  # Collections leave out what Django has loaded, as in a worker.
    channel: Connection[Answer | None, Wanted] = Connection(descriptor)
    with suppress(EOFError, OSError), channel:
        channel.send(None)
        while True:
            signal.alarm(LONGEST_PAUSE)
            wanted = channel.recv()
            signal.alarm(LONGEST_PAGE)
            channel.send(Answer(wanted, _prepared(wanted)))


def _prepared(wanted: Wanted) -> Page | None:
    try:
        with tenant_scope(wanted.tenant):
            warm(tenant=wanted.tenant, uses=frozenset({wanted.use}), emergency=True)
        return wanted.prepare()
    except Exception:  # noqa: BLE001 - the worker meets it itself, where one kind is told from another
        connection.close_if_unusable_or_obsolete()
        return None
