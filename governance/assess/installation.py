"""The sinks of the embedded installation, and what a whole scan of it is."""

from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from governance.assess.sinks import Broker, Database, Files, Sessions, Sink
from governance.conf.settings import vault_settings
from governance.runtime.postgres import ADMIN, find_binaries


class NotEmbedded(Exception):
    """The scan reads data files and the superuser's view, which only the embedded installation gives."""

    code = "assess.not_embedded"


def sinks() -> list[Sink]:
    """Return every sink of the embedded installation. Raises NotEmbedded on servers of your own."""
    if not vault_settings().embedded:
        raise NotEmbedded("The leak scan runs on the embedded installation; run it on a copy of yours.")
    database = settings.DATABASES["default"]
    server = {
        "host": database["HOST"],
        "port": database["PORT"] or 5432,
        "user": ADMIN,
        "dbname": database["NAME"],
    }
    broker = urlsplit(settings.CELERY_BROKER_URL).path
    return [
        Database("data files", server, folder="base"),
        Database("write-ahead log", server, folder="pg_wal"),
        Database("dump", server, pg_dump=str(find_binaries() / "pg_dump")),
        Broker("broker", f"unix://{broker}"),
        Files("logs", Path(vault_settings().home) / "logs"),
        Sessions(),
    ]
