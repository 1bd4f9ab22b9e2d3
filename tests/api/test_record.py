"""The record by the API: verified at once or as a job, and taken along; the same answers as the console's."""

import json

import pytest

from governance.identity.scoping import tenant_scope
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.working import work_for_all
from tests.api.clients import client_of, client_with, token_of
from tests.audit.test_offline import offline
from tests.conftest import make_person, now
from tests.console.browsing import signed_in, text_of
from tests.security.chains import around, signed
from tests.security.walking_chains import grown, in_small_steps

VERIFY, EXPORT = "/api/v1/audit:verify", "/api/v1/audit:export"


@pytest.fixture
def long_chain(tenant, monkeypatch):
    in_small_steps(monkeypatch)
    grown(tenant)
    return tenant


def flip(number):
    around("UPDATE governance_auditentry SET body = replace(body, 'actor', 'aktor') WHERE sequence = %s", number)


def test_a_short_chain_is_answered_at_once(tenant):
    answer = client_of(tenant, "auditor").post(VERIFY)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["id"], found["state"], found["report"]["whole"]) == (None, "done", True)
    assert found["report"]["attestation"] == "self-attested"
    assert "Location" not in answer.headers


def test_a_long_one_is_a_job_at_its_address(long_chain):
    client = client_of(long_chain, "auditor")
    answer = client.post(VERIFY)
    assert answer.status_code == 202
    address = answer.headers["Location"]
    assert (answer.json()["report"], answer.json()["state"]) == (None, "waiting")
    assert client.get(address).json()["done"] == 0
    flip(17)
    work_for_all(HANDLERS)
    found = client.get(address).json()
    assert (found["state"], found["done"]) == ("done", 16)
    report = found["report"]
    assert (report["whole"], report["bad_sequence"], report["fault"]) == (False, 17, "its bytes do not give its hash")


def test_it_is_repeated_under_its_key_without_a_second_job(long_chain):
    client = client_of(long_chain, "auditor")
    first = client.post(VERIFY, headers={"Idempotency-Key": "v-1"})
    again = client.post(VERIFY, headers={"Idempotency-Key": "v-1"})
    assert (again.status_code, again.headers["Location"]) == (202, first.headers["Location"])
    assert again.headers["Idempotency-Replayed"] == "true"


def test_z08_an_officer_of_jobs_does_not_see_what_a_verification_came_to(long_chain):
    address = client_of(long_chain, "auditor").post(VERIFY).headers["Location"]
    officer = client_of(long_chain, "security_officer")
    assert officer.get(address).status_code == 403
    job = address.rpartition("/")[2]
    assert officer.get(f"/api/v1/jobs/{job}").json()["topic"] == "verify", "he sees that it goes on"
    assert officer.post(f"/api/v1/jobs/{job}:cancel").json()["state"] == "cancelled"
    assert client_of(long_chain, "auditor").get(address).json()["report"] is None


def test_console_api_and_command_come_to_the_same(tenant, capsys):
    """The chain is short, changed, and read three ways."""
    from django.core.management import CommandError, call_command

    auditor = make_person(tenant, "auditor")
    around("UPDATE governance_auditentry SET body = replace(body, 'role', 'rule') WHERE tenant_id = %s AND sequence = 2",
           tenant.id)  # fmt: skip
    by_api = client_of(tenant, "auditor").post(VERIFY).json()["report"]
    page = text_of(signed_in(auditor).post("/audit/verify"))
    with pytest.raises(CommandError):
        call_command("verify_audit", tenant=tenant.slug, as_json=True)
    by_command = json.loads(capsys.readouterr().out)["chains"][0]
    assert (by_api["bad_sequence"], by_api["fault"]) == (by_command["bad_sequence"], by_command["fault"])
    assert f"broken at entry {by_api['bad_sequence']}" in page
    assert by_api["head"] in page
    assert by_api["head"] == by_command["head"]


def test_the_export_is_what_the_command_writes_and_verifies_elsewhere(long_chain, tmp_path):
    from django.core.management import call_command

    signed(long_chain)
    answer = client_of(long_chain, "auditor").get(EXPORT)
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    path = tmp_path / "api.jsonl"
    path.write_bytes(b"".join(answer.streaming_content))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    last = lines[-2]["entry"]
    assert (json.loads(last[4])["event"], lines[-1]["end"]) == ("audit.exported", last[0])
    call_command("verify_audit", export=tmp_path / "command.jsonl", tenant=long_chain.slug)
    assert (tmp_path / "command.jsonl").read_text() == path.read_text()
    assert offline(path).returncode == 0
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert offline(path).returncode == 2, "what was cut off is refused"


@pytest.mark.parametrize("taken", [True, False])
def test_an_export_ends_with_the_right_to_it(taken, long_chain, monkeypatch):
    from governance.custody import carrying
    from governance.identity.models import Membership

    monkeypatch.setattr(carrying, "PAGE", 5)
    auditor = make_person(long_chain, "auditor")
    steps = iter(client_with(token_of(long_chain, auditor)).get(EXPORT).streaming_content)
    next(steps)
    if taken:
        with tenant_scope(long_chain.id):
            Membership.objects.filter(user=auditor).update(ended_at=now())
    last = json.loads(list(steps)[-1])
    assert ("end" in last) == (not taken)


def test_a02_an_export_of_a_cut_chain_holds_the_heads_that_prove_it(long_chain, tmp_path, monkeypatch):
    client = client_of(long_chain, "auditor")
    signed(long_chain)
    around("DELETE FROM governance_auditentry WHERE tenant_id = %s AND sequence > 12", long_chain.id)
    path = tmp_path / "chain.jsonl"
    path.write_bytes(b"".join(client.get(EXPORT).streaming_content))
    found = offline(path)
    assert (found.returncode, "BROKEN" in found.stdout) == (1, True)
    without = [line for line in path.read_text().splitlines(keepends=True) if '"checkpoint"' not in line]
    path.write_text("".join(without))
    assert offline(path).returncode == 0, "the control: without them the cut chain looks whole"


def test_the_record_is_refused_before_a_byte_where_it_cannot_be_written(tenant, monkeypatch):
    from governance.audit.errors import RecordRefused
    from governance.custody import carrying

    client = client_of(tenant, "auditor")
    client.raise_request_exception = False

    def refuse(**_):
        raise RecordRefused("No audit entry could be written.")

    monkeypatch.setattr(carrying, "record_now", refuse)
    answer = client.get(EXPORT)
    assert (answer.status_code, answer.json()["code"]) == (503, "audit.record_refused")
