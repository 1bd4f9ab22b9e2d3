"""The path of a message, step by step, as ARCHITECTURE.md section 3 tells it; each test is one step of the page."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from governance.access.errors import AccessDenied, OpeningRefused
from governance.access.granting import grant
from governance.access.seconding import ask, second
from governance.audit.merkle import root_hash
from governance.audit.models import AuditEntry
from governance.audit.verifying import verify_chain
from governance.crypto.signing import verify
from governance.identity.members import service_principal
from governance.identity.models import Tenant, User
from governance.identity.scoping import tenant_scope
from governance.identity.tokens import mint
from governance.ingest.formats.recognising import parse_item
from governance.ingest.receiving import Batch, receive
from governance.keys import warming
from governance.keys.models import DataKey
from governance.pipeline.running import run_classification
from governance.privacy.erasing import ACT, erase_subject, subject_of
from governance.privacy.errors import Held
from governance.privacy.holding import RELEASE, place_hold, release_hold
from governance.privacy.models import Finding
from governance.vault.manifests import split
from governance.vault.models import Consultation, IndexEntry, Message, SealManifest, State
from governance.vault.pending import KINDS, claim_pending, lock_pending
from governance.vault.reading import open_rows, read_conversation
from governance.vault.resources import resources
from tests.conftest import as_principal, make_person, make_tenant, now

TEXT = "My card 4111 1111 1111 1111 is locked, call me at +1 415 555 2671."
ITEM = {
    "external_id": "chat-17",
    "collection": "support-bot",
    "data_subject": "user-42",
    "title": "Locked card",
    "messages": [
        {"external_id": "m-1", "role": "user", "content": TEXT, "author": "user-42"},
        {"external_id": "m-2", "role": "assistant", "content": "I have unlocked it."},
    ],
}


@dataclass
class Walk:
    """What the steps hand on to each other."""

    tenant: Tenant
    people: dict[str, User]
    token: str
    conversation: UUID | None = None
    seen: dict = field(default_factory=dict)

    def principal(self, role, **extra):
        return as_principal(self.tenant, self.people[role], **extra)

    def entries(self):
        with tenant_scope(self.tenant.id):
            return [json.loads(body) for body in AuditEntry.objects.order_by("sequence").values_list("body", flat=True)]

    def send(self, item, key=""):
        headers = {"HTTP_AUTHORIZATION": f"Bearer {self.token}"} | ({"HTTP_IDEMPOTENCY_KEY": key} if key else {})
        return APIClient().post("/api/v1/conversations:batch", {"items": [item]}, format="json", **headers)


@pytest.fixture
def walk(tenant):
    people = {role: make_person(tenant, role) for role in ("analyst", "privacy_officer", "auditor")}
    people["second"] = make_person(tenant, "security_officer")
    producer = User.objects.get(memberships__tenant=tenant, memberships__role="producer")
    minted = mint(tenant=tenant, user=producer, name="walk", now=now(), life=timedelta(hours=1), scopes=["append"])
    return Walk(tenant=tenant, people=people, token=minted.plain)


@pytest.fixture
def sent(walk):
    walk.conversation = UUID(walk.send(ITEM).json()["results"][0]["id"])
    return walk


@pytest.fixture
def redacted(sent):
    run_classification(sent.tenant.id)
    return sent


def test_step_01_a_token_is_authenticated_and_the_payload_parsed(walk):
    assert APIClient().post("/api/v1/conversations:batch", {"items": [ITEM]}, format="json").status_code == 401
    incoming = parse_item(ITEM)
    assert [message.role for message in incoming.messages] == ["user", "assistant"]
    assert walk.send(ITEM).status_code == 207


def test_step_02_the_same_key_gives_the_same_answer_and_another_body_is_refused(walk):
    first = walk.send(ITEM, key="k-1")
    assert walk.send(ITEM, key="k-1").json() == first.json()
    other = walk.send({**ITEM, "external_id": "chat-18"}, key="k-1")
    assert (other.status_code, other.json()["code"]) == (422, "ingest.key_reused")


def test_step_03_what_is_needed_is_unwrapped_before_and_sealed_inside_one_transaction(walk):
    warming.cool()
    producer = service_principal(tenant=walk.tenant.id, role="producer", purpose="")
    stored = receive(actor=producer, batch=Batch([parse_item(ITEM)]), idempotency_key="", now=now())
    with tenant_scope(walk.tenant.id):
        rows = list(Message.objects.filter(conversation_id=stored[0].id).order_by("ordinal"))
        keys = set(DataKey.objects.filter(conversation_id=stored[0].id).values_list("id", flat=True))
    assert {row.source_data_key_id for row in rows} <= keys
    assert all(TEXT.encode() not in row.source.envelope for row in rows)
    assert Message.objects.count() == 0, "outside a scope row security shows nothing"


def test_step_04_the_batch_is_on_the_record_with_a_root_over_its_envelopes(sent):
    entry = next(body for body in sent.entries() if body["event"] == "batch.stored")
    with tenant_scope(sent.tenant.id):
        manifest = SealManifest.objects.get(id=entry["manifest"])
        states = set(Message.objects.values_list("state", flat=True))
    assert entry["root"] == root_hash(split(bytes(manifest.leaves))).hex()
    assert states == {State.PENDING}
    assert "locked" not in json.dumps(sent.entries())


def test_step_05_the_bell_rings_after_the_commit_and_only_with_an_id(walk):
    from governance.jobs import bell

    rung = []
    bell.bind(lambda topic, tenant: rung.append((topic, tenant)))
    walk.send(ITEM)
    assert rung == [("classification", walk.tenant.id)]


def test_step_06_a_worker_claims_in_two_steps(sent):
    with tenant_scope(sent.tenant.id):
        claim = claim_pending(KINDS[0], limit=32)
    assert [row.attempt for row in claim.rows] == [1, 1], "the attempt is committed before the work begins"
    with tenant_scope(sent.tenant.id):
        assert len(lock_pending(KINDS[0], claim.rows)) == 2
        assert claim_pending(KINDS[0], limit=32).rows == ()


def test_step_07_it_detects_and_seals_the_redacted_form_in_one_transaction(redacted):
    with tenant_scope(redacted.tenant.id):
        assert set(Message.objects.values_list("state", flat=True)) == {State.REDACTED}
        assert set(Finding.objects.values_list("type", flat=True)) == {"CARD", "PHONE"}
    entry = [body for body in redacted.entries() if body["event"] == "batch.processed"]
    assert sum(body["rows"] for body in entry) == 3, "two messages and the head of the conversation"


def test_step_08_a_reader_names_a_purpose_and_cedar_decides(redacted):
    with pytest.raises(AccessDenied) as refusal:
        read_conversation(
            principal=redacted.principal("analyst"),
            conversation_id=redacted.conversation,
            purpose="training",
            now=now(),
        )
    assert refusal.value.code == "purpose.collection"
    with pytest.raises(AccessDenied):
        read_conversation(
            principal=redacted.principal("auditor"), conversation_id=redacted.conversation, purpose="support", now=now()
        )


def test_step_09_the_decision_is_committed_before_any_text_leaves(redacted):
    with tenant_scope(redacted.tenant.id):
        scope = resources([redacted.conversation])
    principal = redacted.principal("analyst")
    with grant(principal=principal, action="read_redacted", purpose="support", resources=scope, now=now()) as held:
        last = redacted.entries()[-1]
        assert (last["event"], last["grant"]) == ("grant.opened", str(held.id))
        assert last["policies"] == ["analysts-read-redacted@1"]


def test_step_10_it_opens_redacted_by_default_and_the_source_only_where_a_policy_says_so(redacted):
    def read(role, view, **extra):
        opened = read_conversation(
            principal=redacted.principal(role, **extra),
            conversation_id=redacted.conversation,
            purpose="support",
            view=view,
            reason="the customer asked",
            now=now(),
        )
        return opened.messages[0].document.item["content"]

    assert read("analyst", "redacted").startswith("My card [CARD·")
    assert read("privacy_officer", "source", second_factor=True) == TEXT
    with pytest.raises(AccessDenied):
        read("privacy_officer", "source")
    with tenant_scope(redacted.tenant.id):
        assert list(Consultation.objects.values_list("view", flat=True)) == ["source", "redacted"]


def test_step_11_the_grant_closes_and_nothing_of_it_survives(redacted):
    with tenant_scope(redacted.tenant.id):
        scope = resources([redacted.conversation])
        row = Message.objects.first()
    principal = redacted.principal("analyst")
    with grant(principal=principal, action="read_redacted", purpose="support", resources=scope, now=now()) as held:
        with tenant_scope(redacted.tenant.id):
            open_rows([row], view="redacted")
    assert held.keys == {}
    assert not held.open
    with pytest.raises(OpeningRefused):
        open_rows([row], view="redacted")
    closing = redacted.entries()[-1]
    assert (closing["event"], closing["opened"]) == ("grant.closed", 1)


def test_step_12_the_end_of_life(redacted):
    officer = redacted.principal("privacy_officer", second_factor=True)
    seconder = redacted.principal("second", second_factor=True)
    subject = subject_of(principal=officer, reference="user-42", now=now())
    hold = place_hold(principal=officer, subject=subject, reason="a claim", now=now())
    approval = approve(officer, seconder, ACT, subject)
    with pytest.raises(Held):
        erase_subject(principal=officer, reference="user-42", approval_id=approval, now=now())
    release = approve(officer, seconder, RELEASE, hold)
    release_hold(principal=officer, hold_id=hold, approval_id=release, now=now())

    certificate = erase_subject(principal=officer, reference="user-42", approval_id=approval, now=now())

    verify(certificate.public_key, certificate.signature, certificate.body)
    opened = read_conversation(principal=officer, conversation_id=redacted.conversation, purpose="support", now=now())
    assert [(message.document, message.withheld) for message in opened.messages] == [(None, "erased")] * 2
    with tenant_scope(redacted.tenant.id):
        assert not DataKey.objects.filter(owner_id=subject, wrapped__isnull=False).exists()
        assert not IndexEntry.objects.exists()
        assert not Finding.objects.exists()
    again = redacted.send({**ITEM, "external_id": "chat-99"}).json()["results"][0]
    assert (again["status"], again["error"]["code"]) == (422, "subject.erased")
    with tenant_scope(redacted.tenant.id, using="audit"):
        assert verify_chain(tenant=redacted.tenant.id).whole, "the chain stays whole: it never held content"


def approve(asker, seconder, act, subject):
    approval = ask(principal=asker, act=act, subject=subject, reason="asked", now=now())
    second(principal=seconder, approval_id=approval, agree=True, now=now())
    return approval


def test_an_outsider_finds_nothing_at_any_step(redacted):
    other = make_tenant()
    outsider = make_person(other, "privacy_officer")
    token = mint(tenant=other, user=outsider, name="t", now=now(), life=timedelta(hours=1)).plain
    answer = APIClient().get(
        f"/api/v1/conversations/{redacted.conversation}/messages",
        HTTP_AUTHORIZATION=f"Bearer {token}",
        HTTP_THREADVAULT_PURPOSE="support",
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "vault.not_found")
