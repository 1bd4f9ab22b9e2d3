"""`backup` and `restore` as an operator types them."""

import json

import pytest
from django.core.management import CommandError, call_command

from governance.custody.recovery.errors import RecoveryKeyRefused
from governance.custody.recovery.recovery_keys import configured_public_key
from tests.conftest import totp
from tests.custody.recovering import bring_back, empty_host


@pytest.fixture
def host(tmp_path):
    aside = tmp_path / "keys-of-the-old-host"
    yield aside
    if aside.exists():
        bring_back(aside)


def output(capsys, *arguments, **options):
    call_command(*arguments, as_json=True, **options)
    return json.loads(capsys.readouterr().out)


def test_from_the_key_pair_to_the_restored_installation(tenant, people, stored, tmp_path, host, capsys, monkeypatch):
    key, file, words = tmp_path / "recovery.key", tmp_path / "one.tvb", tmp_path / "words"
    words.write_text("correct horse battery\n")
    pair = output(capsys, "backup", "keygen", str(key), passphrase_file=words)
    with pytest.raises(CommandError, match="THREADVAULT_RECOVERY_PUBLIC_KEY.*recovery.key"):
        call_command("backup", "create", str(file))
    monkeypatch.setenv("THREADVAULT_RECOVERY_PUBLIC_KEY", pair["public_key"])
    officer = people["security_officer"]
    with pytest.raises(CommandError, match="second_factor.needed"):
        call_command("backup", "create", str(file), member=officer.username)
    code = totp(officer.totp_secret)
    made = output(capsys, "backup", "create", str(file), member=officer.username, code=code)
    assert made["recovery_key"] == pair["recovery_key"]
    assert output(capsys, "backup", "describe", str(file))["recovery_key"] == pair["recovery_key"]
    opens = {"recovery_key": key, "passphrase_file": words}
    seen = output(capsys, "backup", "verify", str(file), **opens, signed_by=made["signed_by"])
    assert (seen["digest"], seen["rows"], seen["tenants"]) == (made["digest"], made["rows"], 1)
    with pytest.raises(CommandError, match="recovery.not_empty"):
        call_command("restore", str(file), **opens)
    empty_host(host)
    done = output(capsys, "restore", str(file), **opens)
    assert (done["rows"], done["envelopes"]) == (made["rows"], 1)
    shown = output(capsys, "read", str(stored[0]), purpose="support", member=people["analyst"].username)
    assert shown["messages"][0]["text"][0].startswith("Mail me at [EMAIL")
    officer.refresh_from_db()
    assert output(capsys, "keys", "rotate", member=officer.username, code=_next_code(officer))["version"] == 2


def _next_code(officer):
    """A code that was not used yet: the one of the next half minute, which the tests' tolerance takes."""
    import time

    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    return format_hotp_value(hotp_value(officer.totp_secret, int(time.time()) // 30 + 1))


def test_a_passphrase_is_no_argument(tmp_path):
    from governance.management.commands.backup import Command

    parser = Command().create_parser("manage.py", "backup")
    taken = {action.dest: action for action in parser._actions if "passphrase" in action.dest}
    assert taken["passphrase"].nargs == 0
    assert set(taken) == {"passphrase", "passphrase_file"}


@pytest.mark.parametrize("arguments", [("verify",), ("drill",)])
def test_a_private_key_must_be_named(tmp_path, arguments):
    with pytest.raises(CommandError, match="--recovery-key"):
        call_command("backup", *arguments, str(tmp_path / "one.tvb"))


def test_what_cannot_be_written_is_one_line(tenant, tmp_path, monkeypatch):
    monkeypatch.setenv("THREADVAULT_RECOVERY_PUBLIC_KEY", "11" * 32)
    with pytest.raises(CommandError, match=r"cannot be written \(No such file or directory\).*\[recovery.error\]"):
        call_command("backup", "create", str(tmp_path / "none" / "one.tvb"))
    with pytest.raises(CommandError, match=r"cannot be written \(No such file or directory\).*\[recovery.key\]"):
        call_command("backup", "keygen", str(tmp_path / "none" / "key"))
    with pytest.raises(CommandError, match=r"cannot be read \(FileNotFoundError\)"):
        call_command("backup", "describe", str(tmp_path / "none.tvb"))


@pytest.mark.parametrize("text", ["", "00", "zz" * 32, "é" * 40, "AAAA"])
def test_a_public_key_that_is_none_is_refused(monkeypatch, text):
    monkeypatch.setenv("THREADVAULT_RECOVERY_PUBLIC_KEY", text)
    with pytest.raises(RecoveryKeyRefused):
        configured_public_key()


def test_a_public_key_is_hexadecimal_or_base64(monkeypatch):
    import base64

    public = bytes(range(32))
    for text in (public.hex(), public.hex().upper(), base64.b64encode(public).decode()):
        monkeypatch.setenv("THREADVAULT_RECOVERY_PUBLIC_KEY", f" {text} ")
        assert configured_public_key() == public
