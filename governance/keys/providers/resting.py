"""A provider that failed is left alone for a while, so that a thousand readers are no thousand calls.

What says that the provider is away lets all of it rest; what refuses some bytes lets these bytes rest, and no others.
The time grows from half a second to half a minute, in each process by itself, and ends with the first success.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from governance.crypto.derivation import fingerprint
from governance.keys.errors import ProviderAway, ProviderFailed
from governance.keys.providers.interface import Provider, context_bytes

FIRST_SECONDS: Final = 0.5
LONGEST_SECONDS: Final = 30.0
HEALTH_SECONDS: Final = 1.0
_MOST_REFUSED: Final = 256
_WHOLE: Final = b""
_WRAPPING: Final = b"wrap"
_HEALTH: Final = b"health"
_T = TypeVar("_T")


class _Rest:
    """Since when and how long something is left alone, and with which error."""

    def __init__(self, error: ProviderFailed, seconds: float) -> None:
        self.kind, self.text, self.seconds = type(error), str(error), seconds
        self.until = time.monotonic() + seconds

    def refuse(self) -> None:
        """Raise the error again while the rest lasts."""
        if time.monotonic() < self.until:
            raise self.kind(f"{self.text} It is not asked again for a moment.")


class RestingProvider:
    """A provider that is spared after it failed; everything else is the inner one's."""

    def __init__(self, inner: Provider) -> None:
        self.uri, self.remote = inner.uri, inner.remote
        self._inner = inner
        self._lock = threading.Lock()
        self._rests: OrderedDict[bytes, _Rest] = OrderedDict()
        self._well_until = 0.0

    def wrap(self, secret: bytes, context: Mapping[str, str]) -> bytes:
        """Return `secret` wrapped. Raises ProviderFailed."""
        return self._ask(_WRAPPING, lambda: self._inner.wrap(secret, context))

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Return the secret. Raises ProviderFailed."""
        mark = fingerprint(context_bytes(wrapped, context))
        return self._ask(mark, lambda: self._inner.unwrap(wrapped, context))

    def describe(self) -> str:
        """Return one line for people."""
        return self._inner.describe()

    def health(self) -> None:
        """Ask at most once a second, and not while it rests. Raises ProviderFailed."""
        if time.monotonic() >= self._well_until:
            self._ask(_HEALTH, self._inner.health)
            self._well_until = time.monotonic() + HEALTH_SECONDS

    def _ask(self, mark: bytes, call: Callable[[], _T]) -> _T:
        for one in (_WHOLE, mark):
            if (rest := self._rests.get(one)) is not None:
                rest.refuse()
        try:
            answer = call()
        except ProviderFailed as error:
            self._begin(_WHOLE if isinstance(error, ProviderAway) else mark, error)
            raise
        if self._rests:
            with self._lock:
                self._rests.pop(_WHOLE, None)
                self._rests.pop(mark, None)
        return answer

    def _begin(self, mark: bytes, error: ProviderFailed) -> None:
        with self._lock:
            before = self._rests.pop(mark, None)
            seconds = min(2 * before.seconds, LONGEST_SECONDS) if before else FIRST_SECONDS
            self._rests[mark] = _Rest(error, seconds)
            self._well_until = 0.0
            while len(self._rests) > _MOST_REFUSED:
                self._rests.popitem(last=False)

    def __repr__(self) -> str:
        return repr(self._inner)
