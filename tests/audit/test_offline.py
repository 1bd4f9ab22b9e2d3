"""The verification without the database: export, sink's file, state of an earlier run, and the tool without Django."""

import json
import subprocess
import sys

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from governance.audit.signers import audit_signer
from tests.conftest import make_tenant
from tests.security.chains import around, rehash, report, signed, write


@pytest.fixture
def sink(tenant, tmp_path, monkeypatch):
    path = tmp_path / "checkpoints.jsonl"
    monkeypatch.setenv("THREADVAULT_AUDIT_SINKS", f"file:{path}")
    for _ in range(2):
        write(tenant, 4)
        signed(tenant)
    return path


def export(tenant, tmp_path, name="chain.jsonl"):
    call_command("verify_audit", export=tmp_path / name, tenant=tenant.slug)
    return tmp_path / name


def offline(*arguments):
    command = [sys.executable, "-m", "governance.audit.offline", *map(str, arguments)]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": "."}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_an_export_verifies_without_database_and_without_django(tenant, sink, tmp_path):
    done = offline(export(tenant, tmp_path), "--checkpoints", sink, "--public-key", audit_signer().public.hex())
    assert done.returncode == 0, done.stderr
    assert "attested by file outside, whole" in done.stdout
    code = "import sys, governance.audit.offline; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_changed_export_names_the_entry_and_a_cut_one_is_refused(tenant, sink, tmp_path):
    path = export(tenant, tmp_path)
    lines = path.read_text().splitlines(keepends=True)
    changed = tmp_path / "changed.jsonl"
    changed.write_text("".join([*lines[:3], lines[3].replace("operator", "nobody"), *lines[4:]]))
    done = offline(changed)
    assert done.returncode == 1
    assert "BROKEN at entry 3: its bytes do not give its hash" in done.stdout
    changed.write_text("".join(lines[:-1]))
    assert offline(changed).returncode == 2


def test_an_export_whose_end_was_cut_with_its_checkpoints_is_found_by_the_sink(tenant, sink, tmp_path):
    path = export(tenant, tmp_path)
    lines = [line for line in path.read_text().splitlines(keepends=True) if not line.startswith('{"checkpoint"')]
    path.write_text("".join([*lines[:5], '{"end":4}\n']))
    assert offline(path).returncode == 0, "the control: nothing outside to compare with"
    done = offline(path, "--checkpoints", sink)
    assert done.returncode == 1
    assert "entries were cut off" in done.stdout


def test_a_foreign_key_is_refused(tenant, sink, tmp_path):
    assert "signed by another key" in offline(export(tenant, tmp_path), "--public-key", "ab" * 32).stdout


def test_it_resumes_from_the_state_of_an_earlier_run(tenant, sink, tmp_path, capsys):
    state = tmp_path / "state.json"
    call_command("verify_audit", tenant=tenant.slug, state=state)
    write(tenant, 3)
    signed(tenant)
    before = json.loads(state.read_text())["sequence"]
    call_command("verify_audit", tenant=tenant.slug, state=state, as_json=True)
    found = json.loads(capsys.readouterr().out.splitlines()[-1])["chains"][0]
    assert (found["skipped"], found["entries"], found["fault"]) == (before, before + 3, "")
    call_command("verify_audit", source=export(tenant, tmp_path), state=state, checkpoints=sink)
    around("UPDATE governance_auditentry SET body = replace(body, 'operator', 'nobody') WHERE tenant_id = %s"
           " AND sequence = 3", tenant.id)  # fmt: skip
    rehash(tenant, 3)
    write(tenant)
    with pytest.raises(CommandError, match="not whole"):
        call_command("verify_audit", tenant=tenant.slug, state=state)
    assert json.loads(state.read_text())["sequence"] == before + 3, "a broken chain moves no state"


def test_a_state_of_another_chain_is_refused(tenant, sink, tmp_path):
    other, state = make_tenant(), tmp_path / "state.json"
    call_command("verify_audit", tenant=other.slug, state=state)
    with pytest.raises(CommandError, match=r"audit\.unreadable"):
        call_command("verify_audit", source=export(tenant, tmp_path), state=state)


def test_it_begins_behind_the_last_checkpoint(tenant, sink, capsys):
    write(tenant, 2)
    call_command("verify_audit", tenant=tenant.slug, since_checkpoint=True, as_json=True)
    found = json.loads(capsys.readouterr().out)["chains"][0]
    assert found["entries"] - found["skipped"] == 2


def test_it_proves_two_checkpoints_consistent_and_finds_a_rewritten_one(tenant, sink, tmp_path, capsys):
    size = report(tenant).entries
    call_command("verify_audit", tenant=tenant.slug, consistency=[size - 4, size], as_json=True)
    assert json.loads(capsys.readouterr().out)["proof"]
    with pytest.raises(CommandError, match="no checkpoint"):
        call_command("verify_audit", tenant=tenant.slug, consistency=[1, size])
    around("UPDATE governance_auditentry SET body = replace(body, 'operator', 'nobody') WHERE tenant_id = %s"
           " AND sequence = 3", tenant.id)  # fmt: skip
    rehash(tenant, 3)
    with pytest.raises(CommandError, match=r"audit\.bad_proof"):
        call_command("verify_audit", tenant=tenant.slug, consistency=[size - 4, size])


def test_the_word_is_that_of_the_sink(tenant, tmp_path, monkeypatch, capsys):
    from governance.conf.settings import vault_settings

    monkeypatch.setenv("THREADVAULT_AUDIT_SINKS", f"file:{vault_settings().home}/inside.jsonl")
    signed(tenant)
    call_command("verify_audit", tenant=tenant.slug)
    assert "self-attested, whole" in capsys.readouterr().out
    monkeypatch.setenv("THREADVAULT_AUDIT_SINKS", f"file:{tmp_path}/outside.jsonl")
    signed(tenant)
    call_command("verify_audit", tenant=tenant.slug)
    assert "attested by file outside, whole" in capsys.readouterr().out
