"""Fixtures of the key providers; tests elsewhere import them by name."""

import pytest

from governance.conf.settings import vault_settings
from governance.keys import warming
from governance.keys.providers import forget_providers
from tests.keys import places


@pytest.fixture(scope="session")
def moto():
    server = places.Moto()
    yield server
    server.stop()


@pytest.fixture
def kms(moto, monkeypatch):
    """Moto's server, and credentials as an operator would give them."""
    for name, value in places.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return moto


@pytest.fixture
def token(tmp_path, monkeypatch):
    """The URI of an AES key in a SoftHSM token of this test's own."""
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    return places.make_token(tmp_path)


@pytest.fixture
def listed(monkeypatch):
    """List further key URIs in the configuration; open providers are forgotten before and after."""

    def add(*uris, root=None):
        monkeypatch.setenv("THREADVAULT_KEY_PROVIDERS", " ".join(uris))
        if root is not None:
            monkeypatch.setenv("THREADVAULT_ROOT_KEY", root)
        forget_providers()
        warming.cool()
        return vault_settings().root_key_uri

    yield add
    forget_providers()
    warming.cool()
