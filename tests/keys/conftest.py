"""Fixtures of the key providers: places that are real, and a configuration that lists them."""

import pytest

from governance.conf.settings import vault_settings
from governance.keys import warming
from governance.keys.providers import forget_providers
from governance.keys.providers.local import create_root_key
from governance.pipeline.turns import rests
from tests.conftest import as_principal
from tests.keys import places


@pytest.fixture(autouse=True)
def rested():
    rests._until.clear()


@pytest.fixture
def officer(tenant, people):
    return as_principal(tenant, people["security_officer"], second_factor=True)


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


@pytest.fixture
def own_root(tmp_path, listed):
    """A root key of this test's own, as the configuration names it; made before any tenant."""
    path = tmp_path / "own" / "root.key"
    create_root_key(path)
    listed(root=f"local:{path}")
    return path
