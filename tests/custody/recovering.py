"""Backups of the test database, and a database that is empty again."""

import shutil
from contextlib import closing
from pathlib import Path

from governance.conf.settings import vault_settings
from governance.crypto.hpke import RecipientKey
from governance.crypto.wrapping import new_secret
from governance.custody.recovery import catalogue
from governance.custody.recovery.backing_up import create_backup
from governance.custody.recovery.restoring import restore_backup
from governance.keys.providers import forget_providers
from governance.keys.warming import cool
from governance.runtime.postgres import ADMIN
from tests.conftest import OPERATOR, _empty, _owner, now

KEY = RecipientKey(new_secret())


def back_up(path, *, root_key=True, public=KEY.public, principal=None):
    return create_backup(path=path, public=public, root_key=root_key, actor=OPERATOR, now=now(), principal=principal)


def restore(path, *, recovery=KEY, **more):
    return restore_backup(path=path, recovery=recovery, actor=OPERATOR, **more)


def keys_folder():
    return Path(vault_settings().home) / "keys"


def empty_host(aside):
    """Empty the database and move the key files away, as on a new host; return where they are."""
    _empty()
    shutil.move(keys_folder(), aside)
    cool()
    forget_providers()
    return aside


def bring_back(aside):
    """Put the key files back that `empty_host` moved away: they belong to the whole run."""
    shutil.rmtree(keys_folder(), ignore_errors=True)
    shutil.move(aside, keys_folder())
    cool()
    forget_providers()


def every_row():
    """All rows of all tables but those that are left out, as the superuser sees them, in a stable order."""
    with closing(_owner(user=ADMIN)) as raw:
        found = {
            table.name: raw.execute(f"SELECT t::text FROM {table.name} t ORDER BY 1").fetchall()
            for table in catalogue.tables(raw)
        }
        return found, catalogue.sequences(raw), catalogue.guards(raw)
