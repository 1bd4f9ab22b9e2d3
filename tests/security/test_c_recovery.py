"""ATTACKS.md, rows C20 and C06 for what backups are sealed with: HPKE, the sealed stream, the file; and its key file.

Every byte of a small backup is changed in turn; files are cut, reordered and put together.
"""

import io
import json
from pathlib import Path
from uuid import UUID

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from governance.crypto.derivation import fingerprint
from governance.crypto.errors import CannotOpen, CryptoError
from governance.crypto.hpke import RecipientKey, key_id, seal_to
from governance.crypto.passphrase import lock, unlock
from governance.crypto.sealed_stream import CHUNK, TAG_BYTES, StreamSealer, open_stream
from governance.crypto.signing import SigningKey
from governance.crypto.wrapping import new_secret
from governance.custody.recovery.archive import ArchiveWriter, Header, json_bytes, open_archive
from governance.custody.recovery.checking import check_backup
from governance.custody.recovery.errors import (
    BackupDamaged,
    RecoveryError,
    RecoveryKeyRefused,
    SignedByAnother,
    WrongRecoveryKey,
)
from governance.custody.recovery.recovery_keys import is_locked, make_recovery_key, read_recovery_key
from tests.security.test_c_vectors import groups, needs_wycheproof

RFC_9180 = Path(cryptography_vectors.__file__).parent / "HPKE" / "test-vectors.json"
KEY = RecipientKey(new_secret())
SECRET, CONTEXT = new_secret(), b"one backup"


def vector():
    """The one of RFC 9180's vectors in base mode with our suite."""
    ours = {"mode": 0, "kem_id": 0x20, "kdf_id": 1, "aead_id": 2}
    [found] = [one for one in json.loads(RFC_9180.read_text()) if ours.items() <= one.items()]
    return {name: bytes.fromhex(value) for name, value in found.items() if isinstance(value, str)}


def test_c20_rfc_9180_opens_under_the_published_key_schedule():
    """The library's opening takes no AAD, the published messages have one: so seal under the key and nonce it publishes."""
    given = vector()
    recipient = RecipientKey(given["skRm"])
    assert recipient.public == given["pkRm"]
    sealed = given["enc"] + AESGCM(given["key"]).encrypt(given["base_nonce"], b"Beauty is truth", b"")
    assert recipient.open(sealed, info=given["info"]) == b"Beauty is truth"
    for wrong in (sealed[:-1], bytes([sealed[0] ^ 1]) + sealed[1:], sealed[:-1] + bytes([sealed[-1] ^ 1])):
        with pytest.raises(CannotOpen):
            recipient.open(wrong, info=given["info"])
    with pytest.raises(CannotOpen):
        recipient.open(sealed, info=given["info"] + b"x")


@needs_wycheproof
def test_c20_wycheproof_x25519():
    """Every shared secret is the published one; to a point that gives zero nothing is sealed, and from it nothing opens."""
    counts = {"agreed": 0, "refused": 0}
    for case in (one for group in groups("x25519") for one in group["tests"]):
        public, private, shared = (bytes.fromhex(case[name]) for name in ("public", "private", "shared"))
        if not any(shared):
            with pytest.raises(CryptoError):
                seal_to(public, b"text", info=b"")
            with pytest.raises(CannotOpen):
                RecipientKey(private).open(public + bytes(TAG_BYTES), info=b"")
            counts["refused"] += 1
            continue
        key = X25519PrivateKey.from_private_bytes(private)
        assert key.exchange(X25519PublicKey.from_public_bytes(public)) == shared, case["tcId"]
        counts["agreed"] += 1
    print(counts)
    assert counts == {"agreed": 487, "refused": 31}


def test_hpke_is_bound_to_its_purpose_and_key():
    sealed = seal_to(KEY.public, b"text", info=b"backup")
    assert KEY.open(sealed, info=b"backup") == b"text"
    assert seal_to(KEY.public, b"text", info=b"backup") != sealed
    for other, info in ((KEY, b"inbox"), (RecipientKey(new_secret()), b"backup")):
        with pytest.raises(CannotOpen):
            other.open(sealed, info=info)


def test_recipient_keys_show_nothing():
    secret = new_secret()
    key = RecipientKey(secret)
    assert repr(key) == f"RecipientKey({key_id(key.public)})"
    with pytest.raises(TypeError):
        key.__reduce__()
    for wrong in (b"", secret[:-1]):
        with pytest.raises(CryptoError):
            RecipientKey(wrong)
        with pytest.raises(CryptoError):
            seal_to(wrong, b"text", info=b"")


def stream(data, *, secret=SECRET, context=CONTEXT, step=10_000):
    target = io.BytesIO()
    sealer = StreamSealer(target, secret=secret, context=context)
    for at in range(0, len(data), step):
        sealer.write(data[at : at + step])
    sealer.finish()
    return target.getvalue()


def opened(sealed, *, secret=SECRET, context=CONTEXT):
    return b"".join(open_stream(io.BytesIO(sealed), secret=secret, context=context))


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7])
def test_a_stream_of_any_length_opens(size):
    data = bytes(range(256)) * (size // 256 + 1)
    assert opened(stream(data[:size])) == data[:size]


SEALED = CHUNK + TAG_BYTES
DATA = b"".join(bytes([number]) * CHUNK for number in range(3)) + b"the end"


def pieces(sealed):
    return [sealed[at : at + SEALED] for at in range(0, len(sealed), SEALED)]


def reordered(sealed):
    first, second, *rest = pieces(sealed)
    return b"".join([second, first, *rest])


TAMPERED = {
    "a bit of the first chunk": lambda sealed: bytes([sealed[0] ^ 1]) + sealed[1:],
    "a bit of a tag": lambda sealed: sealed[: SEALED - 1] + bytes([sealed[SEALED - 1] ^ 1]) + sealed[SEALED:],
    "a bit of the last chunk": lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1]),
    "two chunks exchanged": reordered,
    "a chunk twice": lambda sealed: sealed[:SEALED] + sealed,
    "the first chunk gone": lambda sealed: sealed[SEALED:],
    "the last chunk gone": lambda sealed: b"".join(pieces(sealed)[:-1]),
    "all but the first gone": lambda sealed: sealed[:SEALED],
    "cut inside a chunk": lambda sealed: sealed[: SEALED + 100],
    "the last byte gone": lambda sealed: sealed[:-1],
    "a byte more": lambda sealed: sealed + b"\x00",
    "another stream behind it": lambda sealed: sealed + stream(b"more"),
    "the end under another key": lambda sealed: b"".join(pieces(sealed)[:-1]) + stream(DATA, secret=new_secret())[-23:],
    "the end of another backup": lambda sealed: b"".join([*pieces(sealed)[:-1], pieces(stream(DATA, context=b"two"))[-1]]),
    "nothing": lambda sealed: b"",
}


@pytest.mark.parametrize("what", TAMPERED)
def test_c06_a_tampered_stream_does_not_open(what):
    sealed = TAMPERED[what](stream(DATA))
    with pytest.raises(CannotOpen):
        opened(sealed)


@pytest.mark.parametrize("what", ["the last chunk gone", "two chunks exchanged", "a chunk twice", "all but the first gone"])
def test_c06_control_chunks_that_are_sealed_each_for_itself_take_it(what):
    aead = AESGCM(SECRET)
    sealed = b"".join(aead.encrypt(bytes(12), DATA[at : at + CHUNK], CONTEXT) for at in range(0, len(DATA), CHUNK))
    found = b"".join(aead.decrypt(bytes(12), piece, CONTEXT) for piece in pieces(TAMPERED[what](sealed)))
    assert found != DATA


def backup(*, secrets=None, rows=b"rows " * 20, created="2026-11-30"):
    """A backup file by its format alone, as small as it can be."""
    target = io.BytesIO()
    header = Header("0.1.0", created, "installation", key_id(KEY.public))
    writer = ArchiveWriter(target, public=KEY.public, header=header, secrets=secrets or {})
    for kind, payload in ((b"T", b"{}"), (b"D", rows), (b"E", b"{}"), (b"M", b"{}"), (b"S", b"")):
        writer.record(kind, payload)
    writer.finish()
    return target.getvalue()


def read(data, recovery=KEY):
    archive = open_archive(io.BytesIO(data), recovery=recovery)
    return archive.secrets, list(archive.records)


def start_of_stream(data):
    header = 6 + int.from_bytes(data[4:6], "big")
    return header + 4 + int.from_bytes(data[header : header + 4], "big")


def test_a_backup_file_opens_and_hides_its_secrets():
    data = backup(secrets={"root": "a root key"})
    secrets, records = read(data)
    assert secrets == {"root": "a root key"}
    assert [kind for kind, _ in records] == [b"T", b"D", b"E", b"M", b"S"]
    assert b"a root key" not in data
    assert b"rows" not in data


EMPTY = {"columns": [], "rows": 2, "bytes": 6, "sha256": fingerprint(bytes(16) + b"rows 2").hex()}
MANIFEST = {
    "migrations": [], "tables": {"t": EMPTY}, "sequences": {}, "chains": [], "rings": [], "root_key": "",
    "root_key_included": False,
}  # fmt: skip
BEGIN, ROWS, END = (b"T", json_bytes({"table": "t", "tenant": str(UUID(int=0))})), (b"D", b"rows 2"), (b"E", b'{"rows":2}')
SAID = (b"M", json_bytes(MANIFEST))
WHOLE = [BEGIN, ROWS, END, SAID, (b"S", b"")]


def forged(tmp_path, records):
    """A file that somebody sealed who has the public key only."""
    path = tmp_path / "forged.tvb"
    with path.open("wb") as file:
        header = Header("0.1.0", "2026-11-30", "installation", key_id(KEY.public))
        writer = ArchiveWriter(file, public=KEY.public, header=header, secrets={})
        for kind, payload in records:
            writer.record(kind, payload)
        writer.finish()
    return path


def test_who_has_the_public_key_makes_a_file_that_opens_and_no_signature(tmp_path):
    path = forged(tmp_path, WHOLE)
    found = check_backup(path=path, recovery=KEY)
    assert (found.signed_by, found.manifest.rows, found.bytes) == ("", 2, path.stat().st_size)
    assert found.digest == fingerprint(path.read_bytes()).hex()
    mine = SigningKey(new_secret())
    with pytest.raises(SignedByAnother, match="by nobody"):
        check_backup(path=path, recovery=KEY, signed_by=mine.public.hex())
    for signature in (mine.public + mine.sign(b"another manifest"), mine.public, b"x"):
        with pytest.raises(BackupDamaged):
            check_backup(path=forged(tmp_path, [*WHOLE[:-1], (b"S", signature)]), recovery=KEY)


MALFORMED = {
    "rows before a table": [ROWS, BEGIN, END, SAID, (b"S", b"")],
    "a table that does not end": [BEGIN, ROWS, SAID, (b"S", b"")],
    "two tables that begin": [BEGIN, BEGIN, ROWS, END, SAID, (b"S", b"")],
    "no manifest": [BEGIN, ROWS, END, (b"S", b"")],
    "two manifests": [BEGIN, ROWS, END, SAID, SAID, (b"S", b"")],
    "no signature at all": [BEGIN, ROWS, END, SAID],
    "something behind the signature": [*WHOLE, BEGIN, ROWS, END],
    "an unknown kind": [BEGIN, (b"?", b""), END, SAID, (b"S", b"")],
    "other rows than it hashes": [BEGIN, (b"D", b"rows 3"), END, SAID, (b"S", b"")],
    "more rows than it counts": [BEGIN, ROWS, (b"E", b'{"rows":3}'), SAID, (b"S", b"")],
    "a table twice": [BEGIN, ROWS, END, BEGIN, ROWS, END, SAID, (b"S", b"")],
    "a table that the manifest does not have": [
        BEGIN,
        ROWS,
        END,
        (b"M", json_bytes({**MANIFEST, "tables": {}})),
        (b"S", b""),
    ],
    "a manifest that is none": [BEGIN, ROWS, END, (b"M", b'{"rows":1}'), (b"S", b"")],
    "no JSON": [BEGIN, ROWS, (b"E", b"{"), SAID, (b"S", b"")],
    "nothing": [],
}


@pytest.mark.parametrize("what", MALFORMED)
def test_d08_records_in_another_order_or_number_are_refused(tmp_path, what):
    with pytest.raises(BackupDamaged):
        check_backup(path=forged(tmp_path, MALFORMED[what]), recovery=KEY)


def test_d08_every_byte_of_a_backup_is_authenticated():
    data = backup()
    for at in range(len(data)):
        with pytest.raises((BackupDamaged, WrongRecoveryKey)):
            read(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


def test_d08_a_backup_that_is_cut_or_longer_is_refused():
    data = backup()
    for end in range(len(data)):
        with pytest.raises(RecoveryError):
            read(data[:end])
    with pytest.raises(BackupDamaged):
        read(data + b"\x00")


def test_d08_two_backups_are_not_put_together():
    one, two = backup(), backup(rows=b"other" * 20)
    at, other = start_of_stream(one), start_of_stream(two)
    assert read(one[:at] + one[at:])
    with pytest.raises(BackupDamaged):
        read(one[:at] + two[other:])
    header = 6 + int.from_bytes(one[4:6], "big")
    later = backup(created="2026-12-30")
    with pytest.raises(BackupDamaged):
        read(later[:header] + one[header:])


def test_d08_control_without_the_context_a_header_is_exchanged():
    """HPKE and stream alone, bound to nothing: what was sealed opens under whatever header stands before it."""
    sealed = seal_to(KEY.public, SECRET, info=b"")
    for _ in ("2026-11-30", "2026-12-30"):
        assert opened(stream(DATA, context=b""), secret=KEY.open(sealed, info=b""), context=b"") == DATA


def test_another_key_is_named():
    other = RecipientKey(new_secret())
    with pytest.raises(WrongRecoveryKey, match=f"{key_id(KEY.public)}; this one is {key_id(other.public)}"):
        read(backup(), recovery=other)


def test_a_passphrase_opens_what_it_locked():
    secret = new_secret()
    locked = lock(secret, b"correct horse", b"context")
    assert unlock(locked, b"correct horse", b"context") == secret
    assert secret not in locked
    for passphrase, context in ((b"wrong", b"context"), (b"correct horse", b"other")):
        with pytest.raises(CannotOpen):
            unlock(locked, passphrase, context)
    with pytest.raises(CannotOpen):
        unlock(locked[:20], b"correct horse", b"context")


@pytest.mark.parametrize("passphrase", ["", "correct horse"])
def test_a_recovery_key_file_is_private_whole_and_written_once(tmp_path, passphrase):
    path = tmp_path / "recovery.key"
    public = make_recovery_key(path, passphrase=passphrase)
    assert path.stat().st_mode & 0o777 == 0o600
    assert is_locked(path) == bool(passphrase)
    assert read_recovery_key(path, passphrase=passphrase).public == public
    with pytest.raises(RecoveryError, match="exists"):
        make_recovery_key(path)
    text = path.read_text()
    other = make_recovery_key(tmp_path / "other.key")
    for broken in (text[:60], text.replace("recovery-1", "recovery-2"), text.replace(text.split()[3], "!"), "", "é"):
        path.write_text(broken)
        with pytest.raises(RecoveryKeyRefused) as refused:
            read_recovery_key(path, passphrase=passphrase)
        assert text.split()[2] not in str(refused.value)
    if passphrase:
        path.write_text(text)
        with pytest.raises(RecoveryKeyRefused, match="passphrase"):
            read_recovery_key(path, passphrase="wrong")
    else:
        fields = text.split()
        path.write_text(" ".join([*fields[:3], (tmp_path / "other.key").read_text().split()[3]]))
        with pytest.raises(RecoveryKeyRefused, match="no pair"):
            read_recovery_key(path)
    assert other != public
