"""Which keys and algorithms an ID token may be signed with, by real signatures; RFC 8725, sections 3.1 to 3.3."""

import json
from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from governance.web.federation.directory import Directory
from governance.web.federation.errors import FederationRefused
from governance.web.federation.id_tokens import groups_of, read_id_token

HERE = Directory("https://id.example.com", "vault", "", "acme", "groups", ("openid",), {})
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024)
P256, P384, ED = (
    ec.generate_private_key(ec.SECP256R1()),
    ec.generate_private_key(ec.SECP384R1()),
    ed25519.Ed25519PrivateKey.generate(),
)
KINDS = {
    "RS": jwt.algorithms.RSAAlgorithm,
    "PS": jwt.algorithms.RSAAlgorithm,
    "ES": jwt.algorithms.ECAlgorithm,
    "Ed": jwt.algorithms.OKPAlgorithm,
}


def shown(key, algorithm, **more):
    """The key as the provider shows it."""
    return {**json.loads(KINDS[algorithm[:2]].to_jwk(key.public_key())), "kid": "k", **more}


def read(key, algorithm, *, keys=None, header=None, **claims):
    now = datetime.now(UTC)
    claims = {
        "iss": HERE.issuer, "aud": "vault", "sub": "s", "nonce": "n",
        "iat": int(now.timestamp()), "exp": int(now.timestamp()) + 300, **claims,
    }  # fmt: skip
    token = jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "k"} if header is None else header)
    keys = [shown(key, algorithm)] if keys is None else keys
    return read_id_token(token, keys=keys, directory=HERE, nonce="n", now=now, fresh=False)


@pytest.mark.parametrize(("key", "algorithm"), [
    (RSA, "RS256"), (RSA, "RS512"), (RSA, "PS256"), (P256, "ES256"), (P384, "ES384"), (ED, "EdDSA"),
])  # fmt: skip
def test_what_public_keys_sign_is_read(key, algorithm):
    assert read(key, algorithm)["sub"] == "s"


def test_a_key_of_its_own_name_among_others_and_the_only_one_without_a_name():
    other = shown(P256, "ES256", kid="other")
    assert read(RSA, "RS256", keys=[other, shown(RSA, "RS256", use="sig", alg="RS256")])
    assert read(RSA, "RS256", keys=[shown(RSA, "RS256")], header={})


REFUSED = {
    "a key that is too small": lambda: read(SMALL, "RS256"),
    "a key for another use": lambda: read(RSA, "RS256", keys=[shown(RSA, "RS256", use="enc")]),
    "a key for another algorithm": lambda: read(RSA, "PS256", keys=[shown(RSA, "RS256", alg="RS256")]),
    "a key of another kind": lambda: read(RSA, "RS256", keys=[shown(P256, "ES256")]),
    "another curve than the algorithm's": lambda: read(P256, "ES256", keys=[shown(P384, "ES384")]),
    "two keys of one name": lambda: read(RSA, "RS256", keys=[shown(RSA, "RS256"), shown(RSA, "RS256")]),
    "no name, and several keys": lambda: read(RSA, "RS256", keys=[shown(RSA, "RS256"), shown(P256, "ES256")], header={}),
    "no key": lambda: read(RSA, "RS256", keys=[]),
    "keys that are none": lambda: read(RSA, "RS256", keys=["k", None, {"kid": "k"}]),
    "a shared secret that the provider shows": lambda: read(
        "s" * 32, "HS256", keys=[{"kty": "oct", "k": "c3Nz" * 10, "kid": "k"}]
    ),
    "a longer subject than a row holds": lambda: read(RSA, "RS256", sub="s" * 192),
    "a number as its time": lambda: read(RSA, "RS256", exp="soon"),
}


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")  # Of the hand that signs.
@pytest.mark.parametrize("name", REFUSED)
def test_z06_what_is_signed_otherwise_is_refused(name):
    with pytest.raises(FederationRefused) as refusal:
        REFUSED[name]()
    assert "eyJ" not in str(refusal.value)
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize("token", [None, 7, "", "a.b.c", "a.b", "....", "\0", "eyJhbGciOiJSUzI1NiJ9." * 3, "e30.e30.e30"])
def test_z06_what_is_no_token_is_refused(token):
    with pytest.raises(FederationRefused):
        read_id_token(token, keys=[shown(RSA, "RS256")], directory=HERE, nonce="n", now=datetime.now(UTC), fresh=False)


def test_groups_are_a_list_of_names_or_none():
    assert groups_of({}, "groups") == ()
    assert groups_of({"groups": ["a", "b"]}, "groups") == ("a", "b")
    for bad in ("a", [1], {"a": 1}, None):
        with pytest.raises(FederationRefused):
            groups_of({"groups": bad}, "groups")
