"""After a failover: the loss that two people accepted is reported, any other loss still breaks the verification."""

import json

import pytest

from governance.access.errors import AccessDenied
from governance.access.seconding import second
from governance.approvals.asking import ApprovalRefused
from governance.audit.heads import SignedHead
from governance.custody.accepting import accept_head, ask_accept_head
from tests.conftest import as_principal, make_person, now
from tests.security.chains import around, heads, rehash, report, signed, write
from tests.security.test_c_ciphertext import sql


@pytest.fixture
def sink(tenant, tmp_path, monkeypatch):
    path = tmp_path / "checkpoints.jsonl"
    monkeypatch.setenv("THREADVAULT_AUDIT_SINKS", f"file:{path}")
    write(tenant, 4)
    signed(tenant)
    return path


@pytest.fixture
def auditors(tenant, sink):
    found = [make_person(tenant, "auditor") for _ in range(2)]
    return [as_principal(tenant, user, second_factor=True) for user in found]


def fail_over(tenant, lost):
    """The replica that is promoted has not got the last entries, nor the checkpoints over them; then it goes on."""
    kept = sql("SELECT max(sequence) FROM governance_auditentry WHERE tenant_id = %s", tenant.id)[0][0]
    write(tenant, lost)
    signed(tenant)
    around("DELETE FROM governance_auditentry WHERE tenant_id = %s AND sequence > %s", tenant.id, kept)
    around("DELETE FROM governance_checkpoint WHERE tenant_id = %s AND sequence > %s", tenant.id, kept)
    around("UPDATE governance_sinkposition SET sequence = %s WHERE tenant_id = %s", kept, tenant.id)
    write(tenant, 2)


def accept(tenant, sink, auditors):
    approval = ask_accept_head(principal=auditors[0], heads=heads(tenant, sink), reason="failover of Tuesday", now=now())
    second(principal=auditors[1], approval_id=approval, agree=True, now=now())
    return accept_head(principal=auditors[0], approval_id=approval, now=now())


def test_an_accepted_loss_is_reported_and_the_chain_counts_as_whole(tenant, sink, auditors):
    signed(tenant)
    fail_over(tenant, 5)
    assert not report(tenant, sink).whole, "the control: nobody accepted it"
    assert accept(tenant, sink, auditors) == 5
    signed(tenant)
    found = report(tenant, sink)
    assert found.whole, found.fault
    assert len(found.accepted) == 1
    assert found.accepted[0].startswith("at most 5 entries")


def test_a_later_loss_that_nobody_accepted_still_breaks(tenant, sink, auditors):
    fail_over(tenant, 5)
    accept(tenant, sink, auditors)
    signed(tenant)
    fail_over(tenant, 4)
    assert not report(tenant, sink).whole
    accept(tenant, sink, auditors)
    found = report(tenant, sink)
    assert found.whole, found.fault
    assert len(found.accepted) == 2


def test_one_person_alone_accepts_nothing(tenant, sink, auditors):
    fail_over(tenant, 3)
    approval = ask_accept_head(principal=auditors[0], heads=heads(tenant, sink), reason="failover", now=now())
    with pytest.raises(ApprovalRefused):
        accept_head(principal=auditors[0], approval_id=approval, now=now())
    with pytest.raises(ApprovalRefused):
        second(principal=auditors[0], approval_id=approval, agree=True, now=now())
    assert not report(tenant, sink).whole


def test_an_analyst_may_not_ask_and_what_is_whole_needs_no_acceptance(tenant, people, sink, auditors):
    with pytest.raises(AccessDenied):
        analyst = as_principal(tenant, people["analyst"], second_factor=True)
        ask_accept_head(principal=analyst, heads=heads(tenant, sink), reason="x", now=now())
    with pytest.raises(ApprovalRefused, match="nothing was lost"):
        ask_accept_head(principal=auditors[0], heads=heads(tenant, sink), reason="x", now=now())


def test_a_checkpoint_that_is_not_ours_is_not_accepted_as_lost(tenant, sink, auditors):
    fail_over(tenant, 3)
    real = heads(tenant, sink)[-1]
    forged = SignedHead(real.tenant, real.sequence + 9, real.head_hash, real.root, real.microseconds, b"k" * 32, b"s" * 64)
    with pytest.raises(ApprovalRefused, match="did not sign"):
        ask_accept_head(principal=auditors[0], heads=[real, forged], reason="x", now=now())


def test_an_acceptance_forged_in_the_tables_accepts_nothing(tenant, sink, auditors):
    """The attacker rewrites the entry of an acceptance so that it covers more, with good hashes; he has no audit key."""
    fail_over(tenant, 3)
    accept(tenant, sink, auditors)
    at, body = sql("SELECT sequence, body FROM governance_auditentry WHERE event = 'head.accepted'")[0]
    facts = json.loads(body)
    fail_over(tenant, 4)
    facts["lost"] += [[head.sequence, head.head_hash.hex()] for head in heads(tenant, sink)]
    forged = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    around("UPDATE governance_auditentry SET body = %s WHERE tenant_id = %s AND sequence = %s", forged, tenant.id, at)
    rehash(tenant, at)
    assert not report(tenant, sink).whole
    assert report(tenant, sink).accepted == ()
