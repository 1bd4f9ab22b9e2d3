"""What only the servers can say: time-outs and rights of the sessions, key files, accounts of the demonstration."""

from typing import Any, Final

from django.core.checks import Error
from django.db import DatabaseError, connections
from django.db.migrations.loader import MigrationLoader

from governance.checks.configuration import Check, record
from governance.conf.settings import vault_settings
from governance.identity.models import Tenant
from governance.keys.errors import ProviderFailed
from governance.keys.providers import ask_all
from governance.keys.trying import try_versions

DEMO: Final = "demo"
_ASK: Final = """
SELECT current_setting('transaction_isolation'), current_setting('idle_in_transaction_session_timeout'),
    current_setting('lock_timeout'), rolsuper OR rolbypassrls
FROM pg_roles WHERE rolname = current_user
"""


def _error(number: int, text: str, mend: str) -> list[Error]:
    return [Error(text, hint=mend, id=f"governance.E{number:03}")]


def sessions(**_: Any) -> list[Error]:
    """The sessions of the application give their locks back, wait for none for ever, and are small."""
    for name in ("default", "audit"):
        try:
            with connections[name].cursor() as cursor:
                cursor.execute(_ASK)
                isolation, idle, waits, great = cursor.fetchone()
        except DatabaseError as error:
            return _error(20, f"PostgreSQL does not answer ({type(error).__name__}).", "Start it, or mend DATABASE_URL.")
        if isolation != "read committed":
            return _error(7, f"Sessions of {name!r} are {isolation}.", "ALTER ROLE ... RESET default_transaction_isolation.")
        if idle == "0":
            return _error(21, f"A session of {name!r} may sleep in a transaction for ever.",
                          "ALTER ROLE ... SET idle_in_transaction_session_timeout = '60s'.")  # fmt: skip
        if waits == "0":
            return _error(22, f"A session of {name!r} waits for a lock for ever.", "ALTER ROLE ... SET lock_timeout = '5s'.")
        if great:
            return _error(23, "The application's role is a superuser or goes past row security.",
                          "Give it NOSUPERUSER NOBYPASSRLS.")  # fmt: skip
    return []


def key_providers(**_: Any) -> list[Error]:
    """Every listed key provider works: a key file is there, whole, and nobody else's; a token or a service answers."""
    failure = next((error for error in ask_all().values() if error is not None), None)
    mend = "Mend what THREADVAULT_ROOT_KEY and THREADVAULT_KEY_PROVIDERS name; docs/keys.md says how."
    return _error(24, str(failure), mend) if failure is not None else []


def key_versions(**_: Any) -> list[Error]:
    """The providers open what this installation wrapped, so they hold its keys and not others."""
    try:
        try_versions()
    except ProviderFailed as error:
        return _error(27, str(error), "Bring back the key that wrapped these versions. Nothing was changed.")
    return []


def demonstration(**_: Any) -> list[Error]:
    """People of the demonstration, whose secrets lie in a file, are no members where others' chats are kept."""
    if vault_settings().embedded or vault_settings().demo:
        return []
    active = Tenant.objects.filter(slug=DEMO, memberships__ended_at=None, memberships__user__is_active=True).exists()
    mend = "End them: manage.py accounts disable --user NAME; or say that this is a demonstration: THREADVAULT_DEMO=1."
    return _error(25, "The demo tenant has active people.", mend) if active else []


def migrations(**_: Any) -> list[Error]:
    """The tables are at least as new as this code; newer ones it can live with, for migrations only add before a deploy."""
    loader = MigrationLoader(connections["default"])
    missing = sorted(loader.disk_migrations.keys() - (loader.applied_migrations or {}).keys())
    mend = "Migrate before you start: manage.py migrate --database owner."
    return (
        _error(26, f"The database lacks {len(missing)} migrations, {'.'.join(missing[0])} first.", mend) if missing else []
    )


SERVERS: Final[tuple[Check, ...]] = (sessions, migrations, key_providers, key_versions, record, demonstration)
