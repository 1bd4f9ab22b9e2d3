"""ATTACKS.md, row E03: a key is destroyed and its ciphertext stays; every key of every backup is tried on it."""

import pytest

from governance.crypto.envelope import OpenDataKey
from governance.crypto.errors import CannotOpen
from governance.identity.scoping import tenant_scope
from governance.keys.models import DataKey
from governance.keys.warming import warm
from governance.keys.wrapped import BY_ID, read_keys, unwrap_all
from governance.pipeline.running import run_classification
from governance.vault.models import Message
from governance.vault.rows import view_of
from tests.conftest import item, store
from tests.custody.recovering import back_up, bring_back, empty_host, restore
from tests.security.test_d_recovery import GONE, erase


@pytest.fixture
def host(tmp_path):
    aside = tmp_path / "keys-of-the-old-host"
    yield aside
    if aside.exists():
        bring_back(aside)


def secrets_of(tenant):
    """Every data key that opens under the root key, whatever it is for."""
    with tenant_scope(tenant.id):
        warm(tenant=tenant.id)
        rows = read_keys(BY_ID, list(DataKey.objects.filter(wrapped__isnull=False).values_list("id", flat=True)))
        return [secret for _, secret in unwrap_all(rows)]


def opened(view, secrets):
    """How many of the keys open the envelope; each pretends to be the key that it names."""
    found = 0
    for secret in secrets:
        try:
            text = OpenDataKey(key_id=view.key, secret=secret).open(view.sealed.envelope, view.place)
        except CannotOpen:
            continue
        assert GONE.encode() in text
        found += 1
    return found


def test_e03_no_key_of_a_later_backup_opens_what_was_shredded(tenant, people, tmp_path, host):
    [result] = store(tenant, item("gone", GONE, subject="user-7"))
    run_classification(tenant.id)
    back_up(tmp_path / "before.tvb")
    erase(tenant, people)
    back_up(tmp_path / "after.tvb")
    with tenant_scope(tenant.id):
        view = view_of(Message.objects.get(conversation_id=result.id, ordinal=0), "source")
    assert view.sealed is not None, "the ciphertext is there still"

    empty_host(host)
    restore(tmp_path / "after.tvb")
    secrets = secrets_of(tenant)
    assert secrets, "other keys live"
    assert opened(view, secrets) == 0

    empty_host(tmp_path / "of the second host")
    restore(tmp_path / "before.tvb")
    assert opened(view, secrets_of(tenant)) == 1, "control: in the older file its key lives, and opens what was kept"
