"""Unwraps key versions before a transaction and keeps them for a bounded time, so that no provider is called under a lock.

The store is the only cache of key-encryption keys in a process: bounded in number and time, dropped by `cool()`. A version
that is not in it is asked of its provider once, however many threads want it; and a provider that is away from this
machine, never while the transaction holds locks.
"""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, TypeVar
from uuid import UUID

from django.db import connection

from governance.conf.settings import vault_settings
from governance.crypto.wrapping import WrappingKey
from governance.identity.scoping import tenant_scope
from governance.keys.errors import KeyNotWarm, KeyTooOld, KeyUnavailable, ProviderFailed
from governance.keys.models import KeyVersion
from governance.keys.providers import provider
from governance.keys.rings import unwrap_version
from governance.keys.states import BELOW_MINIMUM, OPENS, OPENS_IN_EMERGENCIES, State, opens

_USABLE: Final = (
    "SELECT v.id, v.state FROM governance_keyversion v JOIN governance_keyring r ON r.tenant_id = v.tenant_id"
    " AND r.id = v.ring_id WHERE r.tenant_id = %s AND v.state = ANY(%s) AND v.number >= r.minimum_version"
    " AND (%s::text[] IS NULL OR r.use = ANY(%s))"
)
# Reading alone takes none of these; whoever holds one makes others wait.
_HOLDS_LOCKS: Final = (
    "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND (locktype IN ('advisory', 'tuple',"
    " 'transactionid') OR locktype = 'relation' AND mode <> 'AccessShareLock'))"
)
_LONGEST_TRY: Final = 5.0
_T = TypeVar("_T")


class _Store:
    """Wrapping keys by version id, oldest out first; a forked child starts empty."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._keys: OrderedDict[UUID, tuple[float, WrappingKey]] = OrderedDict()
        self._asking: dict[UUID, threading.Lock] = {}
        self.failed: dict[UUID, ProviderFailed] = {}
        self.asked = {"hit": 0, "miss": 0}

    def get(self, version: UUID) -> WrappingKey | None:
        key = self.peek(version)
        self.asked["hit" if key is not None else "miss"] += 1
        return key

    def peek(self, version: UUID) -> WrappingKey | None:
        with self._lock:
            if self._pid != os.getpid():
                self._keys.clear()
                self._asking.clear()
                self._pid = os.getpid()
            deadline, key = self._keys.get(version, (0.0, None))
            if key is not None and deadline < time.monotonic():
                del self._keys[version]
                key = None
            return key

    @contextmanager
    def asking(self, version: UUID) -> Iterator[None]:
        """Let one thread at a time ask for the version."""
        with self._lock:
            lock = self._asking.setdefault(version, threading.Lock())
        with lock:
            yield
        with self._lock:
            self._asking.pop(version, None)

    def put(self, version: UUID, key: WrappingKey) -> None:
        settings = vault_settings()
        with self._lock:
            self.failed.pop(version, None)
            self._keys[version] = (time.monotonic() + settings.kek_seconds, key)
            while len(self._keys) > settings.kek_limit:
                self._keys.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._keys.clear()
            self.failed.clear()


_store = _Store()


def answers() -> dict[str, int]:
    """Return how often the store had a key and had none since the last call."""
    found, _store.asked = _store.asked, {"hit": 0, "miss": 0}
    return found


def cool() -> None:
    """Drop every key of the store."""
    _store.clear()


def wrapping_key(version: KeyVersion, *, emergency: bool = False) -> WrappingKey:
    """Return the version's wrapping key, from the store or its provider.

    Raises KeyUnavailable in a state that opens nothing: suspended, destroyed, not yet active, and compromised where it is
    no emergency. Raises ProviderFailed, and KeyNotWarm where the provider would have to be asked under locks.
    """
    if not opens(version.state, emergency=emergency):
        raise KeyUnavailable(f"Version {version.number} of this ring is {version.state} and opens nothing.")
    key = _store.get(version.id)
    if key is None:
        _refuse_under_locks(version)
        with _store.asking(version.id):
            key = _store.peek(version.id)
            if key is None:
                key = WrappingKey(unwrap_version(version))
                _store.put(version.id, key)
    return key


def _refuse_under_locks(version: KeyVersion) -> None:
    """Raise KeyNotWarm where locks would be held for as long as a network takes."""
    if not connection.in_atomic_block or not provider(version.provider_uri).remote:
        return
    with connection.cursor() as cursor:
        cursor.execute(_HOLDS_LOCKS)
        (holds,) = cursor.fetchone()
    if holds:
        failure = _store.failed.get(version.id)
        if failure is not None:
            raise type(failure)(str(failure))
        raise KeyNotWarm("A key version came or went cold meanwhile, and its provider is not asked under locks; try again.")


def warm(*, tenant: UUID, uses: frozenset[str] | None = None, emergency: bool = False) -> None:
    """Unwrap the usable versions of the tenant's rings; call it inside a short scope before the working transaction.

    `emergency` takes in compromised ones, for those who move data keys away from them. Raises ProviderFailed for an active
    version; for another one it is raised to whoever needs that, for it may wrap nothing any more.
    """
    wanted = None if uses is None else sorted(uses)
    with connection.cursor() as cursor:
        cursor.execute(_USABLE, [tenant, sorted(OPENS_IN_EMERGENCIES if emergency else OPENS), wanted, wanted])
        cold = [version for version, _ in cursor.fetchall() if _store.get(version) is None]
    for version in KeyVersion.objects.filter(id__in=cold) if cold else ():
        try:
            wrapping_key(version, emergency=emergency)
        except ProviderFailed as failure:
            if version.state == State.ACTIVE:
                raise
            _store.failed[version.id] = failure


def keeping_warm(work: Callable[[], _T], *, tenant: UUID, uses: frozenset[str] | None = None, emergency: bool = False) -> _T:
    """Do `work`, a whole transaction; where a rotation came between the warming and its locks, warm and do it again.

    Call it outside any scope, with the versions warm. Raises what `work` raises, and KeyNotWarm after five seconds.
    """
    deadline = time.monotonic() + _LONGEST_TRY
    while True:
        try:
            return work()
        except KeyNotWarm:
            if time.monotonic() > deadline:
                raise
        with tenant_scope(tenant):
            warm(tenant=tenant, uses=uses, emergency=emergency)


def wrapping_keys(states: Mapping[UUID, str | None], *, emergency: bool = False) -> dict[UUID, WrappingKey]:
    """Return the wrapping keys of versions by id; `states` are those that the caller's transaction has just read.

    Raises KeyTooOld for one below its ring's minimum, KeyUnavailable for a version that is not there or whose state opens
    nothing.
    """
    if BELOW_MINIMUM in states.values():
        raise KeyTooOld("The ring accepts this version no more; two people lower its minimum: manage.py keys minimum.")
    usable = [one for one, state in states.items() if opens(state, emergency=emergency)]
    found = {one: key for one in usable if (key := _store.get(one)) is not None}
    if others := states.keys() - found.keys():
        rows = KeyVersion.objects.filter(id__in=others)
        found |= {version.id: wrapping_key(version, emergency=emergency) for version in rows}
    if missing := states.keys() - found.keys():
        raise KeyUnavailable(f"{len(missing)} key versions are not there; the database was changed from outside.")
    return found
