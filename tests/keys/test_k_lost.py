"""ATTACKS.md, row K09: a key that is lost while the vault runs; and how seldom a provider is asked."""

import shutil
import threading
import time

import pytest
from django.db import connections
from django.test import Client

from governance.custody.rotation import rotate_ring
from governance.identity.scoping import tenant_scope
from governance.ingest import receiving
from governance.keys import warming
from governance.keys.data_keys import open_data_keys
from governance.keys.errors import KeyNotWarm, ProviderAway, ProviderFailed
from governance.keys.models import DataKey
from governance.keys.providers import forget_providers, provider, resting, root_provider
from governance.keys.providers.local import create_root_key
from governance.keys.rings import lock_shared, rings_of
from tests.conftest import item, make_tenant, now, store
from tests.keys import places
from tests.processes import wait_for
from tests.security.test_c_ciphertext import read, sql

# K09: a provider that is lost while the vault runs.


class Lost:
    """A place of keys that can be taken away and brought back."""

    def __init__(self, uri, take, bring):
        self.uri, self.take, self.bring = uri, take, bring


@pytest.fixture(params=["local", "aws-kms", pytest.param("pkcs11", marks=pytest.mark.needs("softhsm2"))])
def losable(request, tmp_path):
    if request.param == "local":
        path = tmp_path / "root.key"
        create_root_key(path)
        aside = path.with_name("aside")
        yield Lost(f"local:{path}", lambda: path.rename(aside), lambda: aside.rename(path))
    elif request.param == "aws-kms":
        server = places.Forwarding(request.getfixturevalue("kms"))
        yield Lost(server.uri, server.stop, server.start)
        server.stop()
    else:
        uri = request.getfixturevalue("token")
        tokens, aside = tmp_path / "tokens", tmp_path / "aside"
        yield Lost(uri, lambda: shutil.move(tokens, aside), lambda: shutil.move(aside, tokens))


def test_k09_a_key_that_is_lost_closes_reads_after_its_time_and_starts_no_storm(
    losable, listed, transactional_db, monkeypatch
):
    monkeypatch.setenv("THREADVAULT_KEK_SECONDS", "2")
    listed(root=losable.uri)
    tenant = make_tenant()
    (made,) = store(tenant, item("c-1", "hello"))
    warming.cool()
    assert read(tenant, made.id) == ["hello"]
    warmed = time.monotonic()
    assert Client().get("/healthz").json()["root_key"] == "ok"
    asked = places.calls_of(losable.uri, monkeypatch)
    losable.take()
    try:
        time.sleep(max(0.0, warmed + 3.0 - time.monotonic()))  # The cache's two seconds, and one more.
        with pytest.raises(ProviderAway):
            read(tenant, made.id)
        answer = Client().get("/healthz")
        assert (answer.status_code, answer.json()["root_key"]) == (503, "down")
        began, before, tried = time.monotonic(), len(asked), 0
        while time.monotonic() < began + 1.5:
            tried += 1
            with pytest.raises(ProviderAway):
                read(tenant, made.id)
        assert tried > 2 * (len(asked) - before)
        assert len(asked) - before <= 4
    finally:
        losable.bring()
    assert wait_for(lambda: reads(tenant, made.id), seconds=40) == ["hello"]
    assert wait_for(lambda: Client().get("/healthz").json()["root_key"] == "ok", seconds=40)


def reads(tenant, conversation):
    try:
        return read(tenant, conversation)
    except ProviderAway:
        return None


def test_k09_control_without_the_rest_each_read_asks(own_root, transactional_db, monkeypatch):
    tenant = make_tenant()
    (made,) = store(tenant, item("c-1", "hello"))
    asked = places.calls_of(f"local:{own_root}", monkeypatch)
    own_root.unlink()
    for seconds, expected in ((30.0, 1), (0.0, 20)):
        monkeypatch.setattr(resting, "FIRST_SECONDS", seconds)
        forget_providers()
        warming.cool()
        asked.clear()
        for _ in range(20):
            with pytest.raises(ProviderAway):
                read(tenant, made.id)
        assert len(asked) == expected


def test_k09_bytes_that_were_changed_let_nothing_else_rest(own_root, transactional_db):
    tenant, other = make_tenant(), make_tenant()
    made = [store(one, item("c-1", "hello"))[0].id for one in (tenant, other)]
    sql("UPDATE governance_keyversion SET wrapped = wrapped || '\\x00' WHERE tenant_id = %s", tenant.id)
    warming.cool()
    for _ in range(3):
        with pytest.raises(ProviderFailed, match="row was changed"):
            read(tenant, made[0])
        assert read(other, made[1]) == ["hello"]


# One call a version and cache period; none under locks.


def test_one_call_a_version_and_period_whatever_is_read_and_written(kms, listed, transactional_db):
    server = places.Forwarding(kms)
    try:
        listed(root=server.uri)
        tenant = make_tenant()
        assert server.asked == {"Encrypt": 5}
        warming.cool()
        made = [store(tenant, item(f"c-{at}", "hello", "there"))[0].id for at in range(10)]
        assert [read(tenant, one) for one in made] == [["hello", "there"]] * 10
        assert server.asked["Decrypt"] == 3  # content, index, tombstone
        warming.cool()
        threads = [threading.Thread(target=_read_and_close, args=(tenant, made[0])) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert server.asked["Decrypt"] <= 3 + 3
    finally:
        server.stop()


def _read_and_close(tenant, conversation):
    try:
        assert read(tenant, conversation) == ["hello", "there"]
    finally:
        connections.close_all()


def test_under_locks_no_remote_provider_is_asked_and_reading_alone_holds_none(own_root, transactional_db, monkeypatch):
    tenant = make_tenant()
    store(tenant, item("c-1", "hello"))
    asked = places.calls_of(f"local:{own_root}", monkeypatch)
    monkeypatch.setattr(provider(f"local:{own_root}"), "remote", True)  # As if the file were a service.
    warming.cool()
    with tenant_scope(tenant.id):
        lock_shared([rings_of(tenant.id)["content"]])
        with pytest.raises(KeyNotWarm):
            open_first(tenant)
    assert asked == []
    with tenant_scope(tenant.id):
        open_first(tenant)
    assert len(asked) == 1


def test_under_locks_control_without_the_guard_it_is_asked(own_root, transactional_db, monkeypatch):
    tenant = make_tenant()
    store(tenant, item("c-1", "hello"))
    asked = places.calls_of(f"local:{own_root}", monkeypatch)
    monkeypatch.setattr(warming, "_refuse_under_locks", lambda version: None)
    warming.cool()
    with tenant_scope(tenant.id):
        lock_shared([rings_of(tenant.id)["content"]])
        open_first(tenant)
    assert len(asked) == 1


@pytest.mark.parametrize("again", [True, False])
def test_a_rotation_between_warming_and_locks_costs_a_writer_a_second_try(tenant, officer, monkeypatch, again):
    convert, rotated = receiving._convert, []

    def between(conversation):
        if not rotated:
            rotated.append(rotate_ring(principal=officer, use="content", now=now()))
        return convert(conversation)

    monkeypatch.setattr(receiving, "_convert", between)
    monkeypatch.setattr(root_provider(), "remote", True)  # As if the file were a service.
    if not again:  # The control: without it the writer is refused.
        monkeypatch.setattr(receiving, "keeping_warm", lambda work, **_: work())
        with pytest.raises(KeyNotWarm):
            store(tenant, item("c-1", "hello"))
        return
    (made,) = store(tenant, item("c-1", "hello"))
    assert rotated == [2]
    assert read(tenant, made.id) == ["hello"]


def open_first(tenant):
    return open_data_keys([DataKey.objects.filter(use="content").first().id])
