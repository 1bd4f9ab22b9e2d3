"""ATTACKS.md, rows C08, C09, C12, C13, C17, C18, C22 and T18: nonces, formats, lengths, and ways to write sealing wrong."""

import json
import os
import random
import struct
import threading
import types
import zlib
from collections import Counter
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection

from governance.crypto import envelope as envelope_module
from governance.crypto.derivation import derive
from governance.crypto.envelope import MAGIC, OpenDataKey, Place, associated_data
from governance.crypto.errors import CannotOpen, UnknownFormat
from governance.crypto.padding import pad
from governance.identity.scoping import tenant_scope
from tests.conftest import item, store
from tests.security.test_c_ciphertext import admin, read

PLACE = Place(uuid4(), uuid4(), uuid4(), "message.source", 1)
NONCE = slice(30, 42)
PROCESSES, TOTAL = 8, 1_000_000
CHATS = Path(__file__).resolve().parents[3] / "shared" / "data" / "chats"


def new_key():
    return OpenDataKey(key_id=uuid4(), secret=os.urandom(32))


def nonces_of_forks(key, folder, total):
    """Seal in processes that are forked from one that has sealed before; return all nonces."""
    key.seal(b"before the fork", PLACE)
    children = []
    for number in range(PROCESSES):
        child = os.fork()
        if child == 0:
            found = b"".join(key.seal(b"x", PLACE)[NONCE] for _ in range(total // PROCESSES))
            (folder / str(number)).write_bytes(found)
            os._exit(0)
        children.append(child)
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)
    written = b"".join(path.read_bytes() for path in folder.iterdir())
    return [written[at : at + 12] for at in range(0, len(written), 12)]


def test_c08_a_million_nonces_of_forked_processes_are_distinct(tmp_path):
    nonces = nonces_of_forks(new_key(), tmp_path, TOTAL)
    assert len(nonces) == TOTAL
    assert len(set(nonces)) == TOTAL


def test_c08_control_a_generator_whose_state_is_forked_repeats(tmp_path, monkeypatch):
    state = random.Random(7)
    monkeypatch.setattr(envelope_module.os, "urandom", state.randbytes)
    nonces = nonces_of_forks(OpenDataKey(key_id=uuid4(), secret=bytes(32)), tmp_path, 800)
    assert max(Counter(nonces).values()) == PROCESSES


def append_and_forget(tenant, text):
    """Append a message and go back to the snapshot before it; return the envelope that was written meanwhile."""

    class Forget(Exception):
        pass

    try:
        with tenant_scope(tenant.id):
            store(tenant, item("c-1", "first", text))
            with connection.cursor() as cursor:
                cursor.execute("SELECT source, source_data_key_id FROM governance_message WHERE ordinal = 1")
                found = cursor.fetchone()
            raise Forget  # noqa: TRY301 - the scope has to see it
    except Forget:
        return bytes(found[0]), found[1]


def test_c09_a_database_set_back_repeats_no_nonce_under_the_same_key(tenant, monkeypatch):
    from governance.ingest import receiving

    # The record's last statement ends a transaction for good; this test has to look at the row after it.
    monkeypatch.setattr(receiving, "record_with_effect", lambda **_: None)
    store(tenant, item("c-1", "first"))
    found = [append_and_forget(tenant, "the same text") for _ in range(20)]
    assert len({key for _, key in found}) == 1, "one data key sealed all of them"
    assert len({envelope[NONCE] for envelope, _ in found}) == 20


def test_c09_control_a_counter_in_the_database_repeats():
    snapshot = {"used": 41}

    def nonce(database):
        database["used"] += 1
        return database["used"].to_bytes(12, "big")

    assert nonce(dict(snapshot)) == nonce(dict(snapshot))


def older(key, secret, text):
    """An envelope as a version before the first would have written it, whole and rightly sealed."""
    nonce, header = os.urandom(12), b"TVE0" + key.seal(b"", PLACE)[4:30]
    aad = associated_data(PLACE, key.id).replace(MAGIC, b"TVE0")
    return header + nonce + AESGCM(derive(secret, "seal")).encrypt(nonce, pad(text), aad)


def test_c12_an_envelope_of_an_older_format_is_refused_by_code_and_database(tenant):
    secret = os.urandom(32)
    key = OpenDataKey(key_id=uuid4(), secret=secret)
    envelope = older(key, secret, b"old")
    with pytest.raises(UnknownFormat):
        key.open(envelope, PLACE)
    store(tenant, item("c-1", "first"))
    with admin() as outside, pytest.raises(Exception, match="message_source_is_envelope") as refused:
        outside.execute("UPDATE governance_message SET source = 'TVE0'::bytea || substring(source from 5)")
    assert type(refused.value).__name__ == "CheckViolation"


def test_c12_control_a_reader_that_believes_the_header_opens_it(monkeypatch):
    secret = os.urandom(32)
    key = OpenDataKey(key_id=uuid4(), secret=secret)
    envelope = older(key, secret, b"old")
    aad = associated_data(PLACE, key.id).replace(MAGIC, envelope[:4])
    assert AESGCM(derive(secret, "seal")).decrypt(envelope[NONCE], envelope[42:], aad) == pad(b"old")


def looking_like_envelopes():
    inner = new_key().seal(b"inner", PLACE)
    return [
        MAGIC.decode(),
        inner.decode("latin-1").replace("\x00", ""),
        inner.hex(),
        "TVE1" + "\x01\x01" + "a" * 100,
        "[PHONE·abcde]",
    ]


def test_c13_a_text_that_looks_like_an_envelope_comes_back_as_it_was(tenant):
    texts = looking_like_envelopes()
    (chat,) = store(tenant, item("c-1", *texts))
    assert read(tenant, chat.id) == texts
    key = new_key()
    twice = key.seal(key.seal(b"inner", PLACE), PLACE)
    assert key.open(key.open(twice, PLACE), PLACE) == b"inner"


def test_c13_control_a_vault_that_spares_what_looks_sealed_stores_it_in_clear():
    key = new_key()

    def sparing(text):
        return text if text.startswith(MAGIC) else key.seal(text, PLACE)

    forged = MAGIC + b"my own words, unsealed and not mine to choose where" + bytes(20)
    assert sparing(forged) == forged
    assert forged not in key.seal(forged, PLACE)


def lengths(count=2_000):
    """Lengths in bytes of real messages, spread over the files."""
    found = []
    for path in sorted(CHATS.rglob("*.jsonl")):
        lines = path.read_text("utf-8").splitlines()[:400]
        found += [len(text.encode()) for line in lines for text in contents(json.loads(line))]
    return found[:: max(1, len(found) // count)][:count]


def contents(value):
    """The texts of messages in a record of any format."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in {"content", "value", "text", "utterance"} and isinstance(inner, str):
                yield inner
            else:
                yield from contents(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from contents(inner)


def unique_share(sizes):
    return sum(count == 1 for count in Counter(sizes).values()) / len(sizes)


@pytest.mark.skipif(not CHATS.is_dir(), reason="the shared chats are not beside this clone")
def test_c17_a_length_tells_almost_no_message_apart():
    key, real = new_key(), lengths()
    assert len(real) == 2_000
    assert unique_share([len(key.seal(bytes(size), PLACE)) for size in real]) <= 0.01
    assert unique_share(real) > 0.02, "the control: exact lengths do"


def test_c18_a_size_tells_nothing_of_what_stands_beside_a_secret():
    key, secret = new_key(), "token=5f3a9c"
    sizes = {len(key.seal(f"guess token={guess:06x} and {secret}".encode(), PLACE)) for guess in (0, 0x5F3A9C, 0x5F3A00)}
    assert len(sizes) == 1
    squeezed = {len(zlib.compress(f"guess token={guess} and {secret}".encode())) for guess in ("5f3a9c", "0b1d7e")}
    assert len(squeezed) == 2, "the control: compressed together, a right guess is shorter"


def test_t18_one_key_object_serves_eight_threads():
    key, wrong = new_key(), []

    def turn(number):
        for at in range(20_000):
            text = struct.pack(">II", number, at)
            if key.open(key.seal(text, PLACE), PLACE) != text:
                wrong.append((number, at))

    assert in_threads(turn) == []
    assert wrong == []


def test_t18_control_an_object_that_keeps_the_nonce_mixes_threads_up():
    aead, wrong = AESGCM(os.urandom(32)), []

    class Careless:
        nonce = b""

        def seal(self, text):
            self.nonce = os.urandom(12)
            return aead.encrypt(self.nonce, text, None)

        def open(self, sealed):
            threading.Event().wait(0.0001)
            return aead.decrypt(self.nonce, sealed, None)

    careless = Careless()

    def turn(number):
        for at in range(50):
            text = struct.pack(">II", number, at)
            try:
                good = careless.open(careless.seal(text)) == text
            except Exception:
                good = False
            if not good:
                wrong.append(at)

    in_threads(turn)
    assert wrong


def in_threads(turn):
    """Run a turn in eight threads at once; return what they raised."""
    raised, ready = [], threading.Barrier(8)

    def run(number):
        ready.wait()
        try:
            turn(number)
        except Exception as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


# Ways to write the envelope wrong: what stands in the source, and what would stand there.
MUTANTS = {
    "no AAD": ("encrypt(nonce, padded, aad)", "encrypt(nonce, padded, None)",
               "envelope[42:], aad)", "envelope[42:], None)"),
    "no revision in the AAD": ("_REVISION.pack(4, place.revision)", "b''"),
    "no message in the AAD": ("            place.message.bytes,\n", ""),
    "column not delimited": ('len(column).to_bytes(2, "big"),', ""),
    "fixed nonce": ("os.urandom(12)", "bytes(12)"),
    "no tag": ("self._aead.decrypt(envelope[30:42], envelope[42:], aad)", "self._bare(envelope)"),
    "no commitment": ("not hmac.compare_digest(envelope[:30], self._header)", "envelope[6:22] != self.id.bytes"),
    "== on the commitment": ("not hmac.compare_digest(envelope[:30], self._header)", "envelope[:30] != self._header"),
    "no padding": ("_encrypt(pad(text), ", "_encrypt(text, ",
                   "return unpad(self._decrypt(envelope, associated_data(place, self.id)))",
                   "return self._decrypt(envelope, associated_data(place, self.id))"),
}  # fmt: skip


def mutated(*changes):
    """The module of envelopes with its source changed."""
    source = Path(envelope_module.__file__).read_text("utf-8")
    for before, after in zip(changes[::2], changes[1::2], strict=True):
        assert before in source, "the mutant no longer fits: mend it with the module"
        source = source.replace(before, after)
    source += (
        "\n\ndef _bare(self, envelope):\n"
        "    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes\n"
        "    mode = modes.CTR(envelope[30:42] + b'\\x00\\x00\\x00\\x02')\n"
        "    return Cipher(algorithms.AES(self._secret), mode).decryptor().update(envelope[42:-16])\n"
        "OpenDataKey._bare = _bare\n"
    )
    source = source.replace('__slots__ = ("_aead", "_header", "id")', "").replace(
        "self.id = key_id\n", 'self.id = key_id\n        self._secret = derive(secret, "seal")\n'
    )
    module = types.ModuleType("mutant")
    exec(compile(source, "mutant", "exec"), module.__dict__)
    return module


def weaknesses(module):
    """What attacks of rows C01 to C18 find in a module of envelopes."""
    found = []
    key_id, secret = uuid4(), os.urandom(32)
    key = module.OpenDataKey(key_id=key_id, secret=secret)
    envelope = key.seal(b"words", PLACE)

    def opens(sealed, place, by=key):
        try:
            return by.open(sealed, place) is not None
        except CannotOpen:
            return False

    fields = {"tenant": uuid4(), "conversation": uuid4(), "message": uuid4(), "column": "message.redacted", "revision": 2}
    given = {name: getattr(PLACE, name) for name in fields}
    found += [f"moved: {name}" for name, other in fields.items() if opens(envelope, Place(**given | {name: other}))]
    joined = module.associated_data(Place(**given | {"column": "a" * 17}), key_id)
    if module.associated_data(Place(**given | {"column": "a" * 15 + "\x00\x10"}), key_id)[:-24] == joined[:-24]:
        found.append("ambiguous")
    if len(module.associated_data(PLACE, key_id)) != len(associated_data(PLACE, key_id)):
        found.append("parts run into each other")
    if envelope[NONCE] == key.seal(b"words", PLACE)[NONCE]:
        found.append("nonce")
    if any(opens(envelope[:at] + bytes([envelope[at] ^ 1]) + envelope[at + 1 :], PLACE) for at in range(len(envelope))):
        found.append("changed byte")
    if len(key.seal(b"w" * 100, PLACE)) != len(key.seal(b"w" * 99, PLACE)):
        found.append("length")
    compared = []
    real = module.hmac
    module.hmac = types.SimpleNamespace(
        digest=real.digest, compare_digest=lambda a, b: compared.append(1) or real.compare_digest(a, b)
    )
    opens(envelope, PLACE)
    module.hmac = real
    if not compared:
        found.append("compared in variable time, or not at all")
    return found


@pytest.mark.parametrize("name", MUTANTS)
def test_c22_the_mutant_is_killed(name):
    found = weaknesses(mutated(*MUTANTS[name]))
    print(name, found)
    assert found


def test_c22_control_the_module_itself_withstands_them_all():
    assert weaknesses(mutated()) == []
