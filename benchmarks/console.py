"""`make bench-console`: each page of the console with a thousand messages stored and with a million. Ends with 1 where one is slower.

Pages come from the URLconf, each by a person whose role opens it, through the WSGI application with all its middleware.
The million are copies of rows that were worked on: conversations, messages, findings, index entries, people, data keys,
and entries of the record as so many messages leave them. The texts that pages open are real ones, for they are newest.
"""

import io
import os
import statistics
import sys
import time
from datetime import UTC, datetime

import psycopg

from benchmarks.database import own_database

MANY = int(os.environ.get("THREADVAULT_BENCH_MESSAGES", "1000000"))
FEW, EACH, ROUNDS, MOST, ENTRIES_A_THOUSAND = 1_000, 10, 15, 1.5, 30
MEMBERS = ("analyst", "privacy", "security", "auditor")
# Copies are older than what was stored: the time in a UUIDv7 stands in its first twelve digits.
AGED = "overlay(md5(o.id::text || c.k)::text placing '0190' from 1 for 4)::uuid"


def stored():
    """Return a tenant with a thousand messages that workers were done with, and the ids of its conversations."""
    from governance.custody.founding import ensure_root_key
    from governance.jobs import bell
    from governance.pipeline.running import run_classification
    from tests.conftest import item, make_tenant, store

    bell.bind(None)
    ensure_root_key()
    tenant = make_tenant()
    found = []
    for at in range(FEW // EACH):
        texts = [
            f"Mail me at kim{at}@example.com, line {line}." if line % 4 == 0 else f"Line {line}." for line in range(EACH)
        ]
        found += store(tenant, item(f"c-{at}", *texts, subject=f"u-{at}"))
    run_classification(tenant.id, seconds=300.0)
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")
    return tenant, [one.id for one in found]


def grow(tenant, total):
    """Copy the tenant's rows until its tables hold `total` messages, and what hangs from them."""
    copies = total // FEW - 1
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute("SELECT set_config('governance.tenant', %s, false)", [str(tenant)])
        owner.execute("SET session_replication_role = replica") if _is_superuser(owner) else None
        owner.execute("CREATE TEMP TABLE c AS SELECT generate_series(1, %s) AS k", [copies])
        for table, column in (("datasubject", "reference_index"), ("conversation", "external_index")):
            _copy(
                owner,
                table,
                {"id": AGED, column: f"sha256(o.{column} || int4send(c.k::int4))", "subject_id": _aged("subject_id")},
            )
        _copy(owner, "message", {"id": AGED, "conversation_id": _aged("conversation_id"), "parent_id": "NULL"})
        _copy(
            owner,
            "datakey",
            {"id": AGED, "conversation_id": _aged("conversation_id")},
            "o.conversation_id <> '00000000-0000-0000-0000-000000000000'",
        )
        for table in ("finding", "indexentry"):
            serial = f"nextval(pg_get_serial_sequence('governance_{table}', 'id'))"
            _copy(
                owner, table, {"id": serial, "conversation_id": _aged("conversation_id"), "message_id": _aged("message_id")}
            )
        owner.execute(
            "SELECT count(audit_append(%s::uuid, json_build_object('actor_kind', 'worker', 'event',"
            " CASE WHEN n %% 3 = 0 THEN 'batch.stored' ELSE 'grant.opened' END, 'messages', 100, 'purpose', 'classification')::text))"
            " FROM generate_series(1, %s) n",
            [str(tenant), total // 1000 * ENTRIES_A_THOUSAND],
        )
        owner.execute("VACUUM ANALYZE")
        return owner.execute("SELECT count(*) FROM governance_message").fetchone()[0]


def _is_superuser(owner):
    return owner.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()[0]


def _aged(column):
    """The id of the copy of the row that the column names."""
    return AGED.replace("o.id", f"o.{column}")


def _copy(owner, table, changed, condition="true"):
    names = [
        name for (name,) in owner.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_generated = 'NEVER'",
            [f"governance_{table}"],
        )
    ]  # fmt: skip
    listed = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(changed.get(name, f'o."{name}"') for name in names)
    owner.execute(
        f"INSERT INTO governance_{table} ({listed}) SELECT {values} FROM governance_{table} o, c WHERE {condition}"
    )


class Pages:
    """The pages of the URLconf, each with its address and the cookies of a person whose role opens it."""

    def __init__(self, tenant, conversations):
        from django.conf import settings
        from django.core.wsgi import get_wsgi_application
        from django.test import Client

        from governance.console.site import urlpatterns
        from tests.security.matrix import World, expected, show_factor

        self.application, self.found = get_wsgi_application(), {}
        answers = {line.route: line.answers for line in expected() if line.method == "GET"}
        worlds, cookies = {}, {}
        for pattern in urlpatterns:
            route = str(pattern.pattern)
            able = [one for one in MEMBERS if answers.get(route, {}).get(one) == "200"]  # None where a route only acts.
            for person in able if route == "" else able[:1]:
                self.found[f"{route} {person}"] = (route, person)
        for name, (route, person) in self.found.items():
            if person not in worlds:
                worlds[person], client = World(tenant, conversations[-1:], person), Client()
                client.force_login(worlds[person].user)
                show_factor(client, worlds[person].user)
                cookies[person] = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
            self.found[name] = (worlds[person].path(route, "GET"), cookies[person])

    def get(self, route):
        """Ask for a page as a server does, and read it to its end; return the seconds."""
        path, cookie = self.found[route]
        environ = {
            "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr, "wsgi.multithread": False, "wsgi.multiprocess": True, "wsgi.run_once": False,
            "HTTP_HOST": "localhost", "HTTP_COOKIE": cookie, "REMOTE_ADDR": "127.0.0.1",
        }  # fmt: skip
        said = []
        began = time.perf_counter()
        answer = self.application(environ, lambda status, headers, *_: said.append(status))
        body = b"".join(answer)
        answer.close()
        seconds = time.perf_counter() - began
        assert said[0].startswith("200"), (route, said, body[:300])
        return seconds

    def measure(self):
        """Return the median of each page; the pages come in turns, so that the machine's moods meet all alike."""
        times = {route: [] for route in self.found}
        for at in range(ROUNDS + 2):
            for route in self.found:
                seconds = self.get(route)
                if at >= 2:
                    times[route].append(seconds)
        return {route: statistics.median(all_of_it) for route, all_of_it in times.items()}


def counted(tenant):
    """Let the schedule's counts be up to date, as they are on an installation at work."""
    from governance.custody.counting import keep_counts

    keep_counts(tenant=tenant, now=datetime.now(UTC))


def show(pages, few, many, count):
    """Print a line a page and return how many miss the aim."""
    missed = 0
    print(f"{'page, and who opens it':<62}{FEW:>9,}{count:>12,}   ratio (at most {MOST})")
    for route in sorted(few, key=lambda one: -many[one] / few[one]):
        held = many[route] <= MOST * few[route]
        missed += not held
        line = f"/{route:<61}{few[route] * 1000:>6.1f} ms{many[route] * 1000:>9.1f} ms"
        print(f"{line}   {many[route] / few[route]:.2f} {'' if held else 'MISSED'}")
    return missed


def main():
    with own_database():
        tenant, conversations = stored()
        pages = Pages(tenant, conversations)
        counted(tenant.id)
        few = pages.measure()
        count = grow(tenant.id, MANY)
        counted(tenant.id)
        many = pages.measure()
        missed = show(pages, few, many, count)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
