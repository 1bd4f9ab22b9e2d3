"""What can be seen without asking a server: settings of Django, Celery and REST framework, versions, names, files."""

import ipaddress
import os
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error
from psycopg import IsolationLevel

from governance.audit.errors import AuditError
from governance.audit.signers import audit_signer
from governance.audit.sinks import configured_sinks
from governance.conf.settings import PREFIX, VaultSettings, vault_settings
from governance.web.federation.directory import configured
from governance.web.federation.errors import Misconfigured

TOOLBARS: Final = ("debug_toolbar", "silk", "django_extensions", "querycount")
CACHING: Final = ("django.middleware.cache.UpdateCacheMiddleware", "django.middleware.cache.FetchFromCacheMiddleware")
COUNTERS: Final = "governance.web.counters.CounterSerializer"
FLOORS: Final = {"django": (5, 2, 19), "djangorestframework": (3, 17, 2), "celery": (5, 2, 2)}
POSTGRESQL: Final = "django.db.backends.postgresql"
READ_COMMITTED: Final = IsolationLevel.READ_COMMITTED
# Variables of ours that are no field of VaultSettings: read by settings, by the launcher, or by tests.
OTHERS: Final = frozenset(
    f"{PREFIX}{name}"
    for name in (
        "SECRET_KEY", "ALLOWED_HOSTS", "BEHIND_PROXY", "MAIL_HOST", "MAIL_FROM", "TESTS_STRICT", "SOAK", "PICTURES",
        "BENCH_ENTRIES", "BENCH_MESSAGES", "PII_SET", "LOG_FORMAT",
    )
)  # fmt: skip

Check = Callable[..., list[Error]]


def _error(number: int, text: str, mend: str) -> list[Error]:
    return [Error(text, hint=mend, id=f"governance.E{number:03}")]


def debug(**_: Any) -> list[Error]:
    """DEBUG shows the locals of a failing view, and with them texts."""
    return _error(1, "DEBUG is on.", "Set DEBUG = False; error pages show what people wrote.") if settings.DEBUG else []


def toolbars(**_: Any) -> list[Error]:
    """Tools that keep requests and queries keep texts."""
    places = [*settings.INSTALLED_APPS, *settings.MIDDLEWARE]
    found = sorted({tool for tool in TOOLBARS for place in places if place.split(".")[0] == tool})
    return _error(2, f"{found[0]} is installed.", "Take it out: it keeps requests and queries.") if found else []


def caches(**_: Any) -> list[Error]:
    """No answer is cached, and the one backend keeps counters as JSON."""
    if found := [one for one in settings.MIDDLEWARE if one in CACHING]:
        return _error(3, f"{found[0]} is installed.", "Take it out: answers are not cached, by nobody.")
    backends: dict[str, Any] = dict(settings.CACHES)
    loose = [name for name, given in backends.items() if given.get("OPTIONS", {}).get("serializer") != COUNTERS]
    if loose:
        return _error(3, f"The cache {loose[0]!r} would unpickle what it reads.", f"Set its serializer to {COUNTERS}.")
    return []


def celery(**_: Any) -> list[Error]:
    """The broker carries ids; it neither controls a worker nor makes it unpickle."""
    if getattr(settings, "CELERY_WORKER_ENABLE_REMOTE_CONTROL", True):
        return _error(4, "Workers take commands from the broker.", "Set CELERY_WORKER_ENABLE_REMOTE_CONTROL = False.")
    if set(getattr(settings, "CELERY_ACCEPT_CONTENT", ["pickle"])) != {"json"}:
        return _error(5, "Workers read more than JSON.", 'Set CELERY_ACCEPT_CONTENT = ["json"].')
    return []


def databases(**_: Any) -> list[Error]:
    """PostgreSQL with two logins, READ COMMITTED, no transaction around a whole request, TLS over a network."""
    return [error for name in ("default", "audit", "owner") for error in _database(name)] or _logins()


def _database(name: str) -> list[Error]:
    given = settings.DATABASES[name]
    if given["ENGINE"] != POSTGRESQL:
        return _error(6, f"The connection {name!r} is not PostgreSQL.", "Others have no row security; set DATABASE_URL.")
    options = given.get("OPTIONS", {})
    level, said = options.get("isolation_level", READ_COMMITTED), options.get("options", "")
    if level != READ_COMMITTED or "transaction_isolation" in said:
        return _error(
            7, f"The connection {name!r} sets an isolation level.", "Take it out: the record needs READ COMMITTED."
        )
    if given.get("ATOMIC_REQUESTS"):
        return _error(8, f"The connection {name!r} wraps requests.", "Set ATOMIC_REQUESTS = False, so that refusals stay.")
    if not is_local(given.get("HOST", "")) and options.get("sslmode") not in {"require", "verify-ca", "verify-full"}:
        return _error(9, f"The connection {name!r} crosses a network in clear.", "Add ?sslmode=verify-full to its URL.")
    return []


def _logins() -> list[Error]:
    if settings.DATABASES["default"]["USER"] == settings.DATABASES["owner"]["USER"]:
        return _error(10, "Application and owner are one login.", "Row security needs two: set DATABASE_OWNER_URL apart.")
    return []


def broker(**_: Any) -> list[Error]:
    """Over a network the broker takes TLS and a password."""
    parts = urlsplit(settings.CELERY_BROKER_URL)
    if parts.scheme not in {"redis", "rediss"} or is_local(parts.hostname or ""):
        return []
    if parts.scheme != "rediss":
        return _error(11, "The broker crosses a network in clear.", "Use rediss:// in BROKER_URL.")
    if not parts.password:
        return _error(12, "The broker asks for no password.", "Set an ACL user with a password, and name it in BROKER_URL.")
    return []


def is_local(host: str) -> bool:
    """Return whether an address stays on this machine: a socket's folder, loopback, or nothing at all."""
    if not host or host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def rest(**_: Any) -> list[Error]:
    """The API answers in JSON: its browsable form shows related rows in its forms."""
    renderers = settings.REST_FRAMEWORK.get("DEFAULT_RENDERER_CLASSES", ["browsable, by default"])
    if renderers != ["rest_framework.renderers.JSONRenderer"]:
        return _error(13, "The API has other answers than JSON.", "Leave JSONRenderer alone in DEFAULT_RENDERER_CLASSES.")
    return []


def versions(**_: Any) -> list[Error]:
    """Nothing older runs than what closed the known holes."""
    for name, floor in FLOORS.items():
        found = tuple(int(part) for part in version(name).split(".")[:3] if part.isdigit())
        if found < floor:
            least = ".".join(map(str, floor))
            return _error(14, f"{name} {version(name)} is too old.", f"Install {least} or newer: make environment.")
    return []


def unknown_names(**_: Any) -> list[Error]:
    """A misspelt variable would leave its default in force, unseen."""
    known = {f"{PREFIX}{name.upper()}" for name in VaultSettings.model_fields} | OTHERS
    known |= {f"{name}_FILE" for name in known}
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    return _error(15, f"Nothing reads {unknown[0]}.", "Correct its name: docs/settings.md lists them.") if unknown else []


def record(**_: Any) -> list[Error]:
    """The record can be signed, and its sinks are places that sinks may be."""
    try:
        audit_signer()
        configured_sinks()
    except (AuditError, OSError) as error:
        return _error(16, f"The record cannot be signed or handed on: {error}", "Mend that setting.")
    return []


def hosts(**_: Any) -> list[Error]:
    """Any host name would be believed."""
    if "*" in settings.ALLOWED_HOSTS and not vault_settings().embedded:
        return _error(17, "Every Host header is believed.", "Name the hosts in THREADVAULT_ALLOWED_HOSTS.")
    return []


def detector(**_: Any) -> list[Error]:
    """The detector of the user's own is a file that nobody else changes: it reads what people wrote."""
    own = {"THREADVAULT_DETECTOR_MODULE": vault_settings().detector_module}
    own["THREADVAULT_DETECTOR_PYTHON"] = vault_settings().detector_python
    for name, given in own.items():
        if not given:
            continue
        path = Path(given)
        if not path.is_absolute() or not path.is_file():
            return _error(18, f"{name} names no file.", "Give the whole path of a file on this machine.")
        if path.stat().st_mode & 0o022:
            return _error(18, f"Others may change the file of {name}.", "chmod go-w: it reads every text.")
    return []


def provider(**_: Any) -> list[Error]:
    """The provider by which people sign in is whole, or none is set."""
    try:
        configured()
    except Misconfigured as error:
        return _error(19, str(error), "Mend that setting: docs/sign-in.md.")
    return []


def _all() -> Iterator[Check]:
    yield from (debug, toolbars, caches, celery, databases, broker, rest, versions, unknown_names, hosts, detector)
    yield provider


CONFIGURATION: Final[tuple[Check, ...]] = tuple(_all())
