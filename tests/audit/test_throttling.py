"""Refusals on the record: the first at once, equal ones counted, and nobody floods or hides."""

import json
import os

import pytest

from governance.audit import throttling
from governance.audit.throttling import record_refused, write_all
from tests.security.test_c_ciphertext import sql


def entries(tenant):
    rows = sql("SELECT body FROM governance_auditentry WHERE tenant_id = %s AND event IN ('grant.refused',"
               " 'refusals.repeated') ORDER BY sequence", tenant.id)  # fmt: skip
    return [json.loads(row[0]) for row in rows]


def refuse(tenant, actor="a", code="policy.denied", action="read_source"):
    record_refused(tenant=tenant.id, event="grant.refused", actor=actor, actor_kind="person", code=code, action=action)


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        moment = 1000.0

        def monotonic(self):
            return self.moment

    found = Clock()
    monkeypatch.setattr(throttling, "time", found)
    return found


def test_a_flood_is_two_entries_with_the_right_count(tenant, clock):
    for _ in range(500):
        refuse(tenant)
    assert len(entries(tenant)) == 1
    clock.moment += 61
    refuse(tenant, actor="somebody else")
    found = entries(tenant)
    assert [one["event"] for one in found] == ["grant.refused", "refusals.repeated", "grant.refused"]
    assert (found[1]["count"], found[1]["actor"], found[1]["refused"]) == (499, "a", "grant.refused")


def test_another_person_code_or_action_is_recorded_at_once(tenant, clock):
    refuse(tenant)
    refuse(tenant, actor="b")
    refuse(tenant, code="purpose.unknown")
    refuse(tenant, action="export")
    assert len(entries(tenant)) == 4


def test_taking_turns_floods_nothing(tenant, clock):
    for _ in range(100):
        refuse(tenant, code="policy.denied")
        refuse(tenant, code="purpose.unknown")
    assert len(entries(tenant)) == 2
    write_all()
    assert sorted(one["count"] for one in entries(tenant)[2:]) == [99, 99]


def test_the_window_begins_anew_after_its_end(tenant, clock):
    refuse(tenant)
    refuse(tenant)
    clock.moment += 61
    refuse(tenant)
    assert [one.get("count") for one in entries(tenant)] == [None, 1, None]


def test_a_quiet_process_writes_its_count_by_a_timer(tenant, monkeypatch):
    import time

    monkeypatch.setenv("THREADVAULT_REFUSAL_SECONDS", "1")
    refuse(tenant)
    refuse(tenant)
    until = time.monotonic() + 5
    while len(entries(tenant)) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    assert entries(tenant)[-1]["count"] == 1


def test_memory_is_bounded_and_what_makes_room_is_written(tenant, clock, monkeypatch):
    monkeypatch.setattr(throttling, "MOST", 3)
    refuse(tenant, actor="first")
    refuse(tenant, actor="first")
    for number in range(4):
        refuse(tenant, actor=f"p{number}")
    assert len(throttling._throttle._windows) == 3
    assert [one["count"] for one in entries(tenant) if one["event"] == "refusals.repeated"] == [1]


def test_a_child_process_counts_for_itself(tenant, clock):
    refuse(tenant)
    refuse(tenant)
    child = os.fork()
    if child == 0:
        os._exit(len(throttling._throttle._windows))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(throttling._throttle._windows) == 1


def test_a_refusal_that_cannot_be_recorded_opens_no_window(tenant, clock, monkeypatch):
    from governance.audit.errors import RecordRefused

    def broken(**facts):
        raise RecordRefused("no")

    with monkeypatch.context() as broken_record:
        broken_record.setattr(throttling, "record_now", broken)
        with pytest.raises(RecordRefused):
            refuse(tenant)
    refuse(tenant)
    assert len(entries(tenant)) == 1
