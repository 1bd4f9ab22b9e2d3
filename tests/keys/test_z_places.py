"""ATTACKS.md, row Z13: keys live where the configuration says, and nowhere else; a ring moves from one place to another."""

import threading
from functools import partial

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import Client

from governance.checks.servers import key_versions
from governance.conf.settings import vault_settings
from governance.custody.rewrapping import ask_rewrap
from governance.custody.rotation import rotate_ring
from governance.identity.scoping import tenant_scope
from governance.keys import warming
from governance.keys.errors import ProviderFailed, ProviderNotListed
from governance.keys.listing import versions
from governance.keys.providers.local import create_root_key
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.working import work_for_all
from governance.web.accounts import SealedMFAAdapter
from tests.api.test_keys import client_of, post, ring
from tests.conftest import item, make_tenant, now, store, totp
from tests.keys import places
from tests.processes import wait_for
from tests.security.test_c_ciphertext import read, sql


def content(tenant):
    with tenant_scope(tenant.id):
        return {one.version: one for one in versions() if one.use == "content"}


# Z13: which places may be asked is configuration.


def test_z13_a_version_that_names_a_place_nobody_listed_is_refused_before_any_connection(
    kms, listed, own_root, transactional_db
):
    server = places.Answers("InvalidCiphertextException")
    try:
        tenant = make_tenant()
        (made,) = store(tenant, item("c-1", "hello"))
        sql("UPDATE governance_keyversion SET provider_uri = %s WHERE tenant_id = %s", server.uri, tenant.id)
        warming.cool()
        with pytest.raises(ProviderFailed, match="THREADVAULT_KEY_PROVIDERS does not list"):
            read(tenant, made.id)
        assert [error.id for error in key_versions()] == ["governance.E027"]
        assert server.asked == 0
        listed(server.uri, root=f"local:{own_root}")
        with pytest.raises(ProviderFailed):
            read(tenant, made.id)
        assert server.asked == 1, "the control: listed, it is asked"
    finally:
        server.stop()


@pytest.mark.parametrize(
    "uri", ["local:/etc/hostname", "aws-kms://169.254.169.254/x?region=eu-west-1", "file:///etc/passwd"]
)
def test_z13_nobody_rotates_to_a_place_that_is_not_listed(uri, tenant, officer):
    with pytest.raises(ProviderNotListed, match="THREADVAULT_KEY_PROVIDERS"):
        rotate_ring(principal=officer, use="content", now=now(), provider_uri=uri)
    assert list(content(tenant)) == [1]


def test_z13_control_a_listed_place_is_taken_and_the_ring_stays_there(tenant, officer, listed, tmp_path):
    create_root_key(tmp_path / "second.key")
    uri = f"local:{tmp_path}/second.key"
    root = listed(uri)
    rotate_ring(principal=officer, use="content", now=now(), provider_uri=uri)
    rotate_ring(principal=officer, use="content", now=now())
    assert [one.provider for one in content(tenant).values()] == [root, uri, uri]


def test_z13_api_and_command_take_listed_places_only(tenant, people, listed, tmp_path, capsys):
    create_root_key(tmp_path / "second.key")
    uri, person = f"local:{tmp_path}/second.key", people["security_officer"]
    root = listed(uri)
    client = client_of(tenant, person)
    for named, status, code in (("local:/etc/hostname", 422, "keys.provider_unlisted"), (uri, 200, None)):
        address = ring(client)
        done = post(client, f"{address}:rotate", {"provider": named}, seen=client.get(address).headers["ETag"])
        assert (done.status_code, done.json().get("code")) == (status, code)
    call_command("keys", "rotate", provider=root, member=person.username, code=totp(person.totp_secret))
    assert [one.provider for one in content(tenant).values()] == [root, uri, root]


# A ring moves from one provider to another while chats are stored and read.


class Busy(threading.Thread):
    """Repeats something until told to stop; keeps the first error."""

    def __init__(self, act):
        super().__init__(daemon=True)
        self.act, self.done, self.error, self.stopped = act, 0, None, threading.Event()

    def run(self):
        try:
            while not self.stopped.is_set():
                self.act(self.done)
                self.done += 1
        except Exception as error:
            self.error = error
        finally:
            connections.close_all()


@pytest.mark.needs("softhsm2")
def test_a_ring_moves_between_providers_online_and_back(tenant, officer, kms, token, listed):
    cloud = kms.make_key()[1]
    home = listed(token, cloud)
    first = store(tenant, *(item(f"f-{at}", f"hello {at}", subject=f"u-{at}") for at in range(4)))
    writer = Busy(lambda at: store(tenant, item(f"w-{at}", f"written {at}", subject=f"w-{at}")))
    reader = Busy(lambda at: _same(read(tenant, first[at % 4].id), [f"hello {at % 4}"]))
    writer.start()
    reader.start()
    try:
        for uri in (token, cloud, home):
            before = writer.done, reader.done
            rotate_ring(principal=officer, use="content", now=now(), provider_uri=uri)
            ask_rewrap(principal=officer, use="content", now=now())
            wait_for(lambda: _rewrapped(tenant), seconds=60)
            wait_for(partial(_both_went_on, writer, reader, before), seconds=60)
            assert (writer.error, reader.error) == (None, None)
    finally:
        for one in (writer, reader):
            one.stopped.set()
        for one in (writer, reader):
            one.join(60)
    assert (writer.error, reader.error) == (None, None)
    found = content(tenant)
    assert [one.provider for one in found.values()] == [home, token, cloud, home]
    assert [one.data_keys for one in found.values()] == [0, 0, 0, 4 + writer.done]
    listed()  # Neither token nor cloud is needed any more: reading, writing, and the start go on without them.
    assert read(tenant, first[0].id) == ["hello 0"]
    assert store(tenant, item("after", "still here"))
    assert key_versions() == []
    assert Client().get("/healthz").json()["root_key"] == "ok"


def _same(found, expected):
    assert found == expected


def _both_went_on(writer, reader, before):
    return (writer.done > before[0] and reader.done > before[1]) or writer.error or reader.error


def _rewrapped(tenant):
    work_for_all(HANDLERS)
    return not _left(tenant)


def _left(tenant):
    found = content(tenant)
    return sum(one.data_keys for number, one in found.items() if number != max(found))


@pytest.mark.needs("softhsm2")
def test_control_a_provider_that_is_still_needed_is_told_where_it_is_taken_away(tenant, officer, token, listed):
    listed(token)
    rotate_ring(principal=officer, use="content", now=now(), provider_uri=token)
    (made,) = store(tenant, item("c-1", "hello"))
    rotate_ring(principal=officer, use="content", now=now(), provider_uri=vault_settings().root_key_uri)
    listed()
    assert [error.id for error in key_versions()] == ["governance.E027"]
    with pytest.raises(ProviderFailed, match="does not list"):
        read(tenant, made.id)
    assert store(tenant, item("c-2", "another person's", subject="user-7"))


def test_second_factors_open_under_the_root_key_of_their_time(tenant, people, listed, tmp_path):
    adapter = SealedMFAAdapter()
    sealed = adapter.encrypt("secret")
    create_root_key(tmp_path / "new.key")
    old = vault_settings().root_key_uri
    listed(old, root=f"local:{tmp_path}/new.key")
    assert adapter.decrypt(sealed) == "secret"
    assert adapter.decrypt(adapter.encrypt("newer")) == "newer"
    listed(root=f"local:{tmp_path}/new.key")
    with pytest.raises(ProviderFailed):
        adapter.decrypt(sealed)
