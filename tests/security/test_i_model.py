"""ATTACKS.md, row I13: whatever is done in whatever order, the vault holds what a model of a few lines says it holds.

Hypothesis chooses the steps: chats come in, grow and are sent again changed; rings rotate; people are held, released and
erased; processes begin anew; and what is read and exported is compared with the model after each look.
"""

import os

import pytest
from django.db import connections
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from governance.custody.rewrapping import ask_rewrap
from governance.custody.rotation import rotate_ring
from governance.keys import warming
from governance.keys.providers import forget_providers
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.running import run_classification
from governance.pipeline.working import work_for_all
from governance.privacy.erasing import ACT, erase_subject, subject_of
from governance.privacy.errors import Held, UnknownSubject
from governance.privacy.holding import RELEASE, place_hold, release_hold
from governance.vault import erasing
from governance.vault.reading import read_conversation
from tests.api.clients import client_of, sent
from tests.conftest import as_principal, make_person, make_tenant, now, store
from tests.walk.test_message_path import approve

EXAMPLES, STEPS = (50, 50) if os.environ.get("THREADVAULT_SOAK") else (6, 40)
PEOPLE = st.sampled_from(["kim", "lim", "sim"])
ANY = st.integers(0, 10_000)


class Vault(RuleBasedStateMachine):
    """A tenant, and beside it the model: texts and person of each chat, who is erased, and whose holds are open."""

    steps = 0

    def __init__(self):
        super().__init__()
        self.tenant = make_tenant()
        self.officer, self.second = (
            as_principal(self.tenant, make_person(self.tenant, role), second_factor=True)
            for role in ("privacy_officer", "security_officer")
        )
        self.client = client_of(self.tenant, "analyst")
        self.texts, self.person, self.ids, self.erased, self.holds = {}, {}, {}, set(), {}

    def send(self, name, texts, person):
        Vault.steps += 1
        messages = [{"role": "user", "content": text, "external_id": f"m-{at}"} for at, text in enumerate(texts)]
        chat = {"external_id": name, "collection": "support-bot", "data_subject": person, "messages": messages}
        [result] = store(self.tenant, chat)
        return result

    def stored(self, name, texts, person):
        result = self.send(name, texts, person)
        assert bool(result.error) == (person in self.erased), result.error
        if not result.error:
            self.texts[name], self.person[name], self.ids[name] = texts, person, result.id

    @rule(person=PEOPLE)
    def ingest(self, person):
        name = f"chat {len(self.texts)} of {self.tenant.slug}"
        self.stored(name, [f"first of {name}", f"second of {name}"], person)

    def chosen(self, number):
        return sorted(self.texts)[number % len(self.texts)]

    @precondition(lambda self: self.texts)
    @rule(number=ANY)
    def grow(self, number):
        name = self.chosen(number)
        self.stored(name, [*self.texts[name], f"number {len(self.texts[name])} of {name}"], self.person[name])

    @precondition(lambda self: self.texts)
    @rule(number=ANY)
    def change(self, number):
        """Nothing that is stored is written over: one who sends it changed is told so."""
        name = self.chosen(number)
        assert self.send(name, ["something else", *self.texts[name][1:]], self.person[name]).error

    @rule(use=st.sampled_from(["content", "redacted"]))
    def rotate(self, use):
        Vault.steps += 1
        rotate_ring(principal=self.second, use=use, now=now())
        ask_rewrap(principal=self.second, use=use, now=now())
        work_for_all(HANDLERS)

    @rule()
    def restart(self):
        """What a process that begins anew has at hand: no key, no connection."""
        Vault.steps += 1
        warming.cool()
        forget_providers()
        for alias in ("default", "audit"):
            connections[alias].close()

    def known(self, person):
        return person in self.person.values()

    @rule(person=PEOPLE)
    def hold(self, person):
        Vault.steps += 1
        if self.known(person):
            subject = subject_of(principal=self.officer, reference=person, now=now())
            made = place_hold(principal=self.officer, subject=subject, reason="a claim", now=now())
            self.holds.setdefault(person, []).append(made)

    @precondition(lambda self: any(self.holds.values()))
    @rule(number=ANY)
    def release(self, number):
        Vault.steps += 1
        held = sorted(person for person, open_holds in self.holds.items() if open_holds)
        one = self.holds[held[number % len(held)]].pop()
        release_hold(principal=self.officer, hold_id=one, approval_id=self.approved(RELEASE, one), now=now())

    def approved(self, act, subject):
        return approve(self.officer, self.second, act, subject)

    @rule(person=PEOPLE)
    def erase(self, person):
        Vault.steps += 1
        asked = {"principal": self.officer, "reference": person, "now": now()}
        if not self.known(person):
            with pytest.raises(UnknownSubject):
                subject_of(**asked)
            return
        approval = self.approved(ACT, subject_of(**asked))
        refused = UnknownSubject if person in self.erased else Held if self.holds.get(person) else None
        if refused:
            with pytest.raises(refused):
                erase_subject(**asked, approval_id=approval)
        else:
            erase_subject(**asked, approval_id=approval)
            self.erased.add(person)

    @precondition(lambda self: self.texts)
    @rule(number=ANY)
    def read(self, number):
        Vault.steps += 1
        name = self.chosen(number)
        opened = read_conversation(
            principal=self.officer, conversation_id=self.ids[name], purpose="support", view="source", reason="look",
            now=now(),
        )  # fmt: skip
        shown = [one.document.item["content"] if one.document else None for one in opened.messages]
        gone = self.person[name] in self.erased
        assert shown == ([None] * len(self.texts[name]) if gone else self.texts[name])

    @rule()
    def export(self):
        Vault.steps += 1
        run_classification(self.tenant.id)
        lines, _ = sent(self.client.get("/api/v1/conversations:export"))
        found = b"\n".join(lines).decode()
        for name, texts in self.texts.items():
            for text in texts:
                assert (f'"{text}"' in found) == (self.person[name] not in self.erased), text


def test_i13_the_vault_holds_what_the_model_says_whatever_the_steps(transactional_db):
    Vault.steps = 0
    run_state_machine_as_test(
        Vault,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None, derandomize=True,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    assert Vault.steps > EXAMPLES * STEPS // 2


def test_i13_control_an_erasure_that_leaves_the_keys_is_another_vault_than_the_models(transactional_db, monkeypatch):
    monkeypatch.setattr(erasing, "destroy_data_keys", lambda **_: 0)
    vault = Vault()
    vault.ingest("kim")
    vault.read(0)
    vault.erase("kim")
    with pytest.raises(AssertionError):
        vault.read(0)


def test_i13_control_a_change_that_is_taken_and_a_text_too_many_are_seen(transactional_db):
    vault = Vault()
    vault.ingest("kim")
    vault.export()
    vault.texts[vault.chosen(0)].append("never stored")
    for look in (vault.read, lambda _: vault.export()):
        with pytest.raises(AssertionError):
            look(0)
