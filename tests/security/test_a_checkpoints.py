"""ATTACKS.md, rows A02, A03, A04 and A08: the record cut, put in another order, rewritten; clocks that run backwards.

The control of a cut or rewritten chain is the same attack without the checkpoint outside: it looks whole.
"""

import pytest

from governance.audit.chain import Walk
from governance.audit.errors import ChainBroken
from tests.security.chains import ENTRIES, around, report, signed, without_uniqueness, write
from tests.security.chains import rehash as rehashed
from tests.security.test_c_ciphertext import sql


@pytest.fixture
def sink(tenant, tmp_path, monkeypatch):
    """A sink outside the state folder, with two checkpoints of the tenant's chain."""
    path = tmp_path / "checkpoints.jsonl"
    monkeypatch.setenv("THREADVAULT_AUDIT_SINKS", f"file:{path}")
    write(tenant, 5)
    signed(tenant)
    write(tenant, 5)
    signed(tenant)
    assert report(tenant, path).whole
    return path


def size(tenant):
    return sql(f"SELECT max(sequence) FROM {ENTRIES} WHERE tenant_id = %s", tenant.id)[0][0]


def cut(tenant, after, *, to=2**62):
    around(f"DELETE FROM {ENTRIES} WHERE tenant_id = %s AND sequence > %s AND sequence <= %s", tenant.id, after, to)


def forget_checkpoints(tenant):
    around("DELETE FROM governance_checkpoint WHERE tenant_id = %s", tenant.id)


def test_a02_an_entry_cut_from_the_middle_is_named(tenant, sink):
    cut(tenant, 3, to=4)
    found = report(tenant)
    assert (found.bad_sequence, found.fault) == (5, "entry 4 is missing; 5 follows")


@pytest.mark.parametrize("kept", ["all but three", "none"])
def test_a02_a_cut_end_is_detected_against_the_checkpoint_outside(tenant, sink, kept):
    end = size(tenant)
    cut(tenant, end - 3 if kept == "all but three" else 0)
    forget_checkpoints(tenant)
    found = report(tenant, sink)
    assert "entries were cut off" in found.fault
    assert found.bad_sequence == (end if kept == "all but three" else end - 5)


@pytest.mark.parametrize("kept", [3, 10_000])
def test_a02_control_without_the_checkpoint_outside_a_cut_chain_looks_whole(tenant, sink, kept):
    cut(tenant, size(tenant) - kept)
    forget_checkpoints(tenant)
    assert report(tenant).whole


def test_a02_the_checkpoints_beside_the_chain_detect_a_careless_cut(tenant, sink):
    cut(tenant, size(tenant) - 3)
    assert "entries were cut off" in report(tenant).fault


def swap(tenant):
    around(f"UPDATE {ENTRIES} SET sequence = CASE sequence WHEN 4 THEN 5 ELSE 4 END WHERE tenant_id = %s"
           " AND sequence IN (4, 5)", tenant.id)  # fmt: skip


def double(tenant):
    around(f"INSERT INTO {ENTRIES} (tenant_id, sequence, recorded_at, previous_hash, hash, body)"
           f" SELECT tenant_id, sequence, recorded_at, previous_hash, hash, body FROM {ENTRIES}"
           " WHERE tenant_id = %s AND sequence = 4", tenant.id)  # fmt: skip


def back_date(tenant):
    """An entry of yesterday with good hashes of its own, put between two others."""
    around(f"UPDATE {ENTRIES} SET sequence = sequence + 1 WHERE tenant_id = %s AND sequence >= 4", tenant.id)
    around(f"INSERT INTO {ENTRIES} (tenant_id, sequence, recorded_at, previous_hash, hash, body)"
           " SELECT tenant_id, 4, recorded_at - interval '1 day', hash, sha256(hash), body"
           f" FROM {ENTRIES} WHERE tenant_id = %s AND sequence = 3", tenant.id)  # fmt: skip


@pytest.mark.parametrize(("attack", "bad"), [(swap, 4), (double, 4), (back_date, 4)])
def test_a03_reordered_doubled_and_back_dated_entries_are_named(tenant, sink, attack, bad):
    with without_uniqueness():
        attack(tenant)
        assert report(tenant).bad_sequence == bad


@pytest.mark.parametrize("attack", [swap, double, back_date])
def test_a03_with_hashes_made_anew_the_checkpoint_outside_detects_it(tenant, sink, attack):
    with without_uniqueness():
        attack(tenant)
        rehashed(tenant, 4)
        forget_checkpoints(tenant)
        assert report(tenant).whole
        assert "signs another chain" in report(tenant, sink).fault


def test_a03_control_without_the_comparison_of_hashes_another_order_passes(tenant, sink, monkeypatch):
    step = Walk.step
    monkeypatch.setattr(Walk, "step", lambda self, link: step(self, link) and "")
    forget_checkpoints(tenant)
    with without_uniqueness():
        swap(tenant)
        assert report(tenant).whole


def rewrite(tenant):
    around(f"UPDATE {ENTRIES} SET body = replace(body, 'operator', 'nobody') WHERE tenant_id = %s AND sequence = 4"
           " OR tenant_id = %s AND sequence = 8", tenant.id, tenant.id)  # fmt: skip
    rehashed(tenant, 4)


def test_a04_a_chain_rewritten_with_good_hashes_does_not_fit_its_checkpoints(tenant, sink):
    rewrite(tenant)
    assert "signs another chain" in report(tenant).fault
    forget_checkpoints(tenant)
    assert "signs another chain" in report(tenant, sink).fault


def test_a04_control_without_checkpoints_a_rewritten_chain_looks_whole(tenant, sink):
    rewrite(tenant)
    forget_checkpoints(tenant)
    assert report(tenant).whole


def test_a04_checkpoints_signed_anew_with_another_key_are_refused(tenant, sink, monkeypatch):
    rewrite(tenant)
    forget_checkpoints(tenant)
    monkeypatch.setenv("THREADVAULT_AUDIT_SINKS", "")
    with monkeypatch.context() as attacker:
        attacker.setenv("THREADVAULT_AUDIT_KEY", "ab" * 32)
        signed(tenant)
    found = report(tenant)
    assert "signed by another key" in found.fault
    assert report(tenant, trusted=frozenset()).whole, "the control: nobody says who may sign"


def test_a04_a_broken_chain_is_not_signed(tenant, sink):
    write(tenant, 3)
    around(f"UPDATE {ENTRIES} SET body = replace(body, 'operator', 'nobody') WHERE tenant_id = %s AND sequence > %s",
           tenant.id, size(tenant) - 2)  # fmt: skip
    before = len(sink.read_bytes().splitlines())
    assert signed(tenant) == 0
    assert len(sink.read_bytes().splitlines()) == before


def test_a04_a_forged_frontier_is_not_gone_on_from(tenant, sink):
    from governance.audit.checkpointing import walk_from
    from governance.audit.models import Checkpoint
    from governance.audit.signers import trusted_keys
    from governance.identity.scoping import tenant_scope

    around("UPDATE governance_checkpoint SET frontier = set_byte(frontier, 0, (get_byte(frontier, 0) + 1) %% 256)"
           " WHERE tenant_id = %s", tenant.id)  # fmt: skip
    with tenant_scope(tenant.id), pytest.raises(ChainBroken, match="Merkle tree"):
        walk_from(Checkpoint.objects.latest("sequence"), trusted_keys())


def test_a08_a_clock_set_back_is_an_anomaly_and_the_chain_stays_whole(tenant, sink):
    """An hour back, and summer time's hour: entries with good hashes whose time runs backwards, as a wrong clock writes."""
    around(f"UPDATE {ENTRIES} SET recorded_at = recorded_at - interval '1 hour' WHERE tenant_id = %s AND sequence = %s",
           tenant.id, size(tenant))  # fmt: skip
    rehashed(tenant, size(tenant))
    forget_checkpoints(tenant)
    found = report(tenant)
    assert found.whole
    assert found.backwards == 1
    assert found.anomalies[0].startswith(f"entry {size(tenant)}:")


def test_a08_control_an_honest_clock_has_no_anomaly(tenant, sink):
    assert report(tenant).backwards == 0


def test_a08_the_time_is_the_servers_in_utc_and_not_the_transactions_begin(tenant):
    from governance.audit.canonical import microseconds_of
    from tests.conftest import now
    from tests.security.chains import links

    before = microseconds_of(now())
    write(tenant)
    assert before - 1_000_000 <= links(tenant)[-1].microseconds <= microseconds_of(now()) + 1_000_000
    body = sql("SELECT prosrc FROM pg_proc WHERE proname = 'audit_append'")[0][0]
    assert "clock_timestamp()" in body
    assert "now()" not in body


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu", "right/UTC"])
def test_a08_the_zone_of_a_session_does_not_reach_the_hash(tenant, zone):
    """Summer time and leap seconds are a matter of zones; what is hashed are microseconds since 1970 in UTC."""
    from tests.security.test_c_ciphertext import admin

    if not sql("SELECT 1 FROM pg_timezone_names WHERE name = %s", zone):
        zone = "Europe/Berlin"
    with admin() as outside:
        outside.execute("SELECT set_config('TimeZone', %s, false)", [zone])
        outside.execute("SELECT audit_append(%s, %s)", [tenant.id, '{"event":"command.run"}'])
    found = report(tenant)
    assert (found.whole, found.backwards) == (True, 0)


@pytest.mark.parametrize("moment", ["2026-10-25 02:30+02", "2026-10-25 02:30+01", "2016-12-31 23:59:60+00"])
def test_a08_the_doubled_hour_and_the_leap_second_have_one_number_each(tenant, moment):
    around(f"UPDATE {ENTRIES} SET recorded_at = %s::timestamptz WHERE tenant_id = %s AND sequence = 1", moment, tenant.id)
    rehashed(tenant, 1)
    assert report(tenant).whole
