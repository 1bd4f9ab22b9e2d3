"""Counts tries and calls, atomically: one script in the store increments and dates a counter, so tries at once all count.

The store is database 1 of the broker; it holds numbers under names that hold no name of a person. Where it is away,
sign-ins and second factors are refused (nobody guesses without being counted), calls with a good token go on.
"""

import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import redis
from django.conf import settings
from django.http import HttpRequest
from redis.backoff import NoBackoff
from redis.retry import Retry

from governance.conf.settings import vault_settings

SCRIPT: Final = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('PTTL', KEYS[1])}
"""
SECONDS_TO_WAIT_FOR_THE_STORE: Final = 1.0


class LimiterAway(Exception):
    """The store of the counters does not answer."""

    code = "limits.away"

    def __init__(self) -> None:
        super().__init__("Tries cannot be counted at the moment; try again later.")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a counter stands: the limit, the window in seconds, how many are left and for how many seconds."""

    kind: str
    most: int
    seconds: int
    left: int
    wait: int


class TooMany(Exception):
    """More tries or calls than the limit; `wait` is the seconds until the window ends, `first` the first one over it."""

    code = "limits.exceeded"

    def __init__(self, wait: int, *, first: bool) -> None:
        super().__init__(f"Too many tries or calls; wait {wait} seconds.")
        self.wait = wait
        self.first = first


@lru_cache(maxsize=4)
def _store(location: str) -> "redis.Redis":
    seconds = SECONDS_TO_WAIT_FOR_THE_STORE
    never = Retry(NoBackoff(), 0)  # The library's default waits ten seconds for a store that is away.
    return redis.Redis.from_url(location, socket_timeout=seconds, socket_connect_timeout=seconds, retry=never)


def store() -> "redis.Redis":
    """Return the client of the counters' store."""
    return _store(str(settings.CACHES["default"]["LOCATION"]))


def _name(kind: str, subject: str) -> str:
    """Return the counter's name: what somebody typed may be a password, so it stands there as a keyed hash."""
    digest = hmac.new(settings.SECRET_KEY.encode(), f"{kind}\0{subject}".encode(), hashlib.sha256).hexdigest()
    return f"limit:{kind}:{digest[:32]}"


def count(kind: str, subject: str, *, most: int, seconds: int) -> Standing:
    """Count one and return how the counter stands then.

    Raises TooMany above `most` in a window of `seconds`, LimiterAway where it cannot be counted.
    """
    try:
        counted, left = store().eval(SCRIPT, 1, _name(kind, subject), seconds * 1000)
    except redis.RedisError:
        raise LimiterAway from None
    wait = max(1, -(-int(left) // 1000))
    if counted > most:
        raise TooMany(wait, first=counted == most + 1)
    return Standing(kind, most, seconds, most - int(counted), wait)


def forget(kind: str, subject: str) -> None:
    """Begin anew, after a success. A store that is away keeps the count, which is the safe side."""
    try:
        store().delete(_name(kind, subject))
    except redis.RedisError:
        return


def client_address(request: HttpRequest) -> str:
    """Return the address of the client: the socket's, or what the outermost of the trusted proxies was told.

    `X-Forwarded-For` is read from the right, as far as THREADVAULT_TRUSTED_PROXIES says; what a client writes there
    itself stands further left. Without proxies it is not read at all.
    """
    proxies = vault_settings().trusted_proxies
    told = [part.strip() for part in str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",") if part.strip()]
    if proxies and len(told) >= proxies:
        return told[-proxies]
    return str(request.META.get("REMOTE_ADDR", ""))
