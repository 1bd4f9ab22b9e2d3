"""The word by which a record goes, wherever it is printed; the schedule; the acceptance by command; the key itself."""

import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from governance.approvals.asking import ask, decide
from governance.audit.canonical import SYSTEM
from governance.audit.errors import SignerMissing
from governance.audit.models import Checkpoint
from governance.audit.recording import record_now
from governance.audit.signers import audit_signer, trusted_keys
from governance.identity.scoping import tenant_scope
from governance.pipeline import tasks
from governance.pipeline.schedules import CHECKPOINT_SECONDS, SCHEDULES
from governance.privacy.erasing import erase_subject, subject_of
from tests.audit.test_accepting import fail_over
from tests.conftest import PASSWORD, as_principal, make_person, now, totp
from tests.security.chains import report, signed, write


@pytest.fixture
def sink(tenant, tmp_path, monkeypatch):
    path = tmp_path / "checkpoints.jsonl"
    monkeypatch.setenv("THREADVAULT_AUDIT_SINKS", f"file:{path}")
    signed(tenant)
    return path


def certificate(tenant, people):
    officer = as_principal(tenant, people["privacy_officer"], second_factor=True)
    other = as_principal(tenant, make_person(tenant, "privacy_officer"), second_factor=True)
    subject = subject_of(principal=officer, reference="user-42", now=now())
    approval = ask(principal=officer, act="erase", subject=subject, details={}, reason="asked", now=now())
    decide(principal=other, approval_id=approval, agree=True, now=now())
    return json.loads(erase_subject(principal=officer, reference="user-42", approval_id=approval, now=now()).body)


def test_a_certificate_says_self_attested_without_a_sink(tenant, people, stored):
    assert certificate(tenant, people)["attestation"] == "self-attested"


def test_a_certificate_says_by_what_it_is_attested(tenant, people, stored, sink):
    assert certificate(tenant, people)["attestation"] == "attested by file outside"


def console(people):
    client = Client()
    assert client.login(username=people["auditor"].username, password=PASSWORD)
    from django.urls import reverse

    return client.post(reverse("console:verify")).content.decode()


def test_the_console_says_self_attested(tenant, people):
    assert "self-attested" in console(people)


def test_the_console_says_attested_and_compares_with_the_sink(tenant, people, sink):
    assert "attested by file outside" in console(people)
    fail_over(tenant, 3)
    assert "chain is broken" in console(people)


def test_the_schedule_signs_every_chain_that_of_the_system_too(tenant):
    record_now(tenant=SYSTEM, event="command.run", actor_kind="operator")
    assert {"task": "threadvault.checkpoints", "schedule": 5.0}.items() <= SCHEDULES["sign what was recorded"].items()
    assert CHECKPOINT_SECONDS <= 5
    tasks.checkpoints()
    for chain in (SYSTEM, tenant.id):
        with tenant_scope(chain):
            assert Checkpoint.objects.filter(tenant_id=chain).count() == 1
    write(tenant)
    tasks.checkpoint(str(tenant.id))
    assert report(tenant).checkpoints == 2


def test_a_loss_is_accepted_by_command(tenant, sink, capsys):
    first, second = (make_person(tenant, "auditor") for _ in range(2))
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    secrets = {}
    for auditor in (first, second):
        secrets[auditor.username] = generate_totp_secret()
        TOTP.activate(auditor, secrets[auditor.username])
    signed(tenant)
    fail_over(tenant, 3)

    def asked(auditor):
        return {"tenant": tenant.slug, "member": auditor.username, "accept_head": True, "as_json": True}

    with pytest.raises(CommandError, match=r"second_factor\.needed"):
        call_command("verify_audit", **asked(first), checkpoints=sink, reason="failover")
    code = totp(secrets[first.username])
    call_command("verify_audit", **asked(first), code=code, checkpoints=sink, reason="failover")
    approval = json.loads(capsys.readouterr().out)["approval"]
    decide(principal=as_principal(tenant, second), approval_id=approval, agree=True, now=now())
    call_command("verify_audit", **asked(second), code=totp(secrets[second.username]), approval=approval)
    assert json.loads(capsys.readouterr().out)["entries"] == 3
    call_command("verify_audit", tenant=tenant.slug, checkpoints=sink)
    assert "at most 3 entries" in capsys.readouterr().out


def test_the_key_is_made_once_is_nobody_elses_and_is_shown_as_a_public_one(tenant, capsys, monkeypatch, tmp_path):
    from governance.conf.settings import PREFIX, vault_settings

    first = audit_signer().public
    path = vault_settings().home / "keys" / "audit.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert audit_signer().public == first
    call_command("verify_audit", show_key=True)
    assert capsys.readouterr().out.strip() == first.hex()
    mounted = tmp_path / "mounted"
    mounted.write_text("cd" * 32 + "\n")
    monkeypatch.setenv(f"{PREFIX}AUDIT_KEY_FILE", str(mounted))
    assert audit_signer().public != first
    monkeypatch.setenv("THREADVAULT_AUDIT_PUBLIC_KEYS", first.hex())
    assert trusted_keys() == {first, audit_signer().public}
    assert "cdcd" not in repr(vault_settings())


@pytest.mark.parametrize("text", ["short", "zz" * 32, "ab" * 31])
def test_a_key_of_another_form_is_refused_without_its_text(text, monkeypatch):
    monkeypatch.setenv("THREADVAULT_AUDIT_KEY", text)
    with pytest.raises(SignerMissing) as refusal:
        audit_signer()
    assert text not in str(refusal.value)


def test_servers_of_your_own_get_no_key_made(monkeypatch):
    monkeypatch.setenv("THREADVAULT_EMBEDDED", "0")
    with pytest.raises(SignerMissing, match="THREADVAULT_AUDIT_KEY"):
        audit_signer()
