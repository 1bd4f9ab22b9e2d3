"""`make bench-workers`: the whole path of a message through a worker. Ends with 1 where a target is missed.

The path: claim, open, scan, redact, seal, record, commit, on messages of 600 bytes of which one in four holds personal
data. One process against two; how long workers wait for locks; the cost of a message when the tables hold 10,000
messages and when they hold a million (copies of real rows, with their findings and index entries).
"""

import os
import statistics
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import psycopg

from benchmarks.database import own_database, set_up
from benchmarks.store import texts

MANY = int(os.environ.get("THREADVAULT_BENCH_MESSAGES", "1000000"))
FEW, EACH, ROUNDS, SAMPLE = 10_000, 10_000, 5, 0.02
SIZE = 600
ACTOR = {"actor_kind": "operator", "operator": "bench"}
PERSONAL = "mail kim{0}@example.com or call +1 415 555 26{1:02}, I live at {0} Main Street. "


def contents(count):
    """Yield texts of `SIZE` bytes; every fourth holds an address, a phone number and a street."""
    plain = texts()
    for at in range(count):
        text = plain[at % len(plain)]
        yield ((PERSONAL.format(at, at % 100) if at % 4 == 0 else "") + text + text)[:SIZE]


class Vault:
    """One tenant whose messages wait, or were worked on."""

    def __init__(self, name):
        from governance.custody.founding import ensure_root_key, found_tenant
        from governance.identity.members import service_principal
        from governance.jobs import bell

        bell.bind(None)
        ensure_root_key()
        self.tenant = found_tenant(slug=name.replace("_", "-"), name="Bench", now=datetime.now(UTC), actor=ACTOR)
        self.producer = service_principal(tenant=self.tenant.id, role="producer", purpose="")
        self.stored = 0

    def add(self, count):
        """Import `count` messages, ten in a conversation; they wait for workers."""
        from governance.ingest.formats.recognising import parse_item
        from governance.ingest.receiving import Batch, receive

        found = list(contents(count))
        items = [
            {"external_id": f"c-{self.stored + at}", "collection": "bench", "data_subject": f"u-{at}",
             "messages": [{"external_id": f"m-{k}", "role": "user", "content": text} for k, text in enumerate(found[at : at + 10])]}
            for at in range(0, count, 10)
        ]  # fmt: skip
        for start in range(0, len(items), 200):
            batch = [parse_item(item, position=at) for at, item in enumerate(items[start : start + 200])]
            receive(actor=self.producer, batch=Batch(batch), idempotency_key="", now=datetime.now(UTC))
        self.stored += count

    def grow(self, total):
        """Copy rows that were worked on until the tables hold `total` messages, with findings and index entries."""
        copies = -(-(total - self.stored) // FEW)
        with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
            owner.execute("SELECT set_config('governance.tenant', %s, false)", [str(self.tenant.id)])
            owner.execute(
                "CREATE TEMP TABLE copied AS SELECT id AS old, k, gen_random_uuid() AS id"
                " FROM (SELECT id FROM governance_message WHERE state = 1 ORDER BY id LIMIT %s) m,"
                " generate_series(1, %s) AS k",
                [FEW, copies],
            )
            owner.execute("CREATE INDEX ON copied (old)")
            self._copy(owner, "governance_message", "id", {
                "id": "c.id", "ordinal": "m.ordinal + 1000 * c.k", "parent_id": "NULL",
                "external_index": "sha256(m.external_index || int4send(c.k::int4))",
            })  # fmt: skip
            own = "nextval(pg_get_serial_sequence('{}', 'id'))"
            for table in ("governance_finding", "governance_indexentry"):
                self._copy(owner, table, "message_id", {"id": own.format(table), "message_id": "c.id"})
            owner.execute("VACUUM ANALYZE")
            count = owner.execute("SELECT count(*) FROM governance_message").fetchone()
        self.stored = count[0]

    @staticmethod
    def _copy(owner, table, key, changed):
        names = owner.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_generated = 'NEVER'", [table]
        ).fetchall()
        columns = [name for (name,) in names]
        values = [changed.get(name, f'm."{name}"') for name in columns]
        listed = ", ".join(f'"{name}"' for name in columns)
        owner.execute(
            f"INSERT INTO {table} ({listed}) SELECT {', '.join(values)} FROM {table} m JOIN copied c ON c.old = m.{key}"
        )


class Watch(threading.Thread):
    """Looks every few milliseconds whether a worker waits for a lock of the database."""

    def __init__(self):
        super().__init__(daemon=True)
        self.over, self.working, self.waiting = threading.Event(), 0, 0

    def run(self):
        # The workers' own role: others see that a backend is there, but not what it waits for.
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as beside:
            while not self.over.wait(SAMPLE):
                rows = beside.execute(
                    "SELECT application_name, coalesce(wait_event_type, '') FROM pg_stat_activity"
                    " WHERE application_name LIKE 'bench-worker%' AND datname = current_database() AND state IS NOT NULL"
                ).fetchall()
                self.working += len({name for name, _ in rows})
                self.waiting += len({name for name, kind in rows if kind == "Lock"})


def work(count, processes):
    """Let processes of their own work until nothing waits; return messages/s, CPU seconds and the share of lock waits.

    They say when they are ready, so that the start of Python costs nothing.
    """
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.workers", "--work"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PGAPPNAME": f"bench-worker-{at}"},
        )
        for at in range(processes)
    ]  # fmt: skip
    for child in children:
        assert child.stdout.readline() == "ready\n"
    watch = Watch()
    watch.start()
    began = time.perf_counter()
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    told = [child.stdout.readline().split() for child in children]
    seconds = time.perf_counter() - began
    watch.over.set()
    watch.join()
    for child in children:
        child.communicate()
        assert child.returncode == 0
    # Ten messages come with the head of their conversation, which is a record of its own and is not counted here.
    assert sum(int(done) for done, _ in told) == count + count // 10, "every record was done once"
    return count / seconds, sum(float(cpu) for _, cpu in told), watch.waiting / max(watch.working, 1)


def worker():
    """The body of one process of `work`."""
    set_up()
    from governance.audit.models import AuditEntry
    from governance.jobs import bell
    from governance.pipeline.running import classify_for_all

    bell.bind(None)
    AuditEntry.objects.exists()
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.process_time()
    done = classify_for_all(seconds=600.0)
    print(done.redacted, time.process_time() - began, flush=True)


def measured(vault, *sides):
    """Return the rounds of each number of processes, made in turns, as (rate, CPU, lock waits, speed of the machine)."""
    found = {processes: [] for processes in sides}
    for _ in range(ROUNDS):
        for processes, rows in found.items():
            vault.add(EACH * processes)
            _analyze()
            speed = machine()
            rows.append((*work(EACH * processes, processes), speed))
    return list(found.values())


def machine():
    """Return how fast a core is just now: a virtual machine's changes by a fifth from minute to minute."""
    from governance.privacy.detectors import scan

    best, found = 0.0, list(contents(200))
    for _ in range(5):
        began = time.perf_counter()
        for text in found:
            scan(text)
        best = max(best, len(found) / (time.perf_counter() - began))
    return best


def middle(rounds):
    """Return the median of a side's rates, each divided by the machine's speed at that moment."""
    return statistics.median(rate / speed for rate, _, _, speed in rounds)


def _analyze():
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute("VACUUM (ANALYZE)")


def measure(name):
    vault = Vault(name)
    vault.add(FEW)
    work(FEW, 1)
    few, two = measured(vault, 1, 2)
    vault.grow(MANY)
    [many] = measured(vault, 1)
    return {"few": few, "two": two, "many": many, "stored": vault.stored}


def show(found):
    """Print the table and return whether every target was met."""
    few, two, many = (max(found[side]) for side in ("few", "two", "many"))
    ratio, cost = middle(found["two"]) / middle(found["few"]), middle(found["few"]) / middle(found["many"])
    cpu = EACH / few[1]
    print(
        f"messages of {SIZE} bytes, best of {ROUNDS} rounds of {EACH:,} a process; ratios are medians, by speed of the machine"
    )
    print(f"{'':<36}{'messages/s':>12}{'CPU ms each':>14}{'lock waits':>12}")
    for label, row, count in (
        (f"one process, {FEW:,} stored", few, EACH), ("two processes", two, 2 * EACH),
        (f"one process, {found['stored']:,} stored", many, EACH),
    ):  # fmt: skip
        print(f"{label:<36}{row[0]:>12,.0f}{row[1] / count * 1e3:>14.3f}{row[2]:>12.1%}")
    print(f"{'a core of Python alone does':<36}{cpu:>12,.0f}")
    checks = [
        ("whole path, messages/s a core", few[0], ">=", 2_000.0), ("two processes against one", ratio, ">=", 1.8),
        ("lock waits of two processes", two[2], "<=", 0.05), ("cost at many against few", cost, "<=", 1.10),
    ]  # fmt: skip
    good = True
    for label, value, sign, target in checks:
        met = value >= target if sign == ">=" else value <= target
        good = good and met
        print(f"{'met   ' if met else 'MISSED'} {label:<34}{value:>10,.3f}  {sign} {target:,}")
    return good


def main():
    if "--work" in sys.argv:
        worker()
        return
    with own_database() as name:
        good = show(measure(name))
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
