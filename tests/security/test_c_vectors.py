"""ATTACKS.md, rows C20 and C21: published vectors at the functions that the vault uses; and its own formats, for ever.

A count that changes is looked at: a case that is skipped has its reason here.
"""

import hashlib
import hmac
import json
import re
from collections import Counter
from pathlib import Path
from uuid import UUID

import cryptography_vectors
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from governance.crypto.derivation import KeyedHash, derive, fingerprint
from governance.crypto.envelope import OpenDataKey, Place
from governance.crypto.errors import CannotOpen
from governance.crypto.signing import BadSignature, SigningKey, verify
from governance.crypto.wrapping import WrappingKey

WYCHEPROOF = Path(__file__).resolve().parents[3] / "shared" / "data" / "vectors" / "wycheproof"
NIST = Path(cryptography_vectors.__file__).parent / "ciphers" / "AES" / "GCM"
GOLDEN = json.loads((Path(__file__).parents[1] / "vectors" / "version_1.json").read_text("utf-8"))
needs_wycheproof = pytest.mark.skipif(not WYCHEPROOF.is_dir(), reason="the shared vectors are not beside this clone")


def groups(name):
    return json.loads((WYCHEPROOF / f"{name}_test.json").read_text("utf-8"))["testGroups"]


def raw(case, *names):
    return [bytes.fromhex(case[name]) for name in names]


def open_gcm(key, nonce, ciphertext, aad):
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, aad)
    except InvalidTag:
        return None


@needs_wycheproof
def test_c20_wycheproof_aes_gcm_with_our_parameters():
    counts = Counter()
    for group in groups("aes_gcm"):
        ours = (group["keySize"], group["ivSize"], group["tagSize"]) == (256, 96, 128)
        for case in group["tests"]:
            if not ours:  # Other key sizes and nonces are never used.
                counts["other parameters"] += 1
                continue
            key, nonce, aad, text, ciphertext, tag = raw(case, "key", "iv", "aad", "msg", "ct", "tag")
            assert (open_gcm(key, nonce, ciphertext + tag, aad) == text) == (case["result"] == "valid"), case["tcId"]
            if case["result"] == "valid":
                assert AESGCM(key).encrypt(nonce, text, aad) == ciphertext + tag
            counts[case["result"]] += 1
    print(counts)
    assert counts == {"valid": 39, "invalid": 27, "other parameters": 250}


@needs_wycheproof
def test_c20_wycheproof_hmac_sha256():
    counts = Counter()
    for group in groups("hmac_sha256"):
        for case in group["tests"]:
            key, text, tag = raw(case, "key", "msg", "tag")
            found = hmac.digest(key, text, "sha256")[: group["tagSize"] // 8]
            assert hmac.compare_digest(found, tag) == (case["result"] == "valid"), case["tcId"]
            counts[case["result"]] += 1
    assert counts == {"valid": 66, "invalid": 108}


@needs_wycheproof
def test_c20_wycheproof_hkdf_sha256():
    counts = Counter()
    for group in groups("hkdf_sha256"):
        for case in group["tests"]:
            secret, salt, info = raw(case, "ikm", "salt", "info")
            try:
                found = HKDF(algorithm=SHA256(), length=case["size"], salt=salt or None, info=info).derive(secret)
            except ValueError:
                found = None
            assert (found == bytes.fromhex(case["okm"])) == (case["result"] == "valid"), case["tcId"]
            counts[case["result"]] += 1
    assert counts == {"valid": 83, "invalid": 3}


@needs_wycheproof
def test_c20_wycheproof_ed25519():
    counts = Counter()
    for group in groups("ed25519"):
        public = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            text, signature = raw(case, "msg", "sig")
            try:
                verify(public, signature, text)
                good = True
            except BadSignature:
                good = False
            assert good == (case["result"] == "valid"), case["tcId"]
            counts[case["result"]] += 1
    assert counts == {"valid": 88, "invalid": 63}


@needs_wycheproof
def test_c20_control_a_reader_that_looks_at_no_tag_is_found():
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    wrong = 0
    for group in groups("aes_gcm"):
        for case in group["tests"] if (group["keySize"], group["ivSize"]) == (256, 96) else ():
            key, nonce, text, ciphertext = raw(case, "key", "iv", "msg", "ct")
            counter = Cipher(algorithms.AES(key), modes.CTR(nonce + b"\x00\x00\x00\x02")).decryptor()
            wrong += (counter.update(ciphertext) == text) != (case["result"] == "valid")
    assert wrong > 10


def nist(name):
    """The cases of a CAVP file with a 256-bit key, a 96-bit nonce and a 128-bit tag."""
    section, case = {}, {}
    for line in (NIST / name).read_text("ascii").splitlines():
        if found := re.fullmatch(r"\[(\w+) = (\d+)\]", line):
            section[found[1]] = int(found[2])
        elif " = " in line or line.strip() == "FAIL":
            name, _, value = line.partition(" = ")
            case[name.strip()] = value.strip()
        elif not line.strip() and "Key" in case:
            if (section["Keylen"], section["IVlen"], section["Taglen"]) == (256, 96, 128):
                yield case
            case = {}


def test_c21_nist_cavp_gcm_of_our_parameters():
    counts = Counter()
    for name in ("gcmEncryptExtIV256.rsp", "gcmDecrypt256.rsp"):
        for case in nist(name):
            key, nonce, aad, ciphertext, tag = raw(case, "Key", "IV", "AAD", "CT", "Tag")
            found = open_gcm(key, nonce, ciphertext + tag, aad)
            assert found == (None if "FAIL" in case else bytes.fromhex(case["PT"])), case
            counts[name, "FAIL" in case] += 1
    print(counts)
    assert counts == {
        ("gcmEncryptExtIV256.rsp", False): 375, ("gcmDecrypt256.rsp", False): 184, ("gcmDecrypt256.rsp", True): 191
    }  # fmt: skip


def test_c21_control_a_changed_case_is_found():
    case = next(one for one in nist("gcmDecrypt256.rsp") if "FAIL" not in one and one["CT"])
    key, nonce, aad, ciphertext, tag = raw(case, "Key", "IV", "AAD", "CT", "Tag")
    assert open_gcm(key, nonce, bytes([ciphertext[0] ^ 1]) + ciphertext[1:] + tag, aad) is None


def place_of(given):
    tenant, conversation, message = (UUID(given[name]) for name in ("tenant", "conversation", "message"))
    return Place(tenant, conversation, message, given["column"], given["revision"])


@pytest.mark.parametrize("given", GOLDEN["envelopes"], ids=lambda one: one["what"])
def test_envelopes_of_version_1_open_for_ever(given):
    key = OpenDataKey(key_id=UUID(given["key"]), secret=bytes.fromhex(given["secret"]))
    assert key.open(bytes.fromhex(given["envelope"]), place_of(given)).decode() == given["text"]
    moved = place_of(given | {"revision": given["revision"] + 1})
    with pytest.raises(CannotOpen):
        key.open(bytes.fromhex(given["envelope"]), moved)


def test_wrapped_keys_hashes_and_signatures_of_version_1_stay_what_they_are():
    given = GOLDEN["others"]
    secret = bytes.fromhex(given["secret"])
    context = [bytes.fromhex(part) for part in given["context"]]
    assert WrappingKey(secret).unwrap(bytes.fromhex(given["wrapped"]), *context).hex() == given["inner"]
    assert derive(secret, "seal").hex() == given["derived"]
    assert KeyedHash(secret, "value").digest(b"PHONE", b"+14155552671").hex() == given["keyed_hash"]
    assert SigningKey(secret).sign(b"checkpoint").hex() == given["signature"]
    assert fingerprint(b"checkpoint") == hashlib.sha256(b"checkpoint").digest()
