"""Reads the environment: database and broker URLs and secrets, with errors that name the variable."""

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parent.parent


def home() -> Path:
    """Return the state folder: THREADVAULT_HOME, by default `.threadvault` beside manage.py."""
    return Path(os.environ.get("THREADVAULT_HOME") or ROOT / ".threadvault").absolute()


def log_format(default: str) -> str:
    """Return THREADVAULT_LOG_FORMAT: `line` for people, `json` for collectors."""
    given = os.environ.get("THREADVAULT_LOG_FORMAT") or default
    if given not in {"line", "json"}:
        raise ImproperlyConfigured("THREADVAULT_LOG_FORMAT is line or json.")
    return given


# A transaction that sleeps gives its locks back; a record that waits is refused, and with it what it would have recorded.
IDLE = {"idle_in_transaction_session_timeout": "60s"}
WORK = {**IDLE, "lock_timeout": "5s", "client_connection_check_interval": "5s"}
RECORD = {**WORK, "lock_timeout": "2s", "statement_timeout": "5s"}


def database(url: str, limits: dict[str, str], **extra: Any) -> dict[str, Any]:
    """Return Django's settings of one connection. `postgresql://user@host:port/name?host=/socket/folder`.

    `limits` are server settings of each session; `options` in the URL come after them and win.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ImproperlyConfigured("A database URL begins with postgresql://; other databases have no row security.")
    query = dict(parse_qsl(parts.query))
    host = query.pop("host", parts.hostname or "")
    port = query.pop("port", str(parts.port or ""))
    options = " ".join([*(f"-c {name}={value}" for name, value in limits.items()), query.pop("options", "")]).strip()
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": port,
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "server_side_binding": True,
            "prepare_threshold": 5,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "connect_timeout": 5,
            "options": options,
            **query,
        },
        **extra,
    }


def databases() -> dict[str, Any]:
    """Return the three connections: `default` and `audit` as the application role, `owner` for migrations."""
    url = named("DATABASE_URL") or "postgresql://threadvault_app@/threadvault"
    owner = named("DATABASE_OWNER_URL") or url
    mirror = {"TEST": {"MIRROR": "owner"}}
    return {
        "default": database(url, WORK, **mirror),
        "audit": database(url, RECORD, ATOMIC_REQUESTS=False, **mirror),
        "owner": database(owner, IDLE),
    }


def named(name: str) -> str:
    """Return the value of variable `name`, or of the file that `<name>_FILE` names; empty where neither is set."""
    path = os.environ.get(f"{name}_FILE")
    return Path(path).read_text(encoding="utf-8").strip() if path else os.environ.get(name, "")


def required(name: str) -> str:
    """Return what `named` does. Raises ImproperlyConfigured where that is empty."""
    value = named(name)
    if not value:
        raise ImproperlyConfigured(f"Set {name}, or {name}_FILE to a file that holds it.")
    return value


def generated(name: str) -> str:
    """Return a secret of this installation's state folder, made at first use (mode 0600)."""
    path = home() / "keys" / name
    if path.exists():
        return path.read_text(encoding="utf-8").strip()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{name}.{os.getpid()}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48))
    try:
        os.link(fresh, path)  # The first of two processes wins; both then read the same bytes.
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_text(encoding="utf-8").strip()


def broker_url() -> str:
    """Return the broker's address."""
    return named("BROKER_URL") or "redis://localhost:6379/0"


def cache_location() -> str:
    """Return the counters' place: database 1 of the broker."""
    broker = broker_url()
    if broker.startswith("redis+socket://"):
        return f"unix://{urlsplit(broker).path}?db=1"
    return broker.rsplit("/", 1)[0] + "/1" if broker.count("/") > 2 else broker + "/1"  # noqa: PLR2004 - scheme://
