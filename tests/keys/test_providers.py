"""What all key providers promise alike, each against something real: moto over HTTP, a SoftHSM token, a file."""

import os
import threading

import pytest

from governance.keys.errors import ProviderAway, ProviderFailed
from governance.keys.providers import provider
from governance.keys.providers.local import create_root_key
from tests.keys import places

CONTEXT = {"tenant": "t", "ring": "r", "version": "v"}
SECRET = bytes(range(32))
KINDS = ["local", "aws-kms", pytest.param("pkcs11", marks=pytest.mark.needs("softhsm2"))]


@pytest.fixture(params=KINDS)
def two_keys(request, tmp_path):
    """The URIs of two keys of one kind."""
    if request.param == "local":
        for name in ("one", "two"):
            create_root_key(tmp_path / name)
        return [f"local:{tmp_path}/{name}" for name in ("one", "two")]
    if request.param == "aws-kms":
        kms = request.getfixturevalue("kms")
        return [kms.make_key()[1] for _ in range(2)]
    first = request.getfixturevalue("token")
    places.make_token_key("vault", "other")
    return [first, places.token_uri(tmp_path, key="other")]


def test_it_gives_back_what_it_wrapped_and_never_twice_the_same(two_keys, listed):
    listed(*two_keys)
    one = provider(two_keys[0])
    one.health()
    first, second = one.wrap(SECRET, CONTEXT), one.wrap(SECRET, CONTEXT)
    assert first != second
    assert SECRET not in first
    assert one.unwrap(first, CONTEXT) == one.unwrap(second, CONTEXT) == SECRET
    assert SECRET.hex() not in repr(one) + one.describe()
    assert one.uri == two_keys[0]


@pytest.mark.parametrize("change", ["tenant", "ring", "version", "more", "less"])
def test_it_refuses_another_context(two_keys, listed, change):
    listed(*two_keys)
    one = provider(two_keys[0])
    wrapped = one.wrap(SECRET, CONTEXT)
    other = {**CONTEXT, change: "x"} if change != "less" else {"tenant": "t"}
    with pytest.raises(ProviderFailed, match="does not open this key version") as told:
        one.unwrap(wrapped, other)
    assert told.type is ProviderFailed
    assert one.unwrap(wrapped, CONTEXT) == SECRET


def test_it_refuses_what_another_key_wrapped_and_bytes_that_were_changed(two_keys, listed):
    listed(*two_keys)
    one, two = map(provider, two_keys)
    wrapped = one.wrap(SECRET, CONTEXT)
    for at in (-1, len(wrapped) - 20):
        changed = bytearray(wrapped)
        changed[at] ^= 1
        with pytest.raises(ProviderFailed):
            one.unwrap(bytes(changed), CONTEXT)
    with pytest.raises(ProviderFailed):
        two.unwrap(wrapped, CONTEXT)
    with pytest.raises(ProviderFailed):
        one.unwrap(b"", CONTEXT)
    assert one.unwrap(wrapped, CONTEXT) == SECRET


def test_a_forked_child_and_many_threads_use_it_at_once(two_keys, listed):
    listed(*two_keys)
    one = provider(two_keys[0])
    wrapped = one.wrap(SECRET, CONTEXT)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, one.unwrap(wrapped, CONTEXT) + one.unwrap(one.wrap(SECRET, CONTEXT), CONTEXT))
        finally:
            os._exit(0)
    os.close(writing)
    assert os.read(reading, 100) == SECRET * 2
    os.close(reading)
    os.waitpid(child, 0)
    found, threads = [], []
    for _ in range(6):
        threads.append(threading.Thread(target=lambda: found.append(one.unwrap(wrapped, CONTEXT))))
        threads[-1].start()
    for thread in threads:
        thread.join(60)
    assert found == [SECRET] * 6


BAD = {
    "aws-kms:alias/vault?region=eu-central-1": "alias",
    "aws-kms:some-key": "region",
    "aws-kms://user:password@kms.example.com/some-key?region=eu-central-1": "never credentials",
    "aws-kms:some-key?region=eu-central-1&secret=x": "never credentials",
    "aws-kms://kms.example.com:port/some-key?region=eu-central-1": "cannot be read",
    "aws-kms:some-key?region=../../x": "region",
    "pkcs11:token=a;object=b?module-path=/m.so&pin-value=1234": "never stands in a URI",
    "pkcs11:token=a;object=b;pin-value=1234?module-path=/m.so": "never stands in a URI",
    "pkcs11:token=a?module-path=/m.so&pin-source=file:/pin": "token",
    "pkcs11:token=a;object=b?module-path=m.so&pin-source=file:/pin": "whole paths",
    "pkcs11:token=a;object=b?module-path=/m.so&pin-source=file:/pin&pin-source=file:/other": "each once",
    "pkcs11:token=a;object=b;type=private?module-path=/m.so&pin-source=file:/pin": "secret-key",
    "local:root.key": "whole path",
    "vault:transit/key": "Unknown key provider",
}


@pytest.mark.parametrize("uri", BAD)
def test_a_uri_that_is_none_is_refused_before_anything_is_opened(uri, listed):
    listed(uri)
    with pytest.raises(ProviderFailed, match=BAD[uri]) as told:
        provider(uri)
    assert "1234" not in str(told.value)
    assert "password" not in str(told.value)


@pytest.mark.parametrize(
    ("place", "endpoint"),
    [
        ("aws-kms:arn:aws:kms:eu-west-1:123456789012:key/1-2", None),
        ("aws-kms://kms.example.com/1-2?region=eu-west-1", "https://kms.example.com"),
        ("aws-kms://127.0.0.1:5000/1-2?region=eu-west-1", "http://127.0.0.1:5000"),
        ("aws-kms://[::1]:5000/1-2?region=eu-west-1", "http://[::1]:5000"),
    ],
)
def test_the_endpoint_is_encrypted_but_on_this_machine(place, endpoint):
    from governance.keys.providers.aws_kms import parse_place

    found = parse_place(place.removeprefix("aws-kms:"))
    assert (found.region, found.endpoint) == ("eu-west-1", endpoint)


@pytest.mark.parametrize("name", ["boto3", "pkcs11"])
def test_a_missing_package_is_named(name, listed, monkeypatch):
    uri = {
        "boto3": "aws-kms:some-key?region=eu-central-1",
        "pkcs11": "pkcs11:token=a;object=b?module-path=/m.so&pin-source=file:/pin",
    }[name]
    listed(uri)
    monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(ProviderFailed, match="requirements-providers.txt"):
        provider(uri)


def test_a_failure_is_told_by_code_and_never_by_what_the_server_says(kms, listed):
    server = places.Answers("DisabledException")
    try:
        listed(server.uri)
        with pytest.raises(ProviderAway, match="DisabledException") as told:
            provider(server.uri).unwrap(b"x" * 64, CONTEXT)
        assert "sentinel" not in str(told.value)
        assert server.asked == 1
    finally:
        server.stop()


def test_a_key_that_is_disabled_is_not_well(kms, listed):
    key, uri = kms.make_key()
    listed(uri)
    provider(uri).health()
    kms.client.disable_key(KeyId=key)
    listed(uri)
    with pytest.raises(ProviderAway, match="Disabled"):
        provider(uri).health()


def test_a_server_that_is_slow_is_left_after_a_bounded_time(kms, listed, monkeypatch):
    from governance.keys.providers import aws_kms

    assert (aws_kms.CONNECT_SECONDS, aws_kms.READ_SECONDS, aws_kms.ATTEMPTS) == (2, 3, 2)
    monkeypatch.setattr(aws_kms, "READ_SECONDS", 0.2)
    server = places.Answers("Slow", wait=60)
    try:
        listed(server.uri)
        with pytest.raises(ProviderAway, match="ReadTimeoutError"):
            provider(server.uri).unwrap(b"x" * 64, CONTEXT)
        assert server.asked == 2
    finally:
        server.stop()


def test_a_server_that_is_away_is_told(kms, listed):
    server = places.Answers("Gone")
    server.stop()
    listed(server.uri)
    with pytest.raises(ProviderAway, match="EndpointConnectionError"):
        provider(server.uri).health()


def test_without_credentials_it_is_away(kms, listed, monkeypatch, tmp_path):
    for name in places.CREDENTIALS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    _, uri = kms.make_key()
    listed(uri)
    with pytest.raises(ProviderAway, match="NoCredentialsError"):
        provider(uri).health()


@pytest.mark.needs("softhsm2")
def test_a_token_key_that_can_be_taken_out_is_refused(token, listed, tmp_path):
    places.make_token_key("vault", "loose", EXTRACTABLE=True)
    uri = places.token_uri(tmp_path, key="loose")
    listed(uri)
    with pytest.raises(ProviderFailed, match="taken out of its token"):
        provider(uri).health()


@pytest.mark.needs("softhsm2")
def test_the_file_of_a_pin_is_this_accounts_alone_and_a_wrong_pin_is_told(token, listed, tmp_path):
    listed(token)
    (tmp_path / "pin").chmod(0o640)
    with pytest.raises(ProviderFailed, match="chmod 600"):
        provider(token).health()
    (tmp_path / "pin").chmod(0o600)
    (tmp_path / "pin").write_text("9999\n")
    listed(token)
    with pytest.raises(ProviderAway, match="PinIncorrect") as told:
        provider(token).health()
    assert "9999" not in str(told.value)


@pytest.mark.needs("softhsm2")
def test_another_token_or_key_is_away(token, listed, tmp_path):
    for uri in (places.token_uri(tmp_path, label="none"), places.token_uri(tmp_path, key="none")):
        listed(uri)
        with pytest.raises(ProviderAway, match="NoSuch"):
            provider(uri).health()
