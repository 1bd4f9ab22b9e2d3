"""A fresh second factor: one code check for console, API and commands, limited in tries and safe against replay."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.http import HttpRequest

from governance.identity.models import User
from governance.web import sign_in_events
from governance.web.limits import LimiterAway, TooMany, count, forget

TRIES = 5
WINDOW_SECONDS = 300


class SecondFactorRefused(Exception):
    """The code is wrong, used already, or there were too many tries; `code` says which, `wait` for how many seconds."""

    def __init__(self, code: str, text: str, wait: int = 0) -> None:
        super().__init__(text)
        self.code = code
        self.wait = wait


def _count_try(user: User) -> None:
    """Count a try; tries at once all count. Without the counters' store no code is looked at."""
    try:
        count("second-factor", str(user.pk), most=TRIES, seconds=WINDOW_SECONDS)
    except TooMany as refusal:
        raise SecondFactorRefused("second_factor.tries", "Too many tries; wait five minutes.", refusal.wait) from None
    except LimiterAway as away:
        raise SecondFactorRefused(away.code, str(away)) from None


def check_code(*, user: User, code: str) -> None:
    """Return where `code` is the user's current one-time code; raise SecondFactorRefused otherwise.

    TOTP (RFC 6238), six digits, 30 seconds. A code counts once; a wrong one goes on the record, as a wrong password does.
    """
    authenticator = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).first()
    if authenticator is None:
        raise SecondFactorRefused(
            "second_factor.none", "This account has no second factor; set one up under Accounts, Two-factor."
        )
    _count_try(user)
    if not TOTP(authenticator).validate_code(code.strip()):
        sign_in_events.refused(user, why="second_factor.wrong")
        raise SecondFactorRefused("second_factor.wrong", "The code is wrong or was used already; wait for the next one.")
    forget("second-factor", str(user.pk))


def factors_of(user: User) -> frozenset[str]:
    """Return the second factors that the account has: "totp", "webauthn" (a passkey), "recovery_codes"."""
    return frozenset(Authenticator.objects.filter(user=user).values_list("type", flat=True))


def _times(records: Iterable[dict[str, Any]]) -> list[float]:
    return [record["at"] for record in records if record.get("method") == "mfa"]


def shown_at(request: HttpRequest) -> datetime | None:
    """Return when this session last showed a second factor, at sign-in or since; None where it never did."""
    times = _times(get_authentication_records(request, request.user)) if request.user.is_authenticated else []
    return datetime.fromtimestamp(max(times), UTC) if times else None
