"""`make bench-audit`: writing and verifying the record. Exits with 1 where it falls short of its aims.

One run, one server. Recorded reads: eight processes open and close a grant over one conversation of one tenant, as a
reader does (two entries each). Beside it, eight processes commit bare INSERTs of rows of the same size into a plain table,
two for each read. Then the chain is counted for forks, and a chain of a million entries, made by the database in the
layout of the record, is verified with its checkpoints.
"""

import multiprocessing
import os
import secrets
import sys
import time
from datetime import UTC, datetime

from benchmarks.store import administer, renamed

NAME = f"bench_{secrets.token_hex(4)}"
WRITERS, SECONDS = 8, 8.0
ENTRIES = int(os.environ.get("BENCH_ENTRIES", "1000000"))
AIM_READS, AIM_RATIO, AIM_VERIFY = 300, 0.8, 60.0
BODY = 500

FILL = """
DO $do$
DECLARE p bytea := decode(repeat('00', 32), 'hex'); h bytea; t timestamptz; b text;
BEGIN
    FOR n IN 1..%d LOOP
        t := clock_timestamp();
        b := '{"actor":"01a20943-b05b-70e7-a5e8-cc79f57830cf","actor_kind":"person","event":"grant.closed","opened":' || n || '}';
        h := sha256(convert_to('TVA1', 'UTF8') || uuid_send('%s'::uuid) || int8send(n)
            || int8send((extract(epoch from t) * 1000000)::bigint) || p || convert_to(b, 'UTF8'));
        INSERT INTO governance_auditentry (tenant_id, sequence, recorded_at, previous_hash, hash, body)
            VALUES ('%s', n, t, p, h, b);
        p := h;
    END LOOP;
END $do$
"""


def begin():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.dev")
    import django

    django.setup()


def reads(place, ready, go, counts):
    """Open and close grants until the time is up."""
    begin()
    tenant, user, conversation = place
    from governance.access.granting import grant
    from governance.identity.models import Tenant, User
    from governance.identity.principals import principal_for
    from governance.identity.scoping import tenant_scope
    from governance.vault.resources import resources

    principal = principal_for(user=User.objects.get(id=user), tenant=Tenant.objects.get(id=tenant))
    with tenant_scope(tenant):
        scope = resources([conversation])
    asked = {"principal": principal, "action": "read_redacted", "purpose": "quality", "resources": scope}
    with grant(**asked, now=datetime.now(UTC)):
        pass
    ready.release()
    go.wait()
    until, count = time.monotonic() + SECONDS, 0
    while time.monotonic() < until:
        with grant(**asked, now=datetime.now(UTC)):
            count += 1
    counts.put(count)


def inserts(ready, go, counts):
    """Commit bare rows of the same size, two for each read."""
    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("INSERT INTO bare (body) VALUES (%s)", ["x" * BODY])
        ready.release()
        go.wait()
        until, count = time.monotonic() + SECONDS, 0
        while time.monotonic() < until:
            connection.execute("INSERT INTO bare (body) VALUES (%s)", ["x" * BODY])
            connection.execute("INSERT INTO bare (body) VALUES (%s)", ["x" * BODY])
            count += 1
        counts.put(count)


def together(target, *arguments):
    """Run eight processes at once; return how many rounds they did a second."""
    context = multiprocessing.get_context("spawn")
    ready, go, counts = context.Semaphore(0), context.Event(), context.Queue()
    processes = [context.Process(target=target, args=(*arguments, ready, go, counts)) for _ in range(WRITERS)]
    for process in processes:
        process.start()
    for _ in processes:
        if not ready.acquire(timeout=120):
            raise SystemExit("A writer did not start.")
    go.set()
    total = sum(counts.get(timeout=SECONDS + 60) for _ in processes)
    for process in processes:
        process.join()
    return total / SECONDS


def prepare():
    from governance.custody.founding import ensure_root_key, found_tenant
    from governance.identity.members import add_member, create_person, service_principal
    from governance.ingest.formats.recognising import parse_item
    from governance.ingest.receiving import Batch, receive
    from governance.jobs import bell

    bell.bind(None)
    ensure_root_key()
    actor = {"actor_kind": "operator"}
    tenant = found_tenant(slug=NAME.replace("_", "-"), name="Bench", now=datetime.now(UTC), actor=actor)
    analyst = create_person(username=NAME, password=secrets.token_hex(8))
    add_member(tenant=tenant, user=analyst, role="analyst", actor=actor)
    item = {"external_id": "c", "collection": "bench", "data_subject": "u", "messages": [{"role": "user", "content": "x"}]}
    producer = service_principal(tenant=tenant.id, role="producer", purpose="")
    batch = Batch([parse_item(item, position=0)])
    stored = receive(actor=producer, batch=batch, idempotency_key="", now=datetime.now(UTC))
    return tenant.id, analyst.id, stored[0].id


def verify(tenant):
    """Verify a chain whole; return seconds and the report."""
    from governance.audit.verifying import verify_chain
    from governance.identity.scoping import tenant_scope

    began = time.perf_counter()
    with tenant_scope(tenant, using="audit"):
        report = verify_chain(tenant=tenant)
    return time.perf_counter() - began, report


def long_chain():
    """Make a chain of a million entries with checkpoints a thousand apart; return its tenant."""
    from uuid import uuid4

    from django.db import connections

    from governance.audit.checkpointing import sign_head
    from governance.crypto.signing import SigningKey
    from governance.identity.scoping import tenant_scope

    tenant, signer = uuid4(), SigningKey(secrets.token_bytes(32))
    with tenant_scope(tenant, using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute(FILL % (ENTRIES, tenant, tenant))
    began, signed = time.perf_counter(), 0
    while True:
        with tenant_scope(tenant):
            found = len(sign_head(tenant=tenant, signer=signer, trusted=frozenset(), now=datetime.now(UTC)))
        if not found:
            return tenant, signed, time.perf_counter() - began
        signed += found


def measure():
    """Return name, figure, aim and whether it holds, line by line."""
    from django.db import connections

    tenant, user, conversation = prepare()
    with connections["owner"].cursor() as cursor:
        cursor.execute("CREATE TABLE bare (id bigserial PRIMARY KEY, body text)")
    connections.close_all()
    bare = together(inserts)
    recorded = together(reads, (tenant, user, conversation))
    _, report = verify(tenant)
    yield f"forks in {report.entries:,} entries of {WRITERS} processes", 0 if report.whole else 1, "0", report.whole
    good = recorded >= AIM_READS or recorded >= AIM_RATIO * bare
    yield "recorded reads/s of one tenant, 8 writers", f"{recorded:,.0f}", f"{AIM_READS}, or {AIM_RATIO} of bare", good
    yield "the same commits bare, 8 writers", f"{bare:,.0f}", f"ratio {recorded / bare:.2f}", True
    long, signed, seconds = long_chain()
    yield f"signing {signed:,} checkpoints over {ENTRIES:,} entries, s", f"{seconds:.1f}", "", True
    seconds, report = verify(long)
    good = report.whole and report.entries == ENTRIES and seconds <= AIM_VERIFY
    yield f"verifying {report.entries:,} entries, s", f"{seconds:.1f}", f"{AIM_VERIFY:.0f}", good


def main():
    os.environ["BENCH_OWNER_URL"] = os.environ["DATABASE_OWNER_URL"]
    administer(f"CREATE DATABASE {NAME}")
    try:
        for variable in ("DATABASE_URL", "DATABASE_OWNER_URL"):
            os.environ[variable] = renamed(os.environ[variable], NAME)
        begin()
        from django.core.management import call_command
        from django.db import connections

        call_command("migrate", database="owner", verbosity=0)
        failed = 0
        for name, figure, aim, good in measure():
            print(f"{'ok  ' if good else 'FAIL'} {name:<60}{figure:>10}  {aim}", flush=True)
            failed += not good
        connections.close_all()
        return 1 if failed else 0
    finally:
        administer(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")


if __name__ == "__main__":
    sys.exit(main())
