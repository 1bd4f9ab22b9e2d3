"""No key provider is asked while a transaction is open: it would hold locks for as long as a network call takes."""

from types import SimpleNamespace

import pytest
from django.db import connection

from governance.custody.changing import change_version
from governance.custody.rotation import rotate_ring
from governance.identity.scoping import tenant_scope
from governance.keys import rings
from governance.keys.changing import Cause
from governance.keys.errors import KeyWorkGoesOn, ProviderFailed, ProviderUnderLock, UnknownKey
from governance.keys.listing import versions
from governance.keys.providers.local import LocalProvider
from governance.keys.rings import fresh_version, lock_exclusive, rings_of
from governance.keys.rotating import prepare, rotate
from tests.conftest import as_principal, make_tenant, now
from tests.security.test_c_ciphertext import sql

CAUSE = Cause(None, "a test")


@pytest.fixture
def officer(tenant, people):
    return as_principal(tenant, people["security_officer"], second_factor=True)


@pytest.fixture
def asked(monkeypatch):
    """For each wrapping: whether a transaction was open, and how many advisory locks were held."""
    seen = []
    wrap = LocalProvider.wrap

    def watched(self, secret, context):
        locks = sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1")[0][0]
        seen.append((connection.in_atomic_block, locks))
        return wrap(self, secret, context)

    monkeypatch.setattr(LocalProvider, "wrap", watched)
    return seen


def newest(tenant, use="content"):
    with tenant_scope(tenant.id):
        return [one for one in versions() if one.use == use][-1]


def test_founding_rotating_and_leaving_ask_the_provider_before_the_transaction(officer, asked):
    tenant = make_tenant()
    assert asked == [(False, 0)] * len(rings.USES)
    asked.clear()
    own = type(tenant)(id=officer.tenant_id)
    rotate_ring(principal=officer, use="content", now=now())
    change_version(principal=officer, version_id=newest(own).id, act="deactivate", reason="a test", now=now())
    change_version(principal=officer, version_id=newest(own).id, act="compromise", reason="a test", now=now())
    assert asked == [(False, 0)] * 3
    assert newest(own).version == 4


def test_acts_that_need_no_new_version_ask_no_provider(tenant, officer, asked):
    asked.clear()
    first = newest(tenant).id
    for act in ("suspend", "resume"):
        change_version(principal=officer, version_id=first, act=act, reason="a test", now=now())
    rotate_ring(principal=officer, use="content", now=now())
    change_version(principal=officer, version_id=first, act="compromise", reason="a test", now=now())
    assert len(asked) == 1


def test_inside_a_transaction_the_provider_is_not_asked(tenant, asked):
    asked.clear()
    with tenant_scope(tenant.id), pytest.raises(ProviderUnderLock):
        fresh_version(tenant=tenant.id, ring=rings_of(tenant.id)["content"])
    with tenant_scope(tenant.id), pytest.raises(ProviderUnderLock):
        prepare(tenant=tenant.id, use="content")
    assert asked == []


def test_control_without_the_guard_it_is_asked_under_the_lock(tenant, asked, monkeypatch):
    asked.clear()
    with tenant_scope(tenant.id):
        ring = rings_of(tenant.id)["content"]
        lock_exclusive(ring)
        monkeypatch.setattr(rings, "connection", SimpleNamespace(in_atomic_block=False))
        fresh_version(tenant=tenant.id, ring=ring)
    assert asked == [(True, 1)]


def test_bytes_made_for_one_ring_are_no_version_of_another(tenant):
    other = make_tenant()
    fresh = prepare(tenant=tenant.id, use="content")
    with tenant_scope(other.id), pytest.raises(UnknownKey):
        rotate(fresh=fresh, cause=CAUSE, now=now())
    assert fresh.wrapped.hex() not in repr(fresh)
    assert repr(fresh.wrapped) not in repr(fresh)


def test_a_version_that_became_active_meanwhile_is_asked_for_once_more(tenant, officer, monkeypatch):
    monkeypatch.setattr("governance.custody.changing._bytes_of_successor", lambda *_: None)
    with pytest.raises(KeyWorkGoesOn):
        change_version(principal=officer, version_id=newest(tenant).id, act="compromise", reason="a test", now=now())
    assert newest(tenant).version == 1


def test_a_provider_that_is_away_founds_no_tenant(transactional_db, monkeypatch):
    def away(self, secret, context):
        raise ProviderFailed("away")

    monkeypatch.setattr(LocalProvider, "wrap", away)
    with pytest.raises(ProviderFailed):
        make_tenant("no-keys")
    assert sql("SELECT count(*) FROM governance_tenant WHERE slug = 'no-keys'") == [(0,)]
