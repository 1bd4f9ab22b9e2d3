"""Puts sign-ins on the record of the system's chain: who, by the random id of the account; never what was typed."""

from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.signals import password_changed, password_reset, password_set
from allauth.mfa.signals import authenticator_added, authenticator_removed
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest

from governance.audit.canonical import SYSTEM
from governance.audit.recording import record_now
from governance.identity.models import User


def _by(user: User) -> dict[str, str]:
    return {"actor": str(user.pk), "actor_kind": user.kind}


def signed_in(user: User, request: HttpRequest | None = None, **_: Any) -> None:
    """A person signed in; by which way where it is another one than a password and a factor of the account."""
    way = "" if request is None else way_of(request, user)
    if request is not None:
        request.threadvault_signed_out = False  # type: ignore[attr-defined]  # Whoever was signed in before.
    record_now(tenant=SYSTEM, event="signin.succeeded", **_by(user), **({"by": way} if way else {}))


def way_of(request: HttpRequest, user: User) -> str:
    """Return `provider` or `break_glass` where the session of the request began that way, else nothing."""
    methods = {record.get("method") for record in get_authentication_records(request, user)}
    return "provider" if "socialaccount" in methods else "break_glass" if "break_glass" in methods else ""


def refused(user: User | None, *, why: str) -> None:
    """A sign-in by the provider, or a second factor, came to nothing; `why` is the code of the error."""
    record_now(tenant=SYSTEM, event="signin.failed", **({"actor_kind": "unknown"} if user is None else _by(user)), why=why)


def signed_out(user: User | None, request: HttpRequest | None = None, **_: Any) -> None:
    """A session ended; its answer tells the browser to forget what it keeps of us."""
    if user is not None:
        if request is not None:
            request.threadvault_signed_out = True  # type: ignore[attr-defined]
        record_now(tenant=SYSTEM, event="signin.ended", **_by(user))


def failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """A sign-in failed; for a name that nobody has, only that. How many there are is the rate limiter's to bound."""
    known = User.objects.filter(username=str(credentials.get("username", ""))).first()
    record_now(tenant=SYSTEM, event="signin.failed", **({"actor_kind": "unknown"} if known is None else _by(known)))


def locked(username: str, *, by: str) -> None:
    """The limit of tries was reached: one entry a window, for the account or the address (`by`)."""
    known = User.objects.filter(username=username).first()
    actor = {"actor_kind": "unknown"} if known is None or by == "address" else _by(known)
    record_now(tenant=SYSTEM, event="signin.locked", **actor, by=by)


def credential_changed(user: User, **sent: Any) -> None:
    """A password or a second factor was added, changed or removed."""
    kinds = {
        authenticator_added: "second factor added",
        authenticator_removed: "second factor removed",
        password_set: "password set",
        password_changed: "password changed",
        password_reset: "password reset",
    }
    record_now(tenant=SYSTEM, event="signin.credential", **_by(user), change=kinds[sent["signal"]])


def connect() -> None:
    """Listen."""
    for signal, receiver in (
        (user_logged_in, signed_in),
        (user_logged_out, signed_out),
        (user_login_failed, failed),
        *((each, credential_changed) for each in (authenticator_added, authenticator_removed)),
        *((each, credential_changed) for each in (password_set, password_changed, password_reset)),
    ):
        signal.connect(receiver, dispatch_uid=f"threadvault-{receiver.__name__}-{id(signal)}")
