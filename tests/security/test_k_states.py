"""ATTACKS.md, rows K01 to K03: the states of a key version, what may follow which, and what each may do."""

from importlib import import_module
from uuid import UUID

import psycopg
import pytest
from django.core.management import CommandError, call_command

from governance.access.errors import AccessDenied
from governance.custody.changing import ACTS, ReasonMissing, change_version
from governance.custody.rotation import rotate_ring
from governance.identity.scoping import tenant_scope
from governance.keys import states
from governance.keys.changing import Cause, change_state, locked_version
from governance.keys.data_keys import obtain, open_data_keys
from governance.keys.errors import BadTransition, KeyUnavailable, UnknownKey
from governance.keys.listing import describe, versions
from governance.keys.models import DataKey, KeyRing, KeyTransition, KeyVersion
from governance.keys.rings import lock_shared, new_version, rings_of
from governance.keys.rotating import prepare
from governance.keys.states import FOLLOWS, OPENS, SEALS, State
from governance.keys.warming import warm
from governance.keys.wrapped import KeyOwner
from tests.access.policing import Officers
from tests.conftest import as_principal, item, make_person, make_tenant, now, store, totp
from tests.security.test_c_ciphertext import admin, read, sql

ALL = list(State)
CAUSE = Cause(UUID(int=7), "a test")


@pytest.fixture
def officer(tenant, people):
    return as_principal(tenant, people["security_officer"], second_factor=True)


def version_in(tenant, state):
    """A version of the index ring beside the active one, in this state; reached by the path of a superuser."""
    fresh = prepare(tenant=tenant.id, use="index")
    with tenant_scope(tenant.id):
        ring = KeyRing.objects.get(use="index")
        number = KeyVersion.objects.filter(ring=ring).count() + 1
        version = new_version(fresh, ring=ring, number=number, state=State.PRE_ACTIVATION, now=now())
        version.save(force_insert=True)
    forced(version.id, state)
    return version.id


def forced(version, state):
    """Set a state past every rule; the ring's other active version makes room."""
    with admin() as outside:
        outside.execute("SET session_replication_role = replica")
        if state == State.ACTIVE:
            outside.execute(
                "UPDATE governance_keyversion SET state = 'deactivated' WHERE state = 'active' AND ring_id ="
                " (SELECT ring_id FROM governance_keyversion WHERE id = %s)",
                (version,),
            )
        body = "NULL" if state == State.DESTROYED else "wrapped"
        outside.execute(f"UPDATE governance_keyversion SET state = %s, wrapped = {body} WHERE id = %s", (state, version))


def change(tenant, version, to):
    with tenant_scope(tenant.id):
        change_state(locked_version(version), to, cause=CAUSE, now=now())


def state_of(version):
    return sql("SELECT state FROM governance_keyversion WHERE id = %s", version)[0][0]


@pytest.mark.parametrize("before", ALL)
def test_k01_only_the_listed_states_follow_and_each_step_is_kept(tenant, before):
    for after in ALL:
        version = version_in(tenant, before)
        if after == State.ACTIVE:
            sql("UPDATE governance_keyversion SET state = 'deactivated' WHERE state = 'active' AND id <> %s", version)
        if after in FOLLOWS[before]:
            change(tenant, version, after)
            assert state_of(version) == after
            assert sql("SELECT wrapped IS NULL FROM governance_keyversion WHERE id = %s", version) == [
                (after == "destroyed",)
            ]
            with tenant_scope(tenant.id):
                (step,) = KeyTransition.objects.filter(version_id=version)
                assert (step.before, step.after, step.actor, step.reason) == (before, after, CAUSE.actor, CAUSE.reason)
                assert step.at == KeyVersion.objects.get(id=version).state_changed_at
        else:
            with pytest.raises(BadTransition):
                change(tenant, version, after)
            assert state_of(version) == before
            assert sql("SELECT count(*) FROM governance_keytransition WHERE version_id = %s", version) == [(0,)]


def test_k01_the_database_holds_the_same_list():
    migration = import_module("governance.migrations.0008_key_states")
    assert {before: set(listed) for before, listed in migration.FOLLOWS.items()} == {
        str(before): {str(after) for after in listed} for before, listed in FOLLOWS.items() if listed
    }


@pytest.mark.parametrize("before", ALL)
def test_k01_sql_of_the_owner_cannot_do_what_is_not_listed(tenant, before):
    for after in set(ALL) - set(FOLLOWS[before]) - {before}:
        version = version_in(tenant, before)
        body = "NULL" if after == State.DESTROYED else "coalesce(wrapped, 'x'::bytea)"
        with admin() as outside, pytest.raises(psycopg.errors.DatabaseError) as refused:
            outside.execute(f"UPDATE governance_keyversion SET state = %s, wrapped = {body} WHERE id = %s", (after, version))
        assert type(refused.value).__name__ in {"CheckViolation", "UniqueViolation"}


def test_k01_control_without_the_trigger_the_same_sql_passes(tenant):
    version = version_in(tenant, State.COMPROMISED)
    forced(version, State.DEACTIVATED)
    assert state_of(version) == "deactivated"


def test_k01_what_is_kept_only_grows(tenant, officer):
    rotate_ring(principal=officer, use="index", reason="by plan", now=now())
    for statement in ("UPDATE governance_keytransition SET reason = 'x'", "DELETE FROM governance_keytransition"):
        with admin() as outside, pytest.raises(psycopg.errors.InsufficientPrivilege, match="only grows"):
            outside.execute(statement)


SEALING = KeyOwner(UUID(int=1), UUID(int=2), "index")


def seal_new(tenant):
    """Make a data key under the index ring's active version."""
    with tenant_scope(tenant.id):
        warm(tenant=tenant.id)
    with tenant_scope(tenant.id):
        lock_shared([rings_of(tenant.id)["index"]])
        return obtain(tenant=tenant.id, owners=[SEALING], now=now())


@pytest.mark.parametrize("state", [state for state in ALL if state not in SEALS])
def test_k02_no_other_state_seals(tenant, state):
    active = active_of(tenant, "index")
    forced(active, state)
    with pytest.raises(KeyUnavailable):
        seal_new(tenant)
    assert sql("SELECT count(*) FROM governance_datakey WHERE use = 'index'") == [(0,)]


def test_k02_control_the_active_one_seals(tenant):
    assert seal_new(tenant)
    assert frozenset({State.ACTIVE}) == SEALS


def active_of(tenant, use):
    (found,) = sql("SELECT v.id FROM governance_keyversion v JOIN governance_keyring r ON r.id = v.ring_id"
                   " WHERE r.use = %s AND v.state = 'active' AND v.tenant_id = %s", use, tenant.id)  # fmt: skip
    return found[0]


def open_one(tenant, *, emergency=False):
    with tenant_scope(tenant.id):
        (row,) = DataKey.objects.filter(use="index")
        return open_data_keys([row.id], emergency=emergency)


@pytest.mark.parametrize("state", ALL)
def test_k03_a_version_opens_by_its_state(tenant, state):
    seal_new(tenant)
    active = active_of(tenant, "index")
    forced(active, state)
    for emergency in (False, True):
        if state in OPENS or (emergency and state == State.COMPROMISED):
            assert open_one(tenant, emergency=emergency)
        else:
            with pytest.raises(KeyUnavailable):
                open_one(tenant, emergency=emergency)


def test_k03_a_version_in_the_store_opens_no_more_once_it_is_suspended(tenant, officer):
    (chat,) = store(tenant, item("c-1", "hello"))
    assert read(tenant, chat.id) == ["hello"], "the key is in the store of this process now"
    version = active_of(tenant, "content")
    change_version(principal=officer, version_id=version, act="suspend", reason="odd log lines", now=now())
    with pytest.raises(KeyUnavailable):
        read(tenant, chat.id)
    change_version(principal=officer, version_id=version, act="resume", reason="explained", now=now())
    assert read(tenant, chat.id) == ["hello"], "the control"


def test_k03_only_break_glass_reads_what_a_compromised_version_wraps(tenant, officer, people):
    from governance.access import breaking_glass
    from governance.vault.reading import read_conversation
    from governance.vault.resources import resources_for

    (chat,) = store(tenant, item("c-1", "hello"))
    version = active_of(tenant, "content")
    assert (
        change_version(principal=officer, version_id=version, act="compromise", reason="a laptop", now=now())
        == "compromised"
    )
    with pytest.raises(KeyUnavailable):
        read(tenant, chat.id)
    officers = Officers(tenant)
    privacy = as_principal(tenant, people["privacy_officer"], second_factor=True)
    sql("UPDATE governance_collection SET purposes = purposes || '[\"break_glass\"]'::jsonb")
    wanted = resources_for(principal=privacy, ids=[chat.id])
    asked = breaking_glass.ask(principal=privacy, resources=wanted, ticket="I", minutes=5, reason="r", now=now())
    officers.agree(asked)
    breaking_glass.open_glass(principal=privacy, approval_id=asked, now=now())
    opened = read_conversation(
        principal=privacy, conversation_id=chat.id, purpose="break_glass", view="source", reason="r", now=now()
    )
    assert opened.messages[0].document.item["content"] == "hello"


def test_a_compromised_version_makes_room_and_writers_go_on(tenant, officer):
    version = active_of(tenant, "content")
    change_version(principal=officer, version_id=version, act="compromise", reason="a laptop", now=now())
    (chat,) = store(tenant, item("c-1", "hello"))
    assert read(tenant, chat.id) == ["hello"]
    with tenant_scope(tenant.id):
        shown, steps = describe(version)
        mine = [one for one in versions() if one.use == "content"]
    assert [one.after for one in steps] == ["active", "deactivated", "compromised"]
    assert {one.reason for one in steps[1:]} == {"a laptop"}
    assert [(one.version, one.state) for one in mine] == [(1, "compromised"), (2, "active")]
    assert shown.data_keys == 0
    ((body,),) = sql("SELECT body FROM governance_auditentry WHERE event = 'key.state_changed'")
    assert '"successor":2' in body
    assert "laptop" not in body


def test_a_version_that_is_resumed_beside_a_newer_one_does_not_seal(tenant, officer):
    version = active_of(tenant, "index")
    change_version(principal=officer, version_id=version, act="suspend", reason="r", now=now())
    rotate_ring(principal=officer, use="index", now=now())
    assert change_version(principal=officer, version_id=version, act="resume", reason="r", now=now()) == "deactivated"


@pytest.mark.parametrize("act", ACTS)
def test_only_who_manages_keys_changes_a_state_with_a_reason_and_a_second_factor(tenant, people, officer, act):
    version = active_of(tenant, "index")
    auditor = as_principal(tenant, people["auditor"], second_factor=True)
    with pytest.raises(AccessDenied):
        change_version(principal=auditor, version_id=version, act=act, reason="r", now=now())
    with pytest.raises(AccessDenied):
        stale = as_principal(tenant, people["security_officer"])
        change_version(principal=stale, version_id=version, act=act, reason="r", now=now())
    with pytest.raises(ReasonMissing):
        change_version(principal=officer, version_id=version, act=act, reason="  ", now=now())
    elsewhere = make_tenant()
    stranger = as_principal(elsewhere, make_person(elsewhere, "security_officer"), second_factor=True)
    with pytest.raises(UnknownKey):
        change_version(principal=stranger, version_id=version, act=act, reason="r", now=now())
    assert state_of(version) == "active"


def test_the_command_describes_and_changes(tenant, people, capsys):
    version = str(active_of(tenant, "index"))
    security = people["security_officer"]
    who = {"member": security.username, "code": totp(security.totp_secret), "tenant": tenant.slug}
    call_command("keys", "suspend", version, reason="odd", **who)
    assert f"{version} is suspended" in capsys.readouterr().out
    call_command("keys", "describe", version, tenant=tenant.slug)
    told = capsys.readouterr().out
    assert "active -> suspended" in told
    assert "odd" in told
    with pytest.raises(CommandError, match="by its id"):
        call_command("keys", "describe", "7", tenant=tenant.slug)


def test_the_states_module_is_the_one_place():
    assert states.opens(None) is False
    assert not states.opens("active ")
