"""ATTACKS.md, rows K05 to K07: how old a version may be, and how often and how long one wraps."""

import os
import signal
from datetime import timedelta

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections

from governance.access.errors import AccessDenied
from governance.approvals.asking import ApprovalRefused
from governance.audit.errors import RecordRefused
from governance.audit.recording import record_with_effect
from governance.custody import minimum
from governance.custody.changing import change_version
from governance.custody.minimum import ask_lower_minimum, lower_minimum, raise_minimum
from governance.custody.planning import plan
from governance.custody.rewrapping import ask_rewrap
from governance.custody.rotation import rotate_ring
from governance.custody.upkeep import keep_up
from governance.identity.scoping import tenant_scope
from governance.keys import counting, limits
from governance.keys.data_keys import open_data_keys
from governance.keys.errors import BadTransition, KeyExhausted, KeyInUse, KeyTooOld, KeyUnavailable
from governance.keys.listing import versions
from governance.keys.models import KeyVersion
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.working import work_for_all
from tests.access.policing import Officers
from tests.conftest import as_principal, item, make_tenant, now, store, totp
from tests.security.test_c_ciphertext import admin, read, sql


@pytest.fixture(autouse=True)
def no_blocks():
    counting.forget_blocks()
    yield
    counting.forget_blocks()


@pytest.fixture
def officer(tenant, people):
    return as_principal(tenant, people["security_officer"], second_factor=True)


def chat(tenant, name="c-1"):
    return store(tenant, item(name, "hello", subject=name))[0].id


def moved_to_second(tenant, officer):
    """Rotate and rewrap the content ring, and raise its minimum to the new version."""
    rotate_ring(principal=officer, use="content", now=now())
    ask_rewrap(principal=officer, use="content", now=now())
    work_for_all(HANDLERS)
    raise_minimum(principal=officer, use="content", number=2, now=now())


def old_row(tenant):
    """A data key as its row was under version 1, before anything moved."""
    ((key, version, wrapped),) = sql(
        "SELECT id, version_id, wrapped FROM governance_datakey WHERE use = 'content' AND owner_id <> conversation_id"
    )
    return key, version, bytes(wrapped)


def put_back(key, version, wrapped):
    sql("UPDATE governance_datakey SET version_id = %s, wrapped = %s WHERE id = %s", version, wrapped, key)


def test_k05_a_row_of_before_opens_no_more_below_the_minimum(tenant, officer):
    conversation = chat(tenant)
    before = old_row(tenant)
    moved_to_second(tenant, officer)
    assert read(tenant, conversation) == ["hello"]
    put_back(*before)
    with pytest.raises(KeyTooOld):
        read(tenant, conversation)
    with tenant_scope(tenant.id), pytest.raises(KeyTooOld):
        open_data_keys([before[0]], emergency=True)


def test_k05_control_without_a_minimum_the_same_row_opens(tenant, officer):
    conversation = chat(tenant)
    before = old_row(tenant)
    moved_to_second(tenant, officer)
    put_back(*before)
    sql("UPDATE governance_keyring SET minimum_version = 1")
    assert read(tenant, conversation) == ["hello"], "version 1 exists still, and its bytes are there"


def test_k06_the_minimum_is_not_raised_above_what_is_in_use(tenant, officer):
    chat(tenant)
    rotate_ring(principal=officer, use="content", now=now())
    with pytest.raises(KeyInUse, match="^1 data keys"):
        raise_minimum(principal=officer, use="content", number=2, now=now())
    with pytest.raises(BadTransition, match="above the active"):
        raise_minimum(principal=officer, use="index", number=2, now=now())
    ask_rewrap(principal=officer, use="content", now=now())
    work_for_all(HANDLERS)
    assert raise_minimum(principal=officer, use="content", number=2, now=now()) == 2, "the control"


def test_k06_one_person_does_not_lower_it_and_two_do(tenant, officer, people):
    chat(tenant)
    moved_to_second(tenant, officer)
    with pytest.raises(BadTransition, match="two people"):
        raise_minimum(principal=officer, use="content", number=1, now=now())
    asked = ask_lower_minimum(principal=officer, use="content", number=1, reason="an old backup", now=now())
    with pytest.raises(ApprovalRefused):
        lower_minimum(principal=officer, approval_id=asked, now=now())
    assert sql("SELECT minimum_version FROM governance_keyring WHERE use = 'content'") == [(2,)]
    Officers(tenant).agree(asked)
    sql("UPDATE governance_keyring SET minimum_version = 3 WHERE use = 'content'")
    with pytest.raises(ApprovalRefused, match="another one than the two people saw"):
        lower_minimum(principal=officer, approval_id=asked, now=now())
    sql("UPDATE governance_keyring SET minimum_version = 2 WHERE use = 'content'")
    assert lower_minimum(principal=officer, approval_id=asked, now=now()) == 1
    with pytest.raises(ApprovalRefused):
        lower_minimum(principal=officer, approval_id=asked, now=now())
    bodies = [body for (body,) in sql("SELECT body FROM governance_auditentry WHERE event = 'key.minimum_changed'")]
    assert len(bodies) == 2
    assert str(asked) in bodies[1]
    auditor = as_principal(tenant, people["auditor"], second_factor=True)
    with pytest.raises(AccessDenied):
        raise_minimum(principal=auditor, use="content", number=2, now=now())


def test_k06_control_where_no_approval_is_looked_for_one_person_brings_the_old_key_back(tenant, officer, monkeypatch):
    conversation = chat(tenant)
    before = old_row(tenant)
    moved_to_second(tenant, officer)
    put_back(*before)
    asked = ask_lower_minimum(principal=officer, use="content", number=1, reason="an old backup", now=now())
    monkeypatch.setattr(minimum, "use", lambda **_: None)
    assert lower_minimum(principal=officer, approval_id=asked, now=now()) == 1
    assert read(tenant, conversation) == ["hello"]


def uses(use="content"):
    return sql(
        "SELECT v.number, v.uses, v.state FROM governance_keyversion v JOIN governance_keyring r ON r.id = v.ring_id"
        " WHERE r.use = %s ORDER BY v.number",
        use,
    )


def set_uses(count, use="content"):
    sql(
        "UPDATE governance_keyversion SET uses = %s WHERE state = 'active' AND ring_id IN"
        " (SELECT id FROM governance_keyring WHERE use = %s)",
        count,
        use,
    )
    counting.forget_blocks()


def test_k05_no_version_below_the_minimum_becomes_active_again(tenant, officer):
    """What a writer sealed under it could be read by nobody."""
    with tenant_scope(tenant.id):
        (first,) = [one.id for one in versions() if one.use == "content"]
    change_version(principal=officer, version_id=first, act="suspend", reason="r", now=now())
    rotate_ring(principal=officer, use="content", now=now())
    raise_minimum(principal=officer, use="content", number=2, now=now())
    with tenant_scope(tenant.id):
        (second,) = [one.id for one in versions() if one.use == "content" and one.version == 2]
    change_version(principal=officer, version_id=second, act="suspend", reason="r", now=now())
    with pytest.raises(BadTransition, match="accepts this version no more"):
        change_version(principal=officer, version_id=first, act="resume", reason="r", now=now())
    sql("UPDATE governance_keyversion SET state = 'active' WHERE id = %s", first)
    conversation = chat(tenant)
    with pytest.raises(KeyTooOld):
        read(tenant, conversation)  # The control: it was taken in and opens nowhere.


def test_k07_uses_are_counted_in_blocks_before_they_are_made(tenant):
    for at in range(3):
        chat(tenant, f"c-{at}")
    assert uses() == [(1, limits.BLOCK, "active")]
    counting.forget_blocks()  # As a process that ends: what was left counts as used.
    chat(tenant, "c-later")
    assert uses() == [(1, 2 * limits.BLOCK, "active")]


def test_k07_a_use_is_counted_though_its_transaction_comes_to_nothing(tenant, monkeypatch):
    from governance.vault import storing

    def broken(**_):
        raise MemoryError

    monkeypatch.setattr(storing, "write_manifest", broken)
    with pytest.raises(MemoryError):
        chat(tenant)
    assert sql("SELECT count(*) FROM governance_datakey WHERE use = 'content'") == [(0,)], "the control: it was rolled back"
    assert uses() == [(1, limits.BLOCK, "active")]


def test_k07_what_a_rollback_takes_back_leaves_no_block_behind(tenant):
    """Where the connection that commits by itself is taken, a use is reserved on ours, and a rollback takes that back."""
    with tenant_scope(tenant.id):
        (version,) = [one.id for one in versions() if one.use == "content"]
    with pytest.raises(MemoryError), tenant_scope(tenant.id), tenant_scope(tenant.id, using="audit"):
        counting.count_uses(version, 1)
        assert list(KeyVersion.objects.filter(id=version).values_list("uses", flat=True)) == [1], "the control: reserved"
        raise MemoryError
    with tenant_scope(tenant.id):
        counting.count_uses(version, 1)
    assert uses() == [(1, limits.BLOCK, "active")]


def test_k07_a_ring_whose_clock_was_a_year_ahead_does_not_wait_that_year(tenant):
    keep_up(tenant=tenant.id, now=now() + timedelta(hours=-1))
    assert len(uses("signing")) == 1, "the control: clocks of two machines differ"
    sql("UPDATE governance_keyversion SET activated_at = now() + interval '1 year'")
    for _ in range(2):
        keep_up(tenant=tenant.id, now=now())
    assert [(number, state) for number, _, state in uses("signing")] == [(1, "deactivated"), (2, "active")]


def test_k07_the_count_survives_a_process_that_is_killed(tenant):
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            chat(tenant)
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert uses() == [(1, limits.BLOCK, "active")]
    chat(tenant, "c-2")
    assert uses() == [(1, 2 * limits.BLOCK, "active")], "a block of another process is not taken up again"


def test_k07_the_count_never_goes_down_and_the_control_without_the_trigger_does(tenant):
    chat(tenant)
    with admin() as outside, pytest.raises(psycopg.errors.CheckViolation, match="only grows"):
        outside.execute("UPDATE governance_keyversion SET uses = uses - 1 WHERE uses > 0")
    with admin() as outside:
        outside.execute("SET session_replication_role = replica")
        assert outside.execute("UPDATE governance_keyversion SET uses = uses - 1 WHERE uses > 0").rowcount


def test_k07_a_version_near_its_limit_rotates_by_itself_and_writers_go_on(tenant):
    set_uses(limits.ROTATE_AT - 1)
    keep_up(tenant=tenant.id, now=now())
    assert [number for number, _, _ in uses()] == [1], "the control: not yet"
    set_uses(limits.ROTATE_AT)
    keep_up(tenant=tenant.id, now=now())
    assert [(number, state) for number, _, state in uses()] == [(1, "deactivated"), (2, "active")]
    conversation = chat(tenant)
    assert uses()[1][1] == limits.BLOCK
    assert read(tenant, conversation) == ["hello"]
    ((body,),) = sql("SELECT body FROM governance_auditentry WHERE event = 'key.rotated'")
    assert '"why":"uses"' in body


def test_k07_at_its_limit_a_version_wraps_no_more(tenant):
    set_uses(limits.MOST_USES - 1)
    chat(tenant)
    assert uses()[0][1] == limits.MOST_USES, "the last one, and no block"
    with pytest.raises(KeyExhausted):
        chat(tenant, "c-2")
    assert sql("SELECT count(*) FROM governance_conversation") == [(1,)]


def test_k07_a_ring_rotates_by_age_once_however_many_look(tenant):
    later = now() + timedelta(days=91)
    sql("UPDATE governance_keyversion SET activated_at = now() - interval '89 days'")
    keep_up(tenant=tenant.id, now=now())
    assert len(uses("signing")) == 1, "the control: not yet"
    for _ in range(2):
        keep_up(tenant=tenant.id, now=later)
    assert [(number, state) for number, _, state in uses("signing")] == [(1, "deactivated"), (2, "active")]


def test_k07_a_chain_that_takes_no_entry_holds_up_its_own_tenant_only(tenant):
    """Nothing is done that is not on the record, and the upkeep goes on to the next tenant."""
    later = now() + timedelta(days=91)
    with admin() as outside:
        outside.execute("CREATE FUNCTION no_entry() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'")
        outside.execute(
            "CREATE TRIGGER no_entry BEFORE INSERT ON governance_auditentry FOR EACH ROW"
            f" WHEN (NEW.tenant_id = '{tenant.id}') EXECUTE FUNCTION no_entry()"
        )
    try:
        with pytest.raises(RecordRefused), tenant_scope(tenant.id):
            record_with_effect(tenant=tenant.id, event="key.rotated")
        other = make_tenant("other")
        for one in (tenant, other):
            keep_up(tenant=one.id, now=later)
        assert sql("SELECT tenant_id, count(*) FROM governance_keyversion GROUP BY 1 ORDER BY 2") == [
            (tenant.id, 5), (other.id, 10)
        ]  # fmt: skip
    finally:
        with admin() as outside:
            outside.execute("DROP FUNCTION no_entry() CASCADE")


def test_k03_keys_of_the_tenant_as_a_whole_under_a_compromised_version_open_after_a_rewrap(tenant, officer):
    chat(tenant)
    with tenant_scope(tenant.id):
        (index,) = [one.id for one in versions() if one.use == "index"]
    change_version(principal=officer, version_id=index, act="compromise", reason="a laptop", now=now())
    with pytest.raises(KeyUnavailable):
        chat(tenant, "c-2")
    ask_rewrap(principal=officer, use="index", now=now())
    work_for_all(HANDLERS)
    assert read(tenant, chat(tenant, "c-2")) == ["hello"]


def test_k01_a_rotation_keeps_the_first_500_characters_of_its_reason(tenant, officer):
    assert rotate_ring(principal=officer, use="content", reason="why " * 200, now=now()) == 2
    assert sql("SELECT DISTINCT length(reason) FROM governance_keytransition WHERE reason LIKE 'why%%'") == [(500,)]


def test_the_plan_says_what_work_on_a_ring_comes_to(tenant, officer, people, capsys):
    for at in range(3):
        chat(tenant, f"c-{at}")
    rotate_ring(principal=officer, use="content", now=now())
    found = plan(principal=officer, use="content", now=now())
    assert (found.data_keys, found.kept, found.records) == (3, 0, 6)
    assert found.rewrap_seconds is None, "nothing of the kind was ever done"
    ask_rewrap(principal=officer, use="content", now=now())
    work_for_all(HANDLERS)
    rotate_ring(principal=officer, use="content", now=now())
    assert plan(principal=officer, use="content", now=now()).rewrap_seconds > 0
    security = people["security_officer"]
    call_command("keys", "plan", member=security.username, code=totp(security.totp_secret), tenant=tenant.slug)
    told = capsys.readouterr().out
    assert "rewrap: 3 data keys move, about" in told
    assert "reencrypt: 6 records" in told


def test_the_list_says_minimum_and_uses(tenant, officer, capsys):
    chat(tenant)
    moved_to_second(tenant, officer)
    with tenant_scope(tenant.id):
        rows = [one for one in versions() if one.use == "content"]
    assert [(one.version, one.minimum, one.data_keys) for one in rows] == [(1, 2, 0), (2, 2, 1)]
    call_command("keys", "list", tenant=tenant.slug)
    assert "below the minimum" in capsys.readouterr().out
