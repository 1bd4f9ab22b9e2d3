"""A verification in steps comes to the report of one at once; who asks for it, and what it leaves on the record."""

import json
from datetime import timedelta

import pytest

from governance.access.errors import AccessDenied
from governance.audit.chain import ChainReport, Walk
from governance.audit.errors import SignerMissing, UnknownVerification
from governance.audit.heads import UnreadableRecord
from governance.audit.judgement import Judgement, judge, judgement_of
from governance.audit.models import AuditEntry
from governance.audit.signers import trusted_keys
from governance.custody import verifying
from governance.custody.verifying import TOPIC, verdict, verify, verify_step
from governance.identity.scoping import tenant_scope
from governance.jobs.leasing import LeaseLost, claim_job
from governance.jobs.models import Job
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.working import work_for_all
from governance.privacy.rescanning import ask_rescan
from tests.audit.test_accepting import accept, auditors, fail_over, sink  # noqa: F401 - fixtures
from tests.conftest import as_principal, make_person, make_tenant, now
from tests.security.chains import around, links, rehash, report, signed
from tests.security.walking_chains import Walker, grown, in_small_steps


@pytest.fixture
def auditor(tenant, people):
    return as_principal(tenant, people["auditor"])


@pytest.fixture
def long_chain(tenant, monkeypatch):
    in_small_steps(monkeypatch)
    grown(tenant)
    return tenant


def last_entry(tenant):
    with tenant_scope(tenant.id):
        row = AuditEntry.objects.order_by("-sequence").first()
    return row.event, json.loads(row.body)


def test_a_short_chain_is_verified_at_once_and_recorded(tenant, auditor):
    found = verify(principal=auditor, now=now())
    assert isinstance(found, ChainReport)
    event, facts = last_entry(tenant)
    assert (event, facts["actor"]) == ("audit.verified", str(auditor.user_id))
    assert (facts["whole"], facts["entries"], facts["head"]) == (True, found.entries, found.head.hex())


def test_a_long_one_is_a_job_whose_verdict_is_recorded(long_chain, auditor):
    job = verify(principal=auditor, now=now())
    assert last_entry(long_chain)[1]["job"] == str(job)
    assert verdict(principal=auditor, job_id=job, now=now()) is None
    work_for_all(HANDLERS)
    found, at = verdict(principal=auditor, job_id=job, now=now())
    assert now() - timedelta(minutes=1) < at <= now()
    with tenant_scope(long_chain.id):
        row = Job.objects.get(id=job)
    assert (row.state, row.done, row.total) == ("done", row.spec["end"], row.spec["end"])
    assert (found.whole, found.entries) == (True, row.spec["end"])
    event, facts = last_entry(long_chain)
    assert (event, facts["job"], facts["whole"], facts["bad"]) == ("audit.verified", str(job), True, 0)


def test_while_one_goes_on_whoever_asks_is_given_it(long_chain, people, auditor):
    job = verify(principal=auditor, now=now())
    assert verify(principal=auditor, now=now()) == job
    with tenant_scope(long_chain.id):
        Job.objects.filter(id=job).update(state="paused")
    assert verify(principal=auditor, now=now()) != job, "what somebody stopped keeps no auditor from verifying"


def test_a_worker_that_comes_back_late_changes_nothing(long_chain, people):
    walker = Walker(long_chain, people["auditor"])
    with tenant_scope(long_chain.id):
        late, _ = claim_job([TOPIC])
    walker.rewrite_row(lease_until=now())
    walker.go(2)
    with pytest.raises(LeaseLost):
        verify_step(late)
    assert walker.row.done == 10
    assert walker.finish().whole


def test_a_worker_that_dies_in_a_step_loses_that_step_alone(long_chain, people, monkeypatch):
    walker = Walker(long_chain, people["auditor"])
    walker.go(2)
    with monkeypatch.context() as dying:
        dying.setattr(verifying, "advance", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            walker.go()
    assert walker.row.done == 10
    walker.rewrite_row(lease_until=now())
    assert (walker.finish().whole, walker.row.done) == (True, walker.row.total)


def test_without_the_audit_key_no_long_chain_is_verified(long_chain, auditor, monkeypatch):
    monkeypatch.setattr(verifying, "audit_signer", _no_signer)
    with pytest.raises(SignerMissing):
        verify(principal=auditor, now=now())


def _no_signer():
    raise SignerMissing("Set THREADVAULT_AUDIT_KEY.")


def test_only_auditors_ask_and_look(long_chain, people, auditor):
    job = verify(principal=auditor, now=now())
    analyst = as_principal(long_chain, people["analyst"])
    with pytest.raises(AccessDenied):
        verify(principal=analyst, now=now())
    with pytest.raises(AccessDenied):
        verdict(principal=analyst, job_id=job, now=now())


def test_z10_the_verification_of_another_tenant_and_another_job_are_unknown(long_chain, people, auditor):
    other = make_tenant()
    stranger = as_principal(other, make_person(other, "auditor"))
    job = verify(principal=auditor, now=now())
    officer = as_principal(long_chain, people["security_officer"], second_factor=True)
    with pytest.raises(UnknownVerification):
        verdict(principal=stranger, job_id=job, now=now())
    with pytest.raises(UnknownVerification):
        verdict(principal=auditor, job_id=ask_rescan(principal=officer, now=now()), now=now())
    assert verdict(principal=auditor, job_id=job, now=now()) is None


def test_an_accepted_loss_is_judged_at_the_end(tenant, sink, auditors, people, monkeypatch):  # noqa: F811
    signed(tenant)
    fail_over(tenant, 5)
    in_small_steps(monkeypatch)
    broken = Walker(tenant, people["auditor"]).finish()
    assert not broken.whole
    accept(tenant, sink, auditors)
    signed(tenant)
    found = Walker(tenant, people["auditor"]).finish()
    assert (found.whole, found.fault) == (True, "")
    assert found.accepted == report(tenant, sink).accepted


def flip(tenant):
    around("UPDATE governance_auditentry SET body = replace(body, 'actor', 'aktor') WHERE tenant_id = %s AND sequence = 9",
           tenant.id)  # fmt: skip


def rewrite(tenant):
    flip(tenant)
    rehash(tenant, 9)


def shorten(tenant):
    around("DELETE FROM governance_auditentry WHERE tenant_id = %s AND sequence > 12", tenant.id)


def sign_falsely(tenant):
    around("UPDATE governance_checkpoint SET signature = set_byte(signature, 0, (get_byte(signature, 0) + 1) %% 256)"
           " WHERE tenant_id = %s", tenant.id)  # fmt: skip


def set_back(tenant):
    around("UPDATE governance_auditentry SET recorded_at = recorded_at - interval '1 hour' WHERE tenant_id = %s"
           " AND sequence = 7", tenant.id)  # fmt: skip
    rehash(tenant, 7)


ATTACKS = [lambda tenant: None, flip, rewrite, shorten, sign_falsely, set_back]


def in_stretches(tenant, found, inside, size):
    """Judge as the steps of a job do, and write the state down between two of them."""
    judgement, end = judgement_of(tenant.id, trusted_keys()), max(link.sequence for link in found)
    top = max([end, *(head.sequence for head in inside)])
    for begin in range(0, top, size):
        part = [link for link in found if begin < link.sequence <= begin + size]
        judgement.take(part, inside=[head for head in inside if begin < head.sequence <= begin + size], outside=[])
        if judgement.bad:
            break
        judgement = Judgement.resumed(json.loads(json.dumps(judgement.kept())), trusted=trusted_keys())
    return judgement.report()


@pytest.mark.parametrize("attack", ATTACKS)
def test_stretches_of_any_length_come_to_the_same_report(tenant, attack):
    grown(tenant)
    attack(tenant)
    found, inside = links(tenant), stored_heads(tenant)
    at_once = judge(walk=Walk(tenant.id), links=found, inside=inside, outside=[], trusted=trusted_keys())
    for size in (1, 2, 5, 7, 100):
        apart = in_stretches(tenant, found, inside, size)
        same = ("fault", "bad_sequence", "head", "root", "entries", "backwards", "anomalies")
        assert [getattr(apart, name) for name in same] == [getattr(at_once, name) for name in same], size
    assert at_once.whole == (attack in ATTACKS[:1])


def stored_heads(tenant):
    from governance.audit.checkpointing import head_of
    from governance.audit.models import Checkpoint

    with tenant_scope(tenant.id):
        return [head_of(row) for row in Checkpoint.objects.filter(tenant_id=tenant.id).order_by("sequence")]


@pytest.mark.parametrize("damage", [{}, {"walk": {}}, {"strangers": [[1]]}, {"bad": ["x", "y"]}, {"fit": None}])
def test_what_is_no_state_is_refused(tenant, damage):
    kept = judgement_of(tenant.id, trusted_keys()).kept()
    with pytest.raises(UnreadableRecord):
        Judgement.resumed({**kept, **damage} if damage else {}, trusted=frozenset())


def test_a_report_is_read_as_it_was_written(tenant):
    found = report(tenant)
    assert ChainReport.from_json(json.loads(json.dumps(found.as_json()))) == found
    with pytest.raises(UnreadableRecord):
        ChainReport.from_json({"head": ""})
