"""ATTACKS.md, rows K08 and K20: a root key that is lost, swapped or spoilt stops the start; key bytes are nowhere else."""

import os
import re
import subprocess
import sys
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from governance.checks.servers import key_providers, key_versions
from governance.conf.settings import vault_settings
from governance.custody.founding import ensure_root_key
from governance.keys import warming
from governance.keys.errors import ProviderAway, ProviderFailed
from governance.keys.providers import forget_providers, provider
from governance.keys.providers.local import create_root_key
from governance.keys.providers.root_files import protect_root_key
from tests.conftest import item, make_tenant, store
from tests.processes import environment
from tests.security.test_c_ciphertext import read, sql

PHRASE = "correct horse battery staple"
START = "import settings.wsgi; print('started')"

# K08: what is wrong with the root key stops the start, names itself, and touches no row.


def spoilt_missing(path, older):
    path.unlink()


def spoilt_unreadable(path, older):
    path.unlink()
    path.mkdir()


def spoilt_open_to_others(path, older):
    path.chmod(0o640)


def spoilt_of_another_account(path, older):
    os.chown(path, 65534, 65534)


def spoilt_half_written(path, older):
    path.write_bytes(path.read_bytes()[:40])


def spoilt_edited(path, older):
    kind, key, check = path.read_text().split()
    path.write_text(f"{kind} {('B' if key[0] == 'A' else 'A') + key[1:]} {check}\n")


def spoilt_swapped(path, older):
    path.write_bytes(older)


SPOILT = {
    spoilt_missing: "E024 The root key .* is missing",
    spoilt_unreadable: "E024 The root key .* cannot be read",
    spoilt_open_to_others: "E024 The root key .* chmod 600",
    spoilt_of_another_account: "E024 The root key .* must be a file of this account",
    spoilt_half_written: "E024 .*written by half",
    spoilt_edited: "E024 The root key .* check value does not fit",
    spoilt_swapped: "E027 The root key .* does not open this key version: it is another key",
}
TABLES = ("keyversion", "keyring", "keytransition", "datakey", "message", "conversation", "auditentry", "tenant")


def rows():
    return {
        table: sql(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM governance_{table} t") for table in TABLES
    }


def started(**more):
    given = environment(THREADVAULT_EMBEDDED="0", THREADVAULT_AUDIT_KEY="ab" * 32, **more)
    return subprocess.run([sys.executable, "-c", START], env=given, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("spoil", SPOILT)
def test_k08_a_root_key_that_is_not_the_one_stops_the_start(spoil, own_root, transactional_db):
    if spoil is spoilt_of_another_account and os.geteuid():
        pytest.skip("only root can give files away")
    other = own_root.with_name("older.key")
    create_root_key(other)
    tenant = make_tenant()
    store(tenant, item("c-1", "hello"))
    before = rows()
    spoil(own_root, other.read_bytes())
    done = started()
    assert (done.returncode, done.stdout) == (1, ""), done.stderr[-600:]
    refusal = next(line for line in done.stderr.splitlines() if line.startswith("threadvault: governance."))
    assert re.search(SPOILT[spoil], refusal), refusal
    assert rows() == before


def test_k08_control_the_same_key_starts_and_opens(own_root, transactional_db):
    tenant = make_tenant()
    (made,) = store(tenant, item("c-1", "hello"))
    before = rows()
    done = started()
    assert (done.returncode, done.stdout) == (0, "started\n"), done.stderr[-600:]
    assert rows() == before
    assert read(tenant, made.id) == ["hello"]


def test_k08_control_only_what_was_wrapped_tells_a_swapped_key(own_root, transactional_db):
    make_tenant()
    own_root.unlink()
    create_root_key(own_root)
    forget_providers()
    assert key_providers() == []
    assert [error.id for error in key_versions()] == ["governance.E027"]


def test_k08_a_lost_root_key_is_not_made_anew(own_root, transactional_db, monkeypatch):
    monkeypatch.delenv("THREADVAULT_ROOT_KEY")
    monkeypatch.setenv("THREADVAULT_EMBEDDED", "1")
    monkeypatch.setenv("THREADVAULT_HOME", str(own_root.parent))
    path = own_root.parent / "keys" / "root.key"
    ensure_root_key()
    assert path.exists(), "the control: the first start makes one"
    make_tenant()
    path.unlink()
    forget_providers()
    ensure_root_key()
    assert not path.exists()
    with pytest.raises(ProviderAway, match="is missing"):
        make_tenant()


def test_k08_a_passphrase_protects_the_file_and_the_key_stays_the_same(own_root, transactional_db, monkeypatch):
    tenant = make_tenant()
    (made,) = store(tenant, item("c-1", "hello"))
    plain = b64decode(own_root.read_text().split()[1])
    with pytest.raises(CommandError, match="THREADVAULT_ROOT_PASSPHRASE"):
        call_command("providers", "protect")
    monkeypatch.setenv("THREADVAULT_ROOT_PASSPHRASE", "short")
    with pytest.raises(CommandError, match="too short"):
        call_command("providers", "protect")
    monkeypatch.setenv("THREADVAULT_ROOT_PASSPHRASE", PHRASE)
    call_command("providers", "protect")
    assert not protect_root_key(own_root, passphrase=PHRASE)
    assert own_root.stat().st_mode & 0o777 == 0o600
    assert own_root.read_text().startswith("threadvault-root-2 scrypt:")
    assert all(plain not in b64decode(part, validate=False) for part in own_root.read_text().split()[2:])
    warming.cool()
    assert read(tenant, made.id) == ["hello"]
    assert "passphrase" in provider(f"local:{own_root}").describe()
    done = started(THREADVAULT_ROOT_PASSPHRASE="")
    assert "E024 The root key" in done.stderr
    assert "is under a passphrase" in done.stderr
    wrong = started(THREADVAULT_ROOT_PASSPHRASE="another phrase of mine")
    assert "another passphrase" in wrong.stderr
    assert "another phrase of mine" not in wrong.stderr
    phrase = own_root.with_name("phrase")
    phrase.write_text(PHRASE + "\n")
    monkeypatch.delenv("THREADVAULT_ROOT_PASSPHRASE")
    assert started(**{"THREADVAULT_ROOT_PASSPHRASE" + "_FILE": str(phrase)}).stdout == "started\n"


@pytest.mark.parametrize("field", ["n", "r", "p", "salt", "wrapped", "huge"])
def test_k08_a_protected_file_that_was_changed_is_named(field, tmp_path):
    path = tmp_path / "root.key"
    create_root_key(path, passphrase=PHRASE)
    kind, made, wrapped, check = path.read_text().split()
    name, n, r, p, salt = made.split(":")
    changed = {
        "n": f"{name}:{int(n) // 2}:{r}:{p}:{salt}", "r": f"{name}:{n}:9:{p}:{salt}", "p": f"{name}:{n}:{r}:1:{salt}",
        "salt": f"{name}:{n}:{r}:{p}:AAAA", "wrapped": made, "huge": f"{name}:{2**30}:{r}:{p}:{salt}",
    }[field]  # fmt: skip
    body = "AAAA" + wrapped[4:] if field == "wrapped" else wrapped
    path.write_text(f"{kind} {changed} {body} {check}\n")
    with pytest.raises(ProviderFailed, match="out of bounds" if field == "huge" else "does not open"):
        protect_root_key(path, passphrase=PHRASE)


# K20: key bytes are nowhere else.


def forms(secret):
    return {secret, secret.hex().encode(), b64encode(secret), b64encode(secret).rstrip(b"=")}


def test_k20_no_key_byte_in_what_shows_settings_workers_or_processes(own_root, transactional_db, monkeypatch):
    monkeypatch.setenv("THREADVAULT_ROOT_PASSPHRASE", PHRASE)
    tenant = make_tenant()
    store(tenant, item("c-1", "hello"))
    secret = b64decode(own_root.read_text().split()[1])
    given = environment()
    shown = [
        repr(vault_settings()).encode(),
        repr([provider(f"local:{own_root}"), provider(f"local:{own_root}").describe()]).encode(),
        repr(warming._store._keys).encode(),
        subprocess.run([sys.executable, "manage.py", "diffsettings", "--all"], env=given, capture_output=True, check=True).stdout,
        subprocess.run([sys.executable, "manage.py", "providers", "list"], env=given, capture_output=True, check=True).stdout,
        subprocess.run([sys.executable, "-m", "celery", "-A", "settings.celery", "report"], env=given, capture_output=True, check=True).stdout,
        repr(given).replace(PHRASE, "").encode(),
    ]  # fmt: skip
    assert all(shown)
    for place in shown:
        assert not any(form in place for form in forms(secret))
    assert PHRASE.encode() not in b"".join(shown)
    assert base_form(secret) in own_root.read_bytes(), "the control: the form that is searched for is that of the file"


def base_form(secret):
    return next(form for form in forms(secret) if form.endswith(b"="))


KINDS = (b"threadvault-root-" + b"1 ", b"threadvault-root-" + b"2 scrypt:")


def key_lines(data):
    """The lines of a file that hold a root key."""
    return [line for line in data.splitlines() if line.startswith(KINDS)]


def test_k20_no_key_file_is_part_of_the_repository(own_root):
    tracked = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=False).stdout.split(b"\0")
    if tracked == [b""]:
        pytest.skip("not a checkout")
    files = [path for name in filter(None, tracked) if (path := Path(name.decode())).is_file()]
    assert len(files) > 300
    for path in files:
        if any(kind in path.read_bytes() for kind in KINDS):
            assert path.suffix in {".py", ".md"}, path  # Where the form is described, with no key in it.
            assert key_lines(path.read_bytes()) == [], path
    assert len(key_lines(own_root.read_bytes())) == 1, "the control: a real key file is seen"


def test_k20_files_of_keys_are_this_accounts_alone(own_root, tmp_path):
    assert own_root.stat().st_mode & 0o777 == 0o600
    assert own_root.parent.stat().st_mode & 0o777 == 0o700
    assert own_root.stat().st_uid == os.geteuid()
    assert [one.name for one in own_root.parent.iterdir()] == ["root.key"], "nothing is left beside it"
