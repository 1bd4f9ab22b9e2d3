"""Histories of what was done at once to a vault, and the checker that judges what was read in them. Row J20.

An act has a begin and an end; two that overlap may have happened in either order, and what the checker demands follows
from those that do not overlap alone.
"""

import random
import time
from dataclasses import dataclass, field
from uuid import UUID

from governance.custody.reencrypting import ask_reencrypt
from governance.custody.rewrapping import ask_rewrap
from governance.custody.rotation import rotate_ring
from governance.keys import warming
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.working import work_for_all
from governance.privacy.erasing import ACT, erase_subject, subject_of
from governance.vault.reading import read_conversation
from tests.conftest import as_principal, item, now, store
from tests.walk.test_message_path import approve


@dataclass(frozen=True)
class Act:
    """One act: what it was about, when, and what came of it."""

    kind: str
    about: object
    begin: float
    end: float
    came: object


@dataclass
class History:
    """The acts, and what each stored chat says and whom it is about."""

    acts: list = field(default_factory=list)
    texts: dict = field(default_factory=dict)
    people: dict = field(default_factory=dict)

    def of(self, kind):
        return [act for act in self.acts if act.kind == kind]


class Hand:
    """One who acts on a tenant, one act after the other; several do at once."""

    def __init__(self, history, tenant, people, number):
        self.history, self.tenant, self.number, self.count = history, tenant, number, 0
        self.chance = random.Random(number)
        self.officer, self.security = (
            as_principal(tenant, people[role], second_factor=True) for role in ("privacy_officer", "security_officer")
        )

    def act(self, kind, about, body):
        """Do it, and write down when and what came: an answer, or the code of a refusal."""
        begin = time.monotonic()
        try:
            came = body()
        except Exception as error:
            if not (code := getattr(error, "code", "")):
                raise
            came = f"refused: {code}"
        self.history.acts.append(Act(kind, about, begin, time.monotonic(), came))
        return came

    def ingest(self, subject):
        self.count += 1
        name = f"{self.number}.{self.count} of {self.tenant.slug}"
        said = [f"{name} asks", f"{name} is answered"]

        def body():
            [result] = store(self.tenant, item(f"chat-{self.number}-{self.count}", *said, subject=subject, title=name))
            if result.error:
                return f"refused: {result.error}"
            self.history.people[result.id] = self.tenant.id, subject
            self.history.texts[result.id] = said  # Last, for from here on others choose it.
            return result.id

        return self.act("ingest", (self.tenant.id, subject), body)

    def read(self, conversation: UUID):
        def body():
            opened = read_conversation(
                principal=self.officer, conversation_id=conversation, purpose="support", view="source", reason="look",
                now=now(),
            )  # fmt: skip
            return [one.document.item["content"] if one.document else None for one in opened.messages]

        return self.act("read", (self.tenant.id, conversation), body)

    def erase(self, subject):
        def body():
            found = subject_of(principal=self.officer, reference=subject, now=now())
            approval = approve(self.officer, self.security, ACT, found)
            erase_subject(principal=self.officer, reference=subject, approval_id=approval, now=now())

        return self.act("erase", (self.tenant.id, subject), body)

    def rotate(self, then):
        def body():
            rotate_ring(principal=self.security, use="content", now=now())
            then(principal=self.security, use="content", now=now())
            work_for_all(HANDLERS)

        return self.act("rotate", self.tenant.id, body)

    def restart(self):
        """What a fresh process has: no key at hand."""
        return self.act("restart", None, warming.cool)

    def some(self, number, subjects):
        """Do so many acts by chance."""
        for _ in range(number):
            known = list(self.history.texts)
            wanted = self.chance.choices(
                ["ingest", "read", "rotate", "reencrypt", "erase", "restart"], [30, 50, 3, 2, 5, 5]
            )[0]  # fmt: skip
            if wanted == "read" and known:
                self.read(self.chance.choice(known))
            elif wanted in {"rotate", "reencrypt"}:
                self.rotate(ask_rewrap if wanted == "rotate" else ask_reencrypt)
            elif wanted == "erase":
                self.erase(self.chance.choice(subjects))
            elif wanted == "restart":
                self.restart()
            else:
                self.ingest(self.chance.choice(subjects))


def faults(history):
    """Return what no order of the acts explains, a word and the act each."""
    found = []
    for act in history.acts:
        if act.kind == "read":
            found += [(word, act) for word in _of_reading(history, act)]
        elif act.kind == "ingest" and isinstance(act.came, UUID) and _ended(history, act.about, act.begin):
            found.append(("taken in again", act))
    return found


def _of_reading(history, act):
    tenant, conversation = act.about
    owner, shown = history.people[conversation], act.came
    if isinstance(shown, str):
        code = shown.removeprefix("refused: ")
        if owner[0] != tenant:
            return [] if code == "vault.not_found" else ["foreign"]
        return [] if code in PASSING else [f"lost ({code})"]
    if owner[0] != tenant:
        return ["foreign"]
    said, words = history.texts[conversation], []
    if len(shown) != len(said) or any(text is not None and text != own for text, own in zip(shown, said, strict=False)):
        words.append("mixed")
    if any(text is not None for text in shown) and _ended(history, owner, act.begin):
        words.append("erased")
    if None in shown and not _begun(history, owner, act.end):
        words.append("lost")
    return words


PASSING = {"keys.not_warm", "keys.busy"}  # The answer says to try again.


def _erasures(history, owner):
    return [act for act in history.of("erase") if act.about == owner and act.came is None]


def _ended(history, owner, moment):
    return any(act.end < moment for act in _erasures(history, owner))


def _begun(history, owner, moment):
    return any(act.begin < moment for act in _erasures(history, owner))
