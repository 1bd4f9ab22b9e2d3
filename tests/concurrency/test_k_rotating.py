"""ATTACKS.md, rows K10 and K11: keys rotate and retire while many others seal and open."""

import os
import random
import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, connections

from governance.crypto.envelope import Place
from governance.custody.destroying import destroy_due
from governance.identity.scoping import tenant_scope
from governance.keys import changing, data_keys, rewrapping, rotating
from governance.keys.changing import Cause
from governance.keys.data_keys import obtain, open_data_keys
from governance.keys.errors import KeyTooOld
from governance.keys.models import KeyVersion
from governance.keys.rings import lock_exclusive, lock_shared, rings_of
from governance.keys.rotating import prepare, rotate
from governance.keys.warming import keeping_warm, warm
from governance.keys.wrapped import NOBODY, KeyOwner
from tests.security.test_c_ciphertext import sql

SOAK = bool(os.environ.get("THREADVAULT_SOAK"))
WORKERS, SECONDS = 64, 10.0 if SOAK else 4.0
USES = ("content", "redacted", "index")
CAUSE = Cause(None, "a test")


def now():
    return datetime.now(UTC)


class Bank:
    """What 64 workers seal and open under three rings; `errors` counts what they met by name."""

    def __init__(self, tenant):
        self.tenant = tenant.id
        with tenant_scope(self.tenant):
            self.rings = rings_of(self.tenant)
        self.kept, self.done, self.errors, self.wrong = [], Counter(), Counter(), 0
        self.lock, self.ended = threading.Lock(), threading.Event()

    def seal(self, use):
        keeping_warm(lambda: self._seal(use), tenant=self.tenant)

    def _seal(self, use):
        text = os.urandom(40)
        with tenant_scope(self.tenant):
            lock_shared([self.rings[use]])
            owner = KeyOwner(uuid4(), uuid4(), use)
            key = obtain(tenant=self.tenant, owners=[owner], now=now())[owner]
            place = Place(self.tenant, owner.conversation, owner.owner, "message.source", 1)
            kept = (key.id, place, key.seal(text, place), text)
        with self.lock:
            self.kept.append(kept)

    def open(self, use):
        with self.lock:
            kept = random.choice(self.kept) if self.kept else None
        if kept is None:
            return
        key_id, place, envelope, text = kept
        with tenant_scope(self.tenant):
            opened = open_data_keys([key_id])[key_id].open(envelope, place)
        if opened != text:
            with self.lock:
                self.wrong += 1

    def rotate(self, use):
        fresh = prepare(tenant=self.tenant, use=use)
        with tenant_scope(self.tenant):
            rotate(fresh=fresh, cause=CAUSE, now=now())

    def set_minimum(self, use):
        """Any minimum, also one above what is in use: then, and only then, is an opening refused."""
        with tenant_scope(self.tenant):
            lock_exclusive(self.rings[use])
            newest = KeyVersion.objects.get(ring_id=self.rings[use], state="active").number
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE governance_keyring SET minimum_version = %s WHERE id = %s",
                    [random.randint(max(1, newest - 3), newest), self.rings[use]],
                )

    def work(self):
        acts = [self.seal] * 8 + [self.open] * 10 + [self.rotate, self.set_minimum]
        try:
            while not self.ended.is_set():
                act = random.choice(acts)
                try:
                    act(random.choice(USES))
                except Exception as error:
                    with self.lock:
                        self.errors[type(error).__name__] += 1
                with self.lock:
                    self.done[act.__name__] += 1
        finally:
            connections.close_all()


def all_work(bank):
    threads = [threading.Thread(target=bank.work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    time.sleep(SECONDS)
    bank.ended.set()
    for thread in threads:
        thread.join(60)


@pytest.mark.slow
def test_k10_64_workers_on_three_rings_meet_nothing_but_too_old(tenant):
    bank = Bank(tenant)
    all_work(bank)
    assert bank.wrong == 0
    assert set(bank.errors) <= {KeyTooOld.__name__}, bank.errors
    assert min(bank.done[name] for name in ("seal", "open", "rotate", "set_minimum")) > 5, bank.done
    assert bank.errors[KeyTooOld.__name__], "the control: a minimum above what is in use does refuse"


def test_k10_control_a_wrong_text_would_be_seen(tenant):
    bank = Bank(tenant)
    bank.seal("content")
    bank.kept = [(key, place, envelope, b"another text") for key, place, envelope, _ in bank.kept]
    bank.open("content")
    assert bank.wrong == 1


class Retiring:
    """Eight writers that sleep between reading the active version and their commit, and one that retires versions."""

    SECONDS, WRITERS, WRITES, RETIREMENTS = 8.0, 8, 2_000, 20

    def __init__(self, tenant):
        self.tenant = tenant.id
        with tenant_scope(self.tenant):
            self.ring = rings_of(self.tenant)["content"]
        self.written, self.retired, self.waits = 0, 0, []
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.faults = Counter()

    @contextmanager
    def timed(self, monkeypatch, lock=lock_exclusive):
        def noted(ring):
            began = time.monotonic()
            lock(ring)
            self.waits.append(time.monotonic() - began)

        with monkeypatch.context() as patched:
            patched.setattr(rotating, "lock_exclusive", noted)
            patched.setattr(changing, "lock_exclusive", noted)
            yield

    def write_one(self):
        with tenant_scope(self.tenant):
            data_keys.lock_shared([self.ring])
            obtain(tenant=self.tenant, owners=[KeyOwner(uuid4(), uuid4(), "content")], now=now())
            time.sleep(random.uniform(0, 0.05))

    def write(self):
        try:
            while not self.ended.is_set():
                keeping_warm(self.write_one, tenant=self.tenant)
                with self.lock:
                    self.written += 1
        except Exception as error:
            with self.lock:
                self.faults[type(error).__name__] += 1
        finally:
            connections.close_all()

    def retire(self):
        """Rotate, move what the old version wraps, and destroy it inside the barrier; without a pause."""
        fresh = prepare(tenant=self.tenant, use="content")
        with tenant_scope(self.tenant):
            old = KeyVersion.objects.get(ring_id=self.ring, state="active").id
            rotate(fresh=fresh, cause=CAUSE, now=now())
        while True:
            with tenant_scope(self.tenant):
                warm(tenant=self.tenant, uses=frozenset({"content"}))
            with tenant_scope(self.tenant):
                moved = rewrapping.rewrap_next(ring=self.ring, after=NOBODY)
            if moved.last is None and self.destroyed(old):
                self.retired += 1
                return

    def destroyed(self, version):
        return destroy_due(tenant=self.tenant, version_id=version, cause=CAUSE, now=now())

    def run(self, *, until):
        threads = [threading.Thread(target=self.write) for _ in range(self.WRITERS)]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        while not until(time.monotonic() - began) and time.monotonic() < began + 60:
            self.retire()
        self.ended.set()
        for thread in threads:
            thread.join(30)
        return time.monotonic() - began

    def orphans(self):
        return sql(
            "SELECT count(*) FROM governance_datakey k JOIN governance_keyversion v ON v.id = k.version_id"
            " WHERE v.state = 'destroyed' AND k.wrapped IS NOT NULL"
        )[0][0]


class Hasty(Retiring):
    """Without the barrier the database's own count catches what commits between ours and its; what commits later, nobody."""

    def destroyed(self, version):
        try:
            return super().destroyed(version)
        except IntegrityError:
            return False


@pytest.mark.slow
def test_k11_no_key_ends_on_a_retired_version_and_the_rotator_does_not_starve(tenant, monkeypatch):
    found = Retiring(tenant)
    with found.timed(monkeypatch):
        seconds = found.run(
            until=lambda passed: passed >= found.SECONDS and found.written >= found.WRITES
            and found.retired >= found.RETIREMENTS
        )  # fmt: skip
    print(f"{found.written} writes, {found.retired} retired in {seconds:.1f} s, longest wait {max(found.waits):.3f} s")
    assert not found.faults
    assert found.orphans() == 0
    assert found.written >= found.WRITES
    assert found.retired >= found.RETIREMENTS * seconds / found.SECONDS, "20 in 8 s, however long the writes took"
    assert max(found.waits) <= 1.0
    with tenant_scope(tenant.id):
        rows = sql("SELECT id FROM governance_datakey WHERE use = 'content'")
        assert len(open_data_keys([row[0] for row in rows])) == len(rows) == found.written


@pytest.mark.slow
def test_k11_control_without_the_barrier_keys_end_on_destroyed_versions(tenant, monkeypatch):
    found = Hasty(tenant)
    monkeypatch.setattr(data_keys, "lock_shared", lambda rings: None)
    with found.timed(monkeypatch, lock=lambda ring: None):
        found.run(until=lambda passed: passed >= 3.0)
    assert found.orphans() > 0
