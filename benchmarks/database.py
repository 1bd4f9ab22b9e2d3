"""What the benchmarks share: a database of one's own, migrated and dropped at the end, and a stop watch."""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg

T = TypeVar("T")


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """Return the seconds that `call` took, and its result."""
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


@contextmanager
def own_database() -> Iterator[str]:
    """Make a database beside the installation's, set Django up on it and migrate it; yield its name, then drop it.

    Its address stands in the environment, so that processes which are started inside find it, too.
    """
    name, owner = f"bench_{secrets.token_hex(4)}", os.environ["DATABASE_OWNER_URL"]
    _administer(owner, f"CREATE DATABASE {name}")
    try:
        for variable in ("DATABASE_URL", "DATABASE_OWNER_URL"):
            os.environ[variable] = _address(os.environ[variable], name)
        set_up()
        from django.core.management import call_command
        from django.db import connections

        call_command("migrate", database="owner", verbosity=0)
        try:
            yield name
        finally:
            connections.close_all()
    finally:
        _drop(owner, name)


@contextmanager
def copied(source: str) -> Iterator[str]:
    """Copy a database that nobody is connected to; drop it at the end."""
    from django.db import connections

    name, owner = f"bench_{secrets.token_hex(4)}", os.environ["DATABASE_OWNER_URL"]
    connections.close_all()
    _administer(_address(owner, "postgres"), f"CREATE DATABASE {name} TEMPLATE {source}")
    try:
        yield name
    finally:
        _drop(_address(owner, "postgres"), name)


@contextmanager
def pointed_at(name: str) -> Iterator[None]:
    """Let processes that are started inside find this database; the connections of this process stay where they are."""
    before = {variable: os.environ[variable] for variable in ("DATABASE_URL", "DATABASE_OWNER_URL")}
    os.environ.update({variable: _address(address, name) for variable, address in before.items()})
    try:
        yield
    finally:
        os.environ.update(before)


def _address(address: str, name: str) -> str:
    return urlunsplit(urlsplit(address)._replace(path=f"/{name}"))


def set_up() -> None:
    """Set Django up in this process."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.dev")
    import django

    django.setup()


def _drop(owner: str, name: str) -> None:
    """Drop the database; without FORCE, which autovacuum's worker refuses to our role, and so again where it is busy."""
    for attempt in range(10):
        try:
            _administer(owner, f"DROP DATABASE IF EXISTS {name}")
        except psycopg.errors.ObjectInUse:
            if attempt == 9:
                raise
            time.sleep(1)
        else:
            return


def _administer(owner: str, statement: str) -> None:
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute(statement)
