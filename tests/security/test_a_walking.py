"""ATTACKS.md, rows A01, A02, A04 and A14: a chain that is cut or changed while a job verifies it, ahead of it and behind it.

The job keeps its place in the database that it verifies: what it keeps is signed, and forging it gains nothing.
"""

from contextlib import contextmanager
from datetime import timedelta

import pytest

from governance.audit.errors import VerdictUnsigned
from governance.custody import verdicts, verifying
from tests.conftest import now
from tests.security.chains import ENTRIES, around, report
from tests.security.chains import rehash as rehashed
from tests.security.test_a_checkpoints import cut, forget_checkpoints, size
from tests.security.test_c_ciphertext import admin, sql
from tests.security.walking_chains import Walker, grown, in_small_steps


@pytest.fixture
def sink(tenant, tmp_path, monkeypatch):
    """A sink outside the state folder, with the signed heads of a chain of several steps."""
    path = tmp_path / "checkpoints.jsonl"
    monkeypatch.setenv("THREADVAULT_AUDIT_SINKS", f"file:{path}")
    in_small_steps(monkeypatch)
    grown(tenant)
    return path


@pytest.fixture
def walker(tenant, people, sink):
    return Walker(tenant, people["auditor"])


def change(tenant, number):
    around(f"UPDATE {ENTRIES} SET body = replace(body, 'actor', 'aktor') WHERE tenant_id = %s AND sequence = %s",
           tenant.id, number)  # fmt: skip


def without_second_look(monkeypatch):
    monkeypatch.setattr(verifying, "is_untouched", lambda **_: True)


def without_signature(monkeypatch):
    monkeypatch.setattr(verdicts, "verify", lambda *_: None)


def test_a14_an_untouched_chain_is_whole_and_each_step_is_kept(tenant, walker):
    walker.go()
    assert (walker.row.done, walker.row.total) == (5, walker.row.spec["end"])
    walker.go(2)
    assert walker.row.done == 15
    found = walker.finish()
    assert (found.whole, found.fault) == (True, "")
    assert found.outside == found.checkpoints == 3
    assert found.attestation == "attested by file outside"


def test_a01_an_entry_changed_ahead_of_the_walk_is_named(tenant, walker):
    walker.go()
    change(tenant, 8)
    found = walker.finish()
    assert (found.bad_sequence, found.fault) == (8, "its bytes do not give its hash")
    assert (found.entries, walker.row.done) == (7, 7)


def test_a01_an_entry_changed_behind_the_walk_is_named(tenant, walker):
    walker.go(2)
    change(tenant, 3)
    found = walker.finish()
    assert (found.bad_sequence, found.fault) == (3, "its bytes do not give its hash")


def test_a01_control_without_the_second_look_a_change_behind_the_walk_is_missed(tenant, walker, monkeypatch):
    without_second_look(monkeypatch)
    walker.go(2)
    change(tenant, 3)
    assert walker.finish().whole


def test_a01_what_was_changed_and_put_back_is_no_fault(tenant, walker):
    walker.go(2)
    change(tenant, 3)
    around(f"UPDATE {ENTRIES} SET body = replace(body, 'aktor', 'actor') WHERE tenant_id = %s AND sequence = 3", tenant.id)
    assert walker.finish().whole, "it is walked once more, and all of it is good"


def test_a01_what_is_changed_at_each_walk_is_no_whole_chain(tenant, walker):
    for _ in range(verifying.WALKS):
        walker.to_the_end()
        around(f"UPDATE {ENTRIES} SET body = body WHERE tenant_id = %s AND sequence = 9", tenant.id)
        walker.go()
    found = walker.finish()
    assert found.bad_sequence == 9
    assert "changed or taken away each time" in found.fault


def test_a01_a_pause_before_the_end_hides_nothing(tenant, walker):
    walker.to_the_end()
    walker.rewrite_row(state="paused")
    assert not walker.go()
    change(tenant, 3)
    walker.rewrite_row(state="waiting")
    assert walker.finish().bad_sequence == 3


@contextmanager
def older_writer(tenant, *, nested=False):
    """A transaction that began to write before the walk does, and changes an entry when the block asks for it."""
    with admin() as outside, outside.transaction():
        outside.execute("SET LOCAL session_replication_role = replica")
        outside.execute("SELECT pg_current_xact_id()")
        if nested:  # Its write has a number of its own, which no snapshot lists.
            outside.execute("SAVEPOINT inner_one")
            outside.execute("CREATE TEMP TABLE of_inner (x int) ON COMMIT DROP")
        yield lambda: outside.execute(
            f"UPDATE {ENTRIES} SET body = replace(body, 'actor', 'aktor') WHERE tenant_id = %s AND sequence = 3", [tenant.id]
        )


@pytest.mark.parametrize("nested", [False, True])
def test_a01_the_walk_waits_for_whoever_began_to_write_before_it(tenant, walker, nested):
    with older_writer(tenant, nested=nested) as write:
        for _ in range(3):
            walker.go()
            walker.rewrite_row(not_before=None)
        assert (walker.row.done, walker.row.state, walker.row.reason) == (0, "waiting", verifying.OLDER)
        assert walker.row.attempt == 0
        write()
    assert walker.finish().bad_sequence == 3


@pytest.mark.parametrize("nested", [False, True])
def test_a01_control_without_waiting_his_change_behind_the_walk_is_missed(tenant, walker, nested, monkeypatch):
    monkeypatch.setattr(verifying, "is_settled", lambda **_: True)
    with older_writer(tenant, nested=nested) as write:
        walker.go(2)
        assert walker.row.done == 10
        write()
    assert walker.finish().whole


@pytest.mark.parametrize("steps", [1, 3])
def test_a02_an_end_cut_while_the_job_walks_is_detected(tenant, walker, steps):
    walker.go(steps)
    end = size(tenant)
    cut(tenant, end - 3)
    forget_checkpoints(tenant)
    found = walker.finish()
    assert "entries were cut off" in found.fault
    assert found.bad_sequence == end - 2


def test_a02_control_a_walk_to_whatever_the_end_is_by_then_finds_nothing(tenant, walker):
    """So the end is fixed when the verification is asked for."""
    walker.go()
    cut(tenant, size(tenant) - 3)
    forget_checkpoints(tenant)
    assert report(tenant).whole


def test_a02_entries_taken_away_behind_the_walk_are_named(tenant, walker):
    walker.go(2)
    cut(tenant, 3, to=4)
    found = walker.finish()
    assert (found.bad_sequence, found.fault) == (5, "entry 4 is missing; 5 follows")


def test_a02_control_without_the_second_look_they_are_missed(tenant, walker, monkeypatch):
    without_second_look(monkeypatch)
    walker.go(2)
    cut(tenant, 3, to=4)
    assert walker.finish().whole


def shorten(tenant, walker, **forged):
    """Cut the chain with all that the database knows of it, and let the job believe that it was never longer."""
    end = size(tenant) - 4
    cut(tenant, end)
    forget_checkpoints(tenant)
    walker.rewrite_row(spec={"end": end}, total=end, **forged)


def test_a02_an_end_that_is_lowered_in_the_job_is_not_its_end(tenant, walker, sink):
    sink.write_text("")
    shorten(tenant, walker)
    assert "entries were cut off" in walker.finish().fault


def test_a02_a_job_that_is_made_to_forget_its_end_does_not_fit_the_sink(tenant, walker):
    walker.go(2)
    shorten(tenant, walker, cursor={})
    assert "entries were cut off" in walker.finish().fault


def test_a02_control_without_the_heads_of_the_sink_it_looks_whole(tenant, walker, sink):
    walker.go(2)
    shorten(tenant, walker, cursor={})
    sink.write_text("")
    assert walker.finish().whole


def rewrite(tenant):
    change(tenant, 3)
    rehashed(tenant, 3)


def test_a04_a_chain_rewritten_under_the_walk_is_detected(tenant, walker):
    walker.go(2)
    rewrite(tenant)
    forget_checkpoints(tenant)
    assert not walker.finish().whole


def test_a04_a_chain_rewritten_behind_a_walk_at_its_end_does_not_fit_the_sink(tenant, walker):
    walker.to_the_end()
    rewrite(tenant)
    forget_checkpoints(tenant)
    assert "signs another chain" in walker.finish().fault


def test_a04_control_without_second_look_and_sink_it_looks_whole(tenant, walker, sink, monkeypatch):
    without_second_look(monkeypatch)
    walker.to_the_end()
    rewrite(tenant)
    forget_checkpoints(tenant)
    sink.write_text("")
    assert walker.finish().whole


def forge(cursor, **values):
    return {**cursor, "state": {**cursor["state"], **values}}


def forge_beginning(tenant, walker):
    """Change an entry behind the walk, and let the job believe that it began after that."""
    walker.go(2)
    change(tenant, 3)
    later = sql("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")[0][0]
    walker.rewrite_row(cursor=forge(walker.row.cursor, moment=later))


def test_a04_a_state_forged_in_the_job_is_not_gone_on_from(tenant, walker):
    forge_beginning(tenant, walker)
    assert walker.finish().bad_sequence == 3


def test_a04_control_an_unsigned_state_would_be_gone_on_from(tenant, walker, monkeypatch):
    without_signature(monkeypatch)
    forge_beginning(tenant, walker)
    assert walker.finish().whole


def test_a04_the_place_of_another_job_is_not_gone_on_from(tenant, people, walker):
    walker.go(3)
    other = walker.row.cursor
    walker.rewrite_row(state="cancelled")
    change(tenant, 3)
    again = Walker(tenant, people["auditor"])
    again.rewrite_row(cursor=other)
    assert again.finish().bad_sequence == 3


def brought_back(tenant, walker, monkeypatch):
    """Verify, change an entry, and let the next one who asks be given the old job with its signed verdict."""
    monkeypatch.setattr(verifying, "SKEW", timedelta(0))
    assert walker.finish().whole
    old = walker.row.cursor
    change(tenant, 3)
    walker.rewrite_row(state="waiting", finished_at=None)
    assert verifying.ask_verify(principal=walker.principal, now=now()) == walker.job
    walker.rewrite_row(state="done", cursor=old, finished_at=now())
    return verifying.verdict(principal=walker.principal, job_id=walker.job, now=now())


def test_a04_an_old_verdict_that_is_brought_back_is_not_shown(tenant, walker, monkeypatch):
    with pytest.raises(VerdictUnsigned, match="older than the request"):
        brought_back(tenant, walker, monkeypatch)


def test_a04_control_without_a_look_at_the_request_the_old_verdict_is_shown(tenant, walker, monkeypatch):
    monkeypatch.setattr(verifying, "_last_asked", lambda *_: None)
    assert brought_back(tenant, walker, monkeypatch).report.whole


def test_a04_a_forged_verdict_is_not_shown(tenant, walker):
    change(tenant, 3)
    found = walker.finish()
    good = {**walker.row.cursor["state"]["report"], "fault": "", "bad_sequence": None}
    walker.rewrite_row(cursor=forge(walker.row.cursor, report=good))
    assert not found.whole
    with pytest.raises(VerdictUnsigned):
        walker.finish()


def test_a04_control_an_unsigned_verdict_would_be_shown(tenant, walker, monkeypatch):
    change(tenant, 3)
    walker.finish()
    good = {**walker.row.cursor["state"]["report"], "fault": "", "bad_sequence": None}
    walker.rewrite_row(cursor=forge(walker.row.cursor, report=good))
    without_signature(monkeypatch)
    assert walker.finish().whole
