"""What PostgreSQL says of our tables: which there are, in which order they can be filled, and what guards them.

A connection is one of psycopg that is used as it is: backups read, and restores write, past the ORM.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any, Final, LiteralString, TypeAlias

from psycopg import Connection
from psycopg.sql import SQL, Composed, Identifier

Raw: TypeAlias = Connection[tuple[Any, ...]]

# Sessions are no data: whoever signed out, or was signed out, stays so. Migrations are compared, not copied.
LEFT_OUT: Final = frozenset({"django_migrations", "django_session", "usersessions_usersession"})
# `migrate` fills these on its own; a restore replaces them, for others refer to them by number.
MADE_BY_MIGRATE: Final = ("auth_permission", "django_content_type")
_MIGRATIONS: Final = "django_migrations_id_seq"

_COLUMNS: Final[LiteralString] = """
SELECT c.relname, c.relrowsecurity, a.attname, format_type(a.atttypid, NULL)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY c.relname, a.attnum
"""
_REFERENCES: Final[LiteralString] = """
SELECT c.relname, t.relname
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid
WHERE c.relnamespace = 'public'::regnamespace AND k.contype = 'f' AND k.conrelid <> k.confrelid
"""
_GUARDS: Final[LiteralString] = """
SELECT c.relname, '', c.relrowsecurity::text || c.relforcerowsecurity::text FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
UNION ALL
SELECT c.relname, t.tgname, t.tgenabled::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal ORDER BY 1, 2
"""
_SEQUENCES: Final[LiteralString] = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'S' AND c.relname <> %s ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns with their types, without those that PostgreSQL makes, and whether rows belong to tenants."""

    name: str
    columns: tuple[tuple[str, str], ...]
    of_tenants: bool

    def copy(self, way: LiteralString) -> Composed:
        """Return the COPY statement for `TO STDOUT` or `FROM STDIN`; their binary form is that of every version."""
        names = SQL(", ").join(Identifier(name) for name, _ in self.columns)
        if way == "TO STDOUT":  # As a query: row security lets COPY take rows out no other way.
            return SQL("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT BINARY)").format(names, Identifier(self.name))
        return SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(Identifier(self.name), names)


def tables(raw: Raw) -> list[Table]:
    """Return the tables of a backup, each behind those that it refers to."""
    found: dict[str, tuple[bool, list[tuple[str, str]]]] = {}
    for name, of_tenants, column, kind in raw.execute(_COLUMNS).fetchall():
        found.setdefault(name, (of_tenants, []))[1].append((column, kind))
    order: TopologicalSorter[str] = TopologicalSorter({name: set() for name in found})
    for name, target in raw.execute(_REFERENCES).fetchall():
        order.add(name, target)
    return [Table(name, tuple(found[name][1]), found[name][0]) for name in order.static_order() if name not in LEFT_OUT]


def guards(raw: Raw) -> list[tuple[Any, ...]]:
    """Return what row security and triggers are switched to, to be compared with what it was."""
    return raw.execute(_GUARDS).fetchall()


def sequences(raw: Raw) -> dict[str, tuple[int, bool]]:
    """Return where each sequence stands: its last value, and whether it was given out."""
    names = [row[0] for row in raw.execute(_SEQUENCES, [_MIGRATIONS]).fetchall()]
    return {name: _standing(raw, name) for name in names}


def _standing(raw: Raw, name: str) -> tuple[int, bool]:
    row = raw.execute(SQL("SELECT last_value, is_called FROM {}").format(Identifier(name))).fetchone()
    return (int(row[0]), bool(row[1])) if row else (1, False)


def migrations(raw: Raw) -> list[tuple[str, str]]:
    """Return the migrations that were applied, by app and name."""
    return [(row[0], row[1]) for row in raw.execute("SELECT app, name FROM django_migrations ORDER BY 1, 2").fetchall()]


def exists(raw: Raw, name: str) -> bool:
    """Return whether there is such a table."""
    return raw.execute("SELECT to_regclass(%s) IS NOT NULL", [f"public.{name}"]).fetchall()[0][0] is True


def filled(raw: Raw, names: Iterable[str]) -> str:
    """Return the first of the tables that has a row, or nothing."""
    statement = SQL("SELECT EXISTS (SELECT FROM {})")
    return next((name for name in names if raw.execute(statement.format(Identifier(name))).fetchall()[0][0]), "")
