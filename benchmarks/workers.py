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

from benchmarks.database import copied, own_database, pointed_at, set_up
from benchmarks.store import texts

MANY = int(os.environ.get("THREADVAULT_BENCH_MESSAGES", "1000000"))
FEW, EACH, ROUNDS, SAMPLE, SCANS = 10_000, 20_000, 10, 0.1, 10_000
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
    """Looks ten times a second (it shares the cores) whether a worker waits for a lock of the database."""

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


def started(processes, task):
    """Start processes of their own for a task, and return them when they are ready: the start of Python costs nothing."""
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.workers", task], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PGAPPNAME": f"bench-worker-{at}"},
        )
        for at in range(processes)
    ]  # fmt: skip
    for child in children:
        assert child.stdout.readline() == "ready\n"
    return children


def go(children):
    """Let processes work; return the seconds until the last is done, and what each said."""
    began = time.perf_counter()
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    told = [child.stdout.readline().split() for child in children]
    seconds = time.perf_counter() - began
    for child in children:
        child.communicate()
        assert child.returncode == 0
    return seconds, told


def work(count, processes):
    """Let processes work until nothing waits; return messages/s, CPU seconds and the share of lock waits."""
    children = started(processes, "--work")
    watch = Watch()
    watch.start()
    seconds, told = go(children)
    watch.over.set()
    watch.join()
    # Ten messages come with the head of their conversation, which is a record of its own and is not counted here.
    assert sum(int(done) for done, _ in told) == count + count // 10, "every record was done once"
    return count / seconds, sum(float(cpu) for _, cpu in told), watch.waiting / max(watch.working, 1)


def floor():
    """Return how much faster this machine scans with two processes than with one, without a database."""
    one, two = (go(started(processes, "--scan"))[0] for processes in (1, 2))
    return 2 * one / two


def scanner():
    """The body of one process of `floor`."""
    set_up()
    from governance.privacy.detectors import scan

    found = list(contents(SCANS))
    print("ready", flush=True)
    sys.stdin.readline()
    for text in found:
        scan(text)
    print("done", flush=True)


def worker():
    """The body of one process of `work`."""
    set_up()
    from governance.audit.models import AuditEntry
    from governance.jobs import bell
    from governance.pipeline.running import classify_for_all
    from governance.pipeline.settling import settle

    bell.bind(None)
    settle()  # As a worker does before its first turn.
    AuditEntry.objects.exists()
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.process_time()
    done = classify_for_all(seconds=600.0)
    print(done.redacted, time.process_time() - began, flush=True)


def _analyze():
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute("VACUUM (ANALYZE)")


def measure(name):
    """Return rounds of (one process, two processes, one process at many, floor), the first three as (rate, CPU, lock waits).

    The three work off as many messages, in turns, the first two on copies of one database: a virtual machine's speed
    changes by a fifth from minute to minute, so only neighbours are compared.
    """
    vault = Vault(name)
    keep_still()
    vault.add(FEW)
    work(FEW, 1)
    vault.add(EACH)
    with copied(name) as waiting:
        work(EACH, 1)
        vault.grow(MANY)
        rounds = [(fresh(waiting, 1), fresh(waiting, 2), again(vault), floor()) for _ in range(ROUNDS)]
    return rounds, vault.stored


def keep_still():
    """Let autovacuum leave the tables alone; each round begins with a vacuum of its own.

    A round changes most rows of a table that holds few, so autovacuum would take its share of each, but of none where
    many are stored: it comes by parts of a table, not by messages.
    """
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        for (table,) in owner.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'governance%'").fetchall():
            owner.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")


def fresh(source, processes):
    """Work off what waits in a copy of the database that holds few."""
    with copied(source) as name, pointed_at(name):
        _analyze()
        return work(EACH, processes)


def again(vault):
    """Work off as much in the database that holds many."""
    vault.add(EACH)
    _analyze()
    return work(EACH, 1)


def show(rounds, stored):
    """Print the table and return whether every target was met."""
    few, two, many, _ = (max(side) for side in zip(*rounds, strict=True))
    ratio = statistics.median(pair[0] / one[0] for one, pair, _, _ in rounds)
    cost = statistics.median(one[0] / late[0] for one, _, late, _ in rounds)
    print(f"messages of {SIZE} bytes, best of {ROUNDS} rounds of {EACH:,}; ratios are medians over the rounds")
    print(f"{'':<36}{'messages/s':>12}{'CPU ms each':>14}{'lock waits':>12}")
    sides = {f"one process, {FEW:,} stored": few, "two processes": two, f"one process, {stored:,} stored": many}
    for label, row in sides.items():
        print(f"{label:<36}{row[0]:>12,.0f}{row[1] / EACH * 1e3:>14.3f}{row[2]:>12.1%}")
    print(f"{'a core of Python alone does':<36}{EACH / few[1]:>12,.0f}")
    print("two processes against one, and two of the scanner alone, without a database, against one, round by round:")
    print("  " + ", ".join(f"{pair[0] / one[0]:.2f} ({alone:.2f})" for one, pair, _, alone in rounds))
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
    if tasks := {"--work": worker, "--scan": scanner}.get(sys.argv[-1]):
        tasks()
        return
    with own_database() as name:
        good = show(*measure(name))
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
