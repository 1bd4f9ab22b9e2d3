"""The commands as an operator types them."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from governance.audit.models import AuditEntry
from governance.identity.models import Tenant
from governance.identity.scoping import tenant_scope
from tests.conftest import totp


def output(capsys, *arguments, **options):
    call_command(*arguments, as_json=True, **options)
    return json.loads(capsys.readouterr().out)


def test_read_opens_redacted_and_the_source_with_the_members_code(tenant, people, stored, capsys):
    officer = people["privacy_officer"]
    shown = output(capsys, "read", str(stored[0]), purpose="support", member=officer.username)
    assert shown["messages"][0]["text"][0].startswith("Mail me at [EMAIL")
    with pytest.raises(CommandError, match="second_factor.wrong"):
        call_command(
            "read", str(stored[0]), purpose="support", member=officer.username, source=True, code="000000", reason="x"
        )
    shown = output(
        capsys,
        "read",
        str(stored[0]),
        purpose="support",
        member=officer.username,
        source=True,
        code=totp(officer.totp_secret),
        reason="x",
    )
    assert shown["messages"][0]["text"] == ["Mail me at kim0@example.com"]
    with tenant_scope(tenant.id):
        assert '"operator":' in AuditEntry.objects.filter(event="grant.opened").order_by("-sequence").first().body


def test_a_one_time_code_counts_once_and_tries_are_limited(tenant, people, stored):
    officer = people["privacy_officer"]
    code = totp(officer.totp_secret)
    options = {"purpose": "support", "member": officer.username, "source": True, "reason": "x"}
    call_command("read", str(stored[0]), code=code, **options)
    with pytest.raises(CommandError, match="second_factor.wrong"):
        call_command("read", str(stored[0]), code=code, **options)
    for _ in range(4):
        with pytest.raises(CommandError):
            call_command("read", str(stored[0]), code="111111", **options)
    with pytest.raises(CommandError, match="second_factor.tries"):
        call_command("read", str(stored[0]), code="111111", **options)


def test_verify_audit_is_whole_and_says_self_attested(tenant, people, stored, capsys):
    result = output(capsys, "verify_audit", content=True)
    mine = next(chain for chain in result["chains"] if chain["tenant"] == tenant.slug)
    assert mine["fault"] == ""
    assert mine["content"] == {"envelopes": 18, "faults": []}
    call_command("verify_audit", tenant=tenant.slug)
    assert "self-attested, whole" in capsys.readouterr().out


def test_keys_rotate_makes_a_new_version_and_old_texts_still_open(tenant, people, stored, capsys):
    officer = people["security_officer"]
    result = output(capsys, "keys", "rotate", use="content", member=officer.username, code=totp(officer.totp_secret))
    assert result == {"use": "content", "version": 2}
    states = {
        (row["version"], row["state"]) for row in output(capsys, "keys", "list")["versions"] if row["use"] == "content"
    }
    assert states == {(1, "deactivated"), (2, "active")}
    shown = output(capsys, "read", str(stored[0]), purpose="support", member=people["analyst"].username)
    assert shown["messages"][0]["text"]
    with pytest.raises(CommandError, match="policy.denied"):
        call_command("keys", "rotate", use="content", member=people["analyst"].username)
    with pytest.raises(CommandError, match="second_factor"):
        call_command("keys", "rotate", use="content", member=people["security_officer"].username)


def test_setup_makes_a_tenant_and_a_link_that_works_once(transactional_db, capsys):
    result = output(capsys, "setup", slug="acme", name="Acme", officer="olga")
    assert Tenant.objects.get().slug == "acme"
    page = Client().get(result["link"], follow=True)
    assert page.status_code == 200
    assert "password" in page.content.decode().lower()
    with pytest.raises(CommandError, match="exists"):
        call_command("setup", slug="acme", name="Acme", officer="olga")


def test_tokens_are_shown_once_listed_and_revoked(tenant, people, capsys):
    made = output(capsys, "tokens", "create", user=people["analyst"].username, name="notebook")
    assert made["token"].startswith("tv_")
    prefix = made["token"].split("_")[1]
    assert made["token"] not in json.dumps(output(capsys, "tokens", "list"))
    output(capsys, "tokens", "revoke", prefix=prefix)
    with pytest.raises(CommandError, match="no live token"):
        call_command("tokens", "revoke", prefix=prefix)


def test_drain_works_in_processes_of_its_own_on_a_bare_state(tmp_path_factory):
    import os
    import subprocess
    import sys
    import tempfile
    from pathlib import Path

    root = Path(__file__).resolve().parents[2]
    samples = [
        json.loads(line)
        for path in (root / "governance" / "management" / "samples").glob("*.jsonl")
        for line in path.read_text("utf-8").splitlines()
    ]
    records = len(samples) + sum(len(sample["messages"]) for sample in samples)
    with tempfile.TemporaryDirectory(prefix="threadvault-drain-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        hidden = {"DATABASE_URL", "DATABASE_OWNER_URL", "BROKER_URL", "DJANGO_SETTINGS_MODULE", "THREADVAULT_EMBEDDED"}
        environment = {name: value for name, value in os.environ.items() if name not in hidden}
        environment["THREADVAULT_HOME"] = f"{folder}/state"

        def manage(*arguments):
            done = subprocess.run(
                [sys.executable, "manage.py", *arguments],
                cwd=root,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        manage("migrate", "--database", "owner", "-v0")
        assert json.loads(manage("demo", "seed", "--json")) == {"conversations": len(samples)}
        assert json.loads(manage("drain", "--workers", "2", "--json")) == {
            "redacted": records,
            "unscanned": 0,
            "quarantined": 0,
        }
        assert "0 faults" in manage("verify_audit", "--content")


def test_policies_and_approvals_by_command(tenant, people, stored, capsys, tmp_path):
    """One officer drafts and asks, another seconds, by one-time codes; every step is the domain's own."""
    file = tmp_path / "no-bot.cedar"
    file.write_text('forbid (principal, action, resource is Conversation) when { resource.collection == "support-bot" };')
    first, second = people["security_officer"], people["privacy_officer"]
    code = {"member": first.username, "code": totp(first.totp_secret)}
    draft = output(capsys, "policies", "draft", name="no-bot", file=file, reason="a leak", **code)
    assert draft["state"] == "draft"
    with pytest.raises(CommandError, match="second_factor.needed"):
        call_command("policies", "ask", draft["id"], reason="a leak", member=first.username)
    with pytest.raises(CommandError, match="second_factor.wrong"):
        call_command("policies", "ask", draft["id"], reason="a leak", **code)
    assert "+forbid" in output(capsys, "policies", "diff", draft["id"], member=first.username)["diff"]
    assert output(capsys, "policies", "list", member=first.username)["policies"]
    run = output(capsys, "policies", "dry-run", draft["id"], member=first.username)
    assert run["requests"] > 0
    auditor = people["auditor"].username
    readers = output(capsys, "policies", "readers", str(stored[0]), member=auditor)["readers"]
    assert people["analyst"].username in {one["username"] for one in readers}
    why = output(capsys, "policies", "why", str(stored[0]), member=second.username, action="read_source")
    assert {"kind": "second_factor", "value": "fresh", "policies": ["privacy-officers-read-source@1"]} in why["remedies"]
    assert output(capsys, "approvals", "list", member=second.username) == {"approvals": []}
    with pytest.raises(CommandError, match="--member"):
        call_command("approvals", "list")
    with pytest.raises(CommandError, match="exactly one id"):
        call_command("approvals", "second", member=second.username)
