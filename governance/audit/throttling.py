"""Puts refusals on the record so that nobody hides one and nobody floods the chain.

The first refusal of (tenant, person, event, code, action) is recorded at once. Equal ones inside its window are counted
and become one entry `refusals.repeated` at the window's end: by a timer of this process, by the next refusal, when room
for another is needed, or at an orderly exit. Each process counts for itself, so a window holds at most two entries a key
and process. Memory is bounded. Where a process is killed, the counts since their first entries are lost, and nothing
else; the same holds where the count itself cannot be written.
"""

import atexit
import logging
import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db import close_old_connections, connections

from governance.audit.errors import AuditError
from governance.audit.recording import record_now
from governance.conf.settings import vault_settings

logger = logging.getLogger(__name__)
MOST: Final = 4_096
_NAMED: Final = ("actor", "actor_kind", "operator", "token", "action", "code")
Key = tuple[UUID, str, tuple[str, ...]]


@dataclass(slots=True)
class _Window:
    """Equal refusals since the one that is on the record."""

    ends: float
    count: int = 0
    facts: dict[str, Any] = field(default_factory=dict)


class Throttle:
    """The open windows of one process, oldest first."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew: a child process neither counts for its parent nor takes over a lock that was held."""
        self._lock = threading.Lock()
        self._windows: OrderedDict[Key, _Window] = OrderedDict()
        self.timer: threading.Timer | None = None

    def begins(self, key: Key, facts: dict[str, Any]) -> bool:
        """Return whether this refusal must be recorded now; otherwise it was counted."""
        with self._lock:
            window = self._windows.get(key)
            if window is None or window.ends <= time.monotonic():
                return True
            window.count += 1
            window.facts = facts
            self._wind()
            return False

    def recorded(self, key: Key) -> list[tuple[Key, _Window]]:
        """Open the key's window, after its first refusal is on the record; return the windows that must make room."""
        with self._lock:
            old = self._windows.pop(key, None)
            self._windows[key] = _Window(time.monotonic() + vault_settings().refusal_seconds)
            left = [] if old is None else [(key, old)]
            while len(self._windows) > MOST:
                left.append(self._windows.popitem(last=False))
            return left

    def ended(self, *, all_of_them: bool = False) -> list[tuple[Key, _Window]]:
        """Take out and return the windows that have ended."""
        with self._lock:
            moment = time.monotonic()
            keys = [key for key, window in self._windows.items() if all_of_them or window.ends <= moment]
            return [(key, self._windows.pop(key)) for key in keys]

    def _wind(self) -> None:
        if self.timer is None:
            self.timer = threading.Timer(vault_settings().refusal_seconds + 0.1, self._run)
            self.timer.daemon = True
            self.timer.start()

    def _run(self) -> None:
        with self._lock:
            self.timer = None
        try:
            write_counts(self.ended())
        finally:
            connections.close_all()
        with self._lock:
            if any(window.count for window in self._windows.values()):
                self._wind()


_throttle = Throttle()
os.register_at_fork(after_in_child=_throttle.forget)


def record_refused(*, tenant: UUID, event: str, **facts: Any) -> None:
    """Put a refusal on the record, or count it where an equal one stands there already. Raises RecordRefused."""
    key = (tenant, event, tuple(str(facts.get(name, "")) for name in _NAMED))
    write_counts(_throttle.ended())
    if not _throttle.begins(key, {name: facts[name] for name in _NAMED if name in facts}):
        return
    record_now(tenant=tenant, event=event, **facts)
    write_counts(_throttle.recorded(key))


def write_counts(windows: list[tuple[Key, _Window]]) -> None:
    """Write one entry for each window that counted something; what cannot be written is logged by its number."""
    for (tenant, event, _), window in windows:
        if not window.count:
            continue
        try:
            record_now(tenant=tenant, event="refusals.repeated", refused=event, count=window.count, **window.facts)
        except AuditError as error:
            logger.warning("A count of %d equal refusals was not recorded: %s", window.count, error.code)


def stop() -> None:
    """Forget every open window without writing it, and the timer with it."""
    if _throttle.timer is not None:
        _throttle.timer.cancel()
    _throttle.forget()


def write_all() -> None:
    """Write every open count now; for an orderly exit."""
    windows = [(key, window) for key, window in _throttle.ended(all_of_them=True) if window.count]
    if windows:
        close_old_connections()
        write_counts(windows)


atexit.register(write_all)
