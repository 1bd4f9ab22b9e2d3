"""Walks the migrations back and forward again on the database of the environment, and looks after each step. Row D06.

`python -m tests.concurrency.migrating TEXT...` prints, a line a step, its name, the seconds that it took, and the tables
in which one of the texts stands, as it is or as the bytes of a column.
"""

import json
import sys
import time

import django
import psycopg

from governance.runtime.postgres import ADMIN

OLDEST = "0002_row_security"  # Before it there is no row security, and nothing was stored.


def tables_with(texts, place):
    """Look as the superuser, whom no row security binds."""
    forms = [f"%{form}%" for text in texts for form in (text, text.encode().hex())]
    with psycopg.connect(
        host=place["HOST"], port=place["PORT"] or 5432, user=ADMIN, dbname=place["NAME"], autocommit=True
    ) as outside:
        tables = outside.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        held = 'SELECT EXISTS (SELECT FROM "{}" t WHERE t::text LIKE ANY(%s))'
        return [table for (table,) in tables.fetchall() if outside.execute(held.format(table), [forms]).fetchone()[0]]


def main(*texts):
    django.setup()
    from django.core.management import call_command
    from django.db import connections
    from django.db.migrations.loader import MigrationLoader

    place = connections["owner"].settings_dict
    names = sorted(name for label, name in MigrationLoader(connections["owner"]).disk_migrations if label == "governance")
    way = names[names.index(OLDEST) :]
    for name in [*way[-2::-1], *way[1:]]:
        began = time.monotonic()
        call_command("migrate", "governance", name, database="owner", verbosity=0, skip_checks=True)
        print(json.dumps({"at": name, "seconds": round(time.monotonic() - began, 2), "found": tables_with(texts, place)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
