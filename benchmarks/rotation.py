"""`make bench-rotation`: what a rewrap and a re-encryption of a whole ring cost. Ends with 1 where a target is missed.

A ring with a million messages in a hundred thousand conversations. The floor of a re-encryption is what PostgreSQL
needs to take new envelopes by COPY and to write them with one UPDATE, without encryption and row security: median of three.
Writers are one process that stores conversations without a pause.
"""

import os
import resource
import statistics
import subprocess
import sys
import time

import psycopg

from benchmarks.database import own_database, set_up, timed
from benchmarks.workers import Vault

MANY = int(os.environ.get("THREADVAULT_BENCH_MESSAGES", "1000000"))
EACH, FLOOR, SAMPLE, WRITER_SECONDS = 20_000, 200_000, 60_000, 5.0


def rotated(tenant):
    """Give the content ring a new active version."""
    from datetime import UTC, datetime
    from uuid import uuid4

    from governance.identity.scoping import tenant_scope
    from governance.keys.changing import Cause
    from governance.keys.rotating import prepare, rotate

    fresh = prepare(tenant=tenant, use="content")
    with tenant_scope(tenant):
        rotate(fresh=fresh, cause=Cause(uuid4(), "bench"), now=datetime.now(UTC))


def run(tenant, topic, spec, between=None):
    """Do a job to its end in this process; return (seconds, units done, growth of memory in MiB after its first second).

    `between` is called once in the middle, and its time does not count.
    """
    from governance.identity.scoping import tenant_scope
    from governance.jobs.leasing import claim_job, create
    from governance.pipeline.handlers import HANDLERS
    from governance.pipeline.settling import settle

    settle()  # As a worker does before its first turn.
    with tenant_scope(tenant):
        create(tenant=tenant, topic=topic, spec=spec)
    with tenant_scope(tenant):
        job, _ = claim_job([topic])
    began, early = time.perf_counter(), 0
    while not job.finished:
        HANDLERS[topic](job)
        if between is not None and job.cursor.get("phase") == "move":
            paused, between = time.perf_counter(), between()
            began += time.perf_counter() - paused
        if not early and time.perf_counter() - began > 1.0:
            early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - early) / 1024 if early else 0.0
    return time.perf_counter() - began, job.done, grown


def sealed_alone(tenant):
    """Return rows/s of reading a page and sealing it anew, without writing: Python's own part, which no core shares."""
    from uuid import UUID

    from governance.identity.scoping import tenant_scope
    from governance.vault.pending import KINDS
    from governance.vault.reencrypting import prepare

    after, rows, began = UUID(int=0), 0, time.perf_counter()
    while rows < SAMPLE:
        with tenant_scope(tenant):
            page = prepare(tenant=tenant, kind=KINDS[0], use="content", after=after)
        if page.last is None:
            break
        after, rows = page.last, rows + page.records
    return rows / (time.perf_counter() - began)


def writer():
    """Store conversations until told to stop; print how many messages a second."""
    set_up()
    from datetime import UTC, datetime

    from governance.identity.members import service_principal
    from governance.identity.models import Tenant
    from governance.ingest.formats.recognising import parse_item
    from governance.ingest.receiving import Batch, receive
    from governance.jobs import bell

    bell.bind(None)
    tenant = Tenant.objects.get()
    actor = service_principal(tenant=tenant.id, role="producer", purpose="")
    label, until, stored = sys.argv[2], float(sys.argv[3]), 0
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    while time.perf_counter() - began < until:
        items = [
            {"external_id": f"w-{label}-{stored + at}", "collection": "bench", "data_subject": f"w-{stored + at}",
             "messages": [{"external_id": f"m-{k}", "role": "user", "content": "w" * 600} for k in range(10)]}
            for at in range(100)
        ]  # fmt: skip
        receive(actor=actor, batch=Batch([parse_item(item, position=at) for at, item in enumerate(items)]),
                idempotency_key="", now=datetime.now(UTC))  # fmt: skip
        stored += 100
    print(10 * stored / (time.perf_counter() - began), flush=True)


def started(label, seconds):
    """Start the writer, and return it when it is ready."""
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.rotation", "--write", label, str(seconds)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout.readline() == "ready\n"
    return child


def told(child, say=True):
    """Let the writer begin, or read what it says at its end."""
    if say:
        child.stdin.write("go\n")
        child.stdin.flush()
        return 0.0
    rate = float(child.stdout.readline())
    child.communicate()
    return rate


def floor(tenant):
    """Return rows/s of COPY into a table of its own and one UPDATE from it, on a copy of the messages with its indexes."""
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute("SELECT set_config('governance.tenant', %s, false)", [str(tenant)])
        owner.execute("CREATE TABLE bench_floor (LIKE governance_message INCLUDING ALL)")
        names = [
            name for (name,) in owner.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = 'governance_message'"
                " AND is_generated = 'NEVER'"
            )
        ]  # fmt: skip
        listed = ", ".join(f'"{name}"' for name in names)
        owner.execute(
            f"INSERT INTO bench_floor ({listed}) SELECT {listed} FROM governance_message ORDER BY id LIMIT {FLOOR}"
        )
        owner.execute("VACUUM ANALYZE bench_floor")
        rows = owner.execute("SELECT id, source, source_data_key_id FROM bench_floor").fetchall()
        owner.execute("CREATE TEMP TABLE came (id uuid, body bytea, data_key uuid)")

        def write():
            with owner.transaction(), owner.cursor() as cursor:
                with cursor.copy("COPY came FROM STDIN (FORMAT BINARY)") as copy:
                    copy.set_types(["uuid", "bytea", "uuid"])
                    for row in rows:
                        copy.write_row(row)
                cursor.execute(
                    "UPDATE bench_floor m SET source = c.body, source_data_key_id = c.data_key,"
                    " source_revision = source_revision + 1 FROM came c WHERE c.id = m.id"
                )

        seconds, _ = timed(write)
        owner.execute("DROP TABLE bench_floor")
    return len(rows) / seconds


def measure(name):
    """Return what was measured, by name."""
    from datetime import UTC, datetime

    vault = Vault(name)
    while vault.stored < MANY:
        vault.add(min(EACH, MANY - vault.stored))
    tenant = vault.tenant.id
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute("VACUUM (ANALYZE)")
    found = {}
    rotated(tenant)
    seconds, keys, _ = run(tenant, "rewrap", {"use": "content"})
    found["rewrap, data keys/s alone"] = keys / seconds
    child = started("alone", WRITER_SECONDS)
    told(child)
    alone = told(child, say=False)
    rotated(tenant)
    child = started("beside", max(seconds * 0.8, 1.0))
    told(child)
    seconds, keys, _ = run(tenant, "rewrap", {"use": "content"})
    found["rewrap, data keys/s beside writers"] = keys / seconds
    found["rate that the writers keep"] = told(child, say=False) / alone
    found["floor of a re-encryption, rows/s"] = statistics.median(floor(tenant) for _ in range(3))
    before = datetime.now(UTC).isoformat()

    def alone_meanwhile():
        found["  reading, opening and sealing alone"] = sealed_alone(tenant)

    seconds, rows, grown = run(tenant, "reencrypt", {"use": "content", "before": before}, alone_meanwhile)
    found["re-encrypt, rows/s"] = rows / seconds
    found["re-encrypt against its floor"] = rows / seconds / found["floor of a re-encryption, rows/s"]
    found["growth of memory, MiB"] = grown
    return found


def show(found):
    """Print the table and return whether every target was met."""
    targets = {
        "rewrap, data keys/s alone": (">=", 30_000.0), "rewrap, data keys/s beside writers": (">=", 15_000.0),
        "rate that the writers keep": (">=", 0.8), "re-encrypt against its floor": (">=", 0.7),
        "growth of memory, MiB": ("<=", 64.0),
    }  # fmt: skip
    good = True
    for label, value in found.items():
        sign, target = targets.get(label, ("", 0.0))
        met = not sign or (value >= target if sign == ">=" else value <= target)
        good = good and met
        aim = f"{sign} {target:,}" if sign else ""
        print(f"{('met   ' if met else 'MISSED') if sign else '      '} {label:<38}{value:>12,.2f}  {aim}")
    return good


def main():
    if sys.argv[1:2] == ["--write"]:
        writer()
        return
    with own_database() as name:
        good = show(measure(name))
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
