"""The world of the access matrix: who asks, for which route, with which body, and what stands in the tables.

Routes come from the URLconf and the admin registry; the expected answers from `access_matrix.txt`, which people review.
"""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from uuid import UUID, uuid4

from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client
from django.urls import URLResolver, get_resolver
from rest_framework.test import APIClient

from governance.access import breaking_glass, policies, seconding
from governance.access.models import AccessPolicy
from governance.audit.models import AuditEntry
from governance.custody import destroying, minimum
from governance.custody.changing import ACTS, change_version
from governance.custody.rewrapping import ask_rewrap
from governance.custody.rotation import rotate_ring
from governance.custody.verifying import ask_verify
from governance.identity.members import add_member
from governance.identity.models import User
from governance.identity.roles import Role
from governance.identity.scoping import tenant_scope
from governance.identity.tokens import mint
from governance.keys.models import DataKey, KeyRing, KeyVersion
from governance.pipeline import managing
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.working import work_for_all
from governance.privacy import judging, profiling
from governance.privacy.rescanning import ask_rescan
from governance.vault.models import Collection
from governance.vault.resources import resources_for
from tests.conftest import OPERATOR, as_principal, item, make_person, make_tenant, now, store
from tests.security.test_c_ciphertext import sql

PERSONS = ("anonymous", "outsider", "superuser", "producer", "worker", "analyst", "privacy", "security", "auditor")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ROLE_OF = {"privacy": "privacy_officer", "security": "security_officer"}
CHANGING = ("POST", "PUT", "PATCH")
FILE = Path(__file__).parent / "access_matrix.txt"
BY_TOKEN = "api/v1/"
# What a refusal may leave behind: its record, and the marks of sessions and tokens that were used.
MAY_CHANGE = {
    "governance_auditentry", "django_session", "governance_apitoken", "governance_user", "governance_checkpoint",
    "django_migrations", "usersessions_usersession",
}  # fmt: skip
TEXT = 'forbid (principal, action, resource is Conversation) when {{ resource.collection == "{}" }};'


def routes(resolver=None, prefix="") -> Iterator[str]:
    """Every address of the URLconf, as its pattern is written; regular expressions lose their anchors."""
    for pattern in (resolver or get_resolver()).url_patterns:
        address = prefix + re.sub(r"^\^|\$$", "", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, address)
        else:
            yield address


@dataclass(frozen=True)
class Line:
    """One line of the file: what each person is answered."""

    route: str
    method: str
    answers: dict[str, str]


def expected() -> list[Line]:
    """The lines of the hand-reviewed file; `.` repeats the answer to its left."""
    found = []
    for line in FILE.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        route, method, *answers = line.split()
        filled = []
        for answer in answers:
            filled.append(filled[-1] if answer == "." else answer)
        found.append(Line(route.removeprefix("/"), method, dict(zip(PERSONS, filled, strict=True))))
    return found


def written() -> dict:
    """A policy written by hand, as a page sends it."""
    return {"writing": "cedar", "cedar": TEXT.format(f"nowhere-{uuid4()}"), "reason": "r"}


def profiled() -> dict:
    """Settings of detection written by hand, as a page sends them."""
    return {"writing": "json", "document": json.dumps({"deny": [f"t-{uuid4()}"]}), "reason": "r"}


class World:
    """A tenant with chats and officers, and one person who knocks at every door."""

    def __init__(self, tenant, stored, person):
        self.tenant, self.stored, self.person = tenant, stored, person
        self.officers = [make_person(tenant, "security_officer") for _ in range(2)]
        self.asker = make_person(tenant, "privacy_officer")

    @cached_property
    def user(self) -> User | None:
        """The account of the person; a stranger has none."""
        if self.person == "anonymous":
            return None
        if self.person == "superuser":
            return User.objects.create(username=f"root-{uuid4()}", is_staff=True, is_superuser=True)
        if self.person in {"producer", "worker"}:
            return User.objects.get(memberships__tenant=self.tenant, memberships__role=self.person)
        home = self.home = make_tenant() if self.person == "outsider" else self.tenant
        user = make_person(home, ROLE_OF.get(self.person, self.person if home is self.tenant else "analyst"))
        if self.person == "outsider":
            for role in set(Role.values) - {"analyst", "producer", "worker"}:
                add_member(tenant=home, user=user, role=role, actor=OPERATOR)
        return user

    @cached_property
    def token(self) -> str:
        """A token with a fresh second factor: the decision is what is asked for, not the factor."""
        user, home = self.user, getattr(self, "home", self.tenant)
        minted = mint(tenant=home, user=user, name="m", now=now(), life=timedelta(hours=1), second_factor_at=now())
        return minted.plain

    def officer(self, number=0):
        return as_principal(self.tenant, self.officers[number], second_factor=True)

    def knock(self, route: str, method: str, *, made: tuple[str, dict] | None = None) -> str:
        """Send one request; return its status. `made` is an address and a body that were prepared before."""
        path, body = made or (self.path(route, method), self.body(route, method))
        cache.clear()  # Limits of tries are another row's.
        if route.startswith(BY_TOKEN):
            client, form = APIClient(raise_request_exception=False), "json"
            if self.person == "superuser":
                client.force_login(self.user)
            elif self.user is not None:
                client.credentials(
                    HTTP_AUTHORIZATION=f"Bearer {self.token}", HTTP_THREADVAULT_PURPOSE="support", HTTP_IF_MATCH="*"
                )
            answer = getattr(client, method.lower())(path, body, format=form if method != "GET" else None)
        else:
            client = Client(raise_request_exception=False)
            if self.user is not None:
                client.force_login(self.user)
                show_factor(client, self.user)
            given = {} if method in {"GET", "POST"} else {"content_type": "application/x-www-form-urlencoded"}
            answer = getattr(client, method.lower())(path, body if not given else "", **given)
        return str(answer.status_code)

    def nowhere(self, route: str) -> str:
        """The address with ids of nothing: enough where the method is refused before anything is looked up."""
        return "/" + re.sub(
            r"<int:\w+>|<slug:\w+>|<str:\w+>",
            "1",
            re.sub(r"<uuid:\w+>", str(uuid4()), re.sub(r"\(\?P<\w+>[^)]*\)", "abc", route)),
        )

    def path(self, route: str, method: str = "POST") -> str:
        """The address with ids of rows that exist, made for this request; a page is looked at with what stands already."""
        makers = {
            "conversation_id": lambda: self.stored[0], "collection_id": self.collection, "policy_id": self.draft,
            "approval_id": lambda: self.destruction_agreed() if route.endswith("carry-out") else self.asked(),
            "glass_id": lambda: self.glass(ended=route.endswith("review")),
            "sequence": self.refusal,
            "user_id": self.member,
            "role": lambda: "analyst",
            "token_id": self.made_token,
            "pk": self.passkey, "ticket": lambda: "abc",
            "profile_id": lambda: self.profile(weakens=not route.endswith("activate")), "record_id": self.record, "number": lambda: 1,
            "finding_id": self.finding_here if route.startswith("conversations/") else self.finding,
            "ring_id": lambda: self.ring(route), "version_id": lambda: self.version(route), "data_key_id": self.data_key,
            "job_id": lambda: (
                self.verification if "verifications" in route else self.job(paused=route.endswith("resume"))
            ),
        }  # fmt: skip
        if method == "GET" and not route.startswith(BY_TOKEN):
            makers |= {
                "ring_id": self.standing_ring, "version_id": self.standing_version,
                "job_id": lambda: self.verification if "verifications" in route else self.standing_job,
                "approval_id": lambda: self.standing_approval, "policy_id": self.standing_policy,
                "profile_id": lambda: self.standing_profile,
            }  # fmt: skip
        filled = re.sub(r"<\w+:(\w+)>", lambda found: str(makers[found[1]]()), route)
        return "/" + re.sub(r"\(\?P<\w+>[^)]*\)", "abc", filled)

    def body(self, route: str, method: str) -> dict:
        """A valid body for the route, so that a refusal is the policy's and not the parser's."""
        if method == "GET":
            return {}
        name = route.removeprefix(BY_TOKEN)
        bodies = {
            "conversations:batch": lambda: {"items": [item(f"m-{uuid4().hex[:12]}", "hello")]},
            "conversations/<uuid:conversation_id>:explain": lambda: {"purpose": "support"},
            "conversations:search": lambda: {"text": "mail kim0@example.com"},
            "policies": lambda: {"name": f"p-{uuid4().hex[:12]}", "cedar": TEXT.format(f"nowhere-{uuid4()}"), "reason": "r"},
            "policies/<uuid:policy_id>:dry-run": lambda: {"last": 5},
            "policies/<uuid:policy_id>:ask": lambda: {"reason": "r"},
            "policies/<uuid:policy_id>:apply": lambda: {"approval": str(self.agreed)},
            "purposes": lambda: {"code": f"c-{uuid4().hex[:12]}"},
            "collections/<uuid:collection_id>": lambda: {"lawful_basis": "consent"},
            "approvals": lambda: {"act": "erase", "subject": str(uuid4()), "reason": "r"},
            "break-glass": lambda: {
                "conversations": [str(self.stored[0])], "ticket": "INC-1", "minutes": 5, "reason": "r"
            },
            "break-glass:open": lambda: {"approval": str(self.glass_asked(self.officer(0)))},
            "break-glass/<uuid:glass_id>:review": lambda: {"justified": True, "note": "n"},
            "records/<uuid:record_id>/findings": lambda: {"leaf": 1, "start": 0, "end": 4, "type": "PERSON"},
            "findings/<int:finding_id>:ask-unmask": lambda: {"reason": "r"},
            "findings:unmask": lambda: {"approval": str(self.unmask_agreed())},
            "detection-profiles": lambda: {"settings": {"deny": [f"t-{uuid4()}"]}, "reason": "r"},
            "detection-profiles/<uuid:profile_id>:try": lambda: {"content": "mail kim@example.com"},
            "detection-profiles/<uuid:profile_id>:ask": lambda: {"reason": "r"},
            "detection-profiles/<uuid:profile_id>:apply": lambda: {"approval": str(self.agreed)},
            "jobs": lambda: {"topic": "rescan"}, "detect": lambda: {"content": "mail kim@example.com"},
            "key-rings/<uuid:ring_id>:rotate": lambda: {"reason": "r"},
            "key-rings/<uuid:ring_id>:raise-minimum": lambda: {"number": 1},
            "key-rings/<uuid:ring_id>:ask-minimum": lambda: {"number": 1, "reason": f"r{uuid4()}"},
            "key-rings/<uuid:ring_id>:lower-minimum": lambda: {"approval": str(self.agreed)},
            "key-versions/<uuid:version_id>:ask-destroy": lambda: {"days": 7, "reason": f"r{uuid4()}"},
            "key-versions/<uuid:version_id>:destroy": lambda: {"approval": str(self.agreed)},
            "key-versions/<uuid:version_id>:cancel": lambda: {"reason": "r"},
            **{f"key-versions/<uuid:version_id>:{act}": lambda: {"reason": "r"} for act in ACTS},
            "data-keys/<uuid:data_key_id>:ask-destroy": lambda: {"reason": f"r{uuid4()}"},
            "data-keys:destroy": lambda: {"approval": str(self.data_key_agreed())},
            "members": lambda: {"username": f"u-{uuid4().hex[:12]}", "role": "analyst"},
            "members/<uuid:user_id>/roles": lambda: {"role": "auditor"},
            "tokens": lambda: {"name": "t"},
            "tokens/step-up": lambda: {"code": "000000"},
            "conversations/<uuid:conversation_id>/copy": lambda: {"purpose": "support", "reason": "r", "message": "1"},
            "conversations/<uuid:conversation_id>/messages/<int:number>/findings": lambda: {
                "leaf": "1", "start": "0", "end": "4", "type": "PERSON"
            },
            "conversations/<uuid:conversation_id>/messages/<int:number>/findings/<int:finding_id>/undo": lambda: {
                "reason": f"r{uuid4()}"
            },
            "members/invite": lambda: {"username": f"u-{uuid4().hex[:12]}", "role": "analyst"},
            "members/<uuid:user_id>/give": lambda: {"role": "auditor"},
            "tokens/make": lambda: {"name": "t", "days": "30"},
            "why": lambda: {"action": "manage_keys"},
            "conversations/<uuid:conversation_id>/why": lambda: {"action": "read_source", "purpose": "support"},
            "policies/draft": lambda: {"name": f"p-{uuid4().hex[:12]}", **written()},
            "policies/check": lambda: {"name": "p", **written()},
            "policies/<uuid:policy_id>/version": written,
            "policies/<uuid:policy_id>/dry-run": lambda: {"last": 100},
            "policies/<uuid:policy_id>/ask": lambda: {"reason": f"r{uuid4()}"},
            "profiles/draft": profiled, "profiles/check": profiled, "profiles/<uuid:profile_id>/version": profiled,
            "profiles/<uuid:profile_id>/try": lambda: {"text": "mail kim@example.com"},
            "profiles/<uuid:profile_id>/ask": lambda: {"reason": f"r{uuid4()}"},
            "profiles/<uuid:profile_id>/activate": lambda: {"expected": self.tag},
            "conversations/purpose": lambda: {"purpose": "support"},
            "conversations/<uuid:conversation_id>/reveal": lambda: {"purpose": "support", "reason": "r"},
            "tenant": lambda: {"tenant": str(self.tenant.id)},
            "keys/rings/<uuid:ring_id>/rotate": lambda: {"expected": self.tag, "reason": "r"},
            "keys/rings/<uuid:ring_id>/raise-minimum": lambda: {"expected": self.tag, "number": 1},
            "keys/rings/<uuid:ring_id>/ask-minimum": lambda: {"number": 1, "reason": f"r{uuid4()}"},
            "keys/versions/<uuid:version_id>/ask-destroy": lambda: {
                "days": 7, "reason": f"r{uuid4()}", "typed": self.typed
            },
            "keys/versions/<uuid:version_id>/cancel": lambda: {"expected": self.tag, "reason": "r"},
            **{
                f"keys/versions/<uuid:version_id>/{act}": lambda: {
                    "expected": self.tag, "reason": "r", "typed": self.typed
                }
                for act in ACTS
            },
        }  # fmt: skip
        return bodies.get(name, dict)()

    def collection(self) -> UUID:
        with tenant_scope(self.tenant.id):
            return Collection.objects.values_list("id", flat=True)[0]

    def draft(self) -> UUID:
        """A draft of a policy, with an agreed approval beside it."""
        officer = self.officer()
        text = TEXT.format(f"nowhere-{uuid4()}")
        row = policies.draft(principal=officer, name=f"d-{uuid4().hex[:12]}", cedar=text, reason="r", now=now())
        self.agreed = policies.ask_activation(principal=officer, policy_id=row.id, reason="r", now=now())
        self.agree(self.agreed)
        return row.id

    def agree(self, approval: UUID) -> UUID:
        seconding.second(principal=self.officer(1), approval_id=approval, agree=True, now=now())
        return approval

    def asked(self) -> UUID:
        """An approval that waits for a second person."""
        asker = as_principal(self.tenant, self.asker, second_factor=True)
        return seconding.ask(principal=asker, act="erase", subject=uuid4(), reason="r", now=now())

    def record(self) -> UUID:
        """A message that holds something, and that was scanned."""
        of = "FROM governance_message WHERE conversation_id = %s AND ordinal = 0"
        return sql(f"SELECT id {of}", self.stored[0])[0][0]

    def finding(self) -> int:
        """A finding that nobody spoke of."""
        of = "FROM governance_finding WHERE tenant_id = %s AND state = 'open' ORDER BY id LIMIT 1"
        return sql(f"SELECT id {of}", self.tenant.id)[0][0]

    def finding_here(self) -> int:
        """A masked place of the first message of the conversation that pages are asked for."""
        of = "governance_finding f JOIN governance_message m ON m.tenant_id = f.tenant_id AND m.id = f.message_id"
        where = "f.conversation_id = %s AND m.ordinal = 0 AND f.state <> 'rejected' ORDER BY f.id DESC LIMIT 1"
        return sql(f"SELECT f.id FROM {of} WHERE {where}", self.stored[0])[0][0]

    def unmask_agreed(self) -> UUID:
        """An approval to show what a finding masks, which two people gave."""
        asker = as_principal(self.tenant, self.asker, second_factor=True)
        return self.agree(judging.ask_unmask(principal=asker, finding_id=self.finding(), reason=f"r{uuid4()}", now=now()))

    def profile(self, *, weakens: bool = True) -> UUID:
        """A draft of a detection profile that leaves a value unmasked, with an agreed approval beside it; or masks more."""
        asker = as_principal(self.tenant, self.asker, second_factor=True)
        value = f"a{uuid4().hex[:12]}@example.com"
        row, _ = profiling.draft(
            principal=asker,
            settings={"allow": [value]} if weakens else self.masking_more(asker, value),
            reason="r",
            now=now(),
        )
        self.tag = profiling.profile(principal=asker, profile_id=row.id, now=now()).tag
        if not weakens:
            return row.id
        asked = profiling.ask_activation(principal=asker, profile_id=row.id, reason=f"r{uuid4()}", now=now())
        self.agreed = self.agree(asked)
        return row.id

    def masking_more(self, principal, term: str) -> dict:
        """The settings in force, and one term more."""
        rows = profiling.profiles_of(principal=principal, now=now())
        active = next((one for one in rows if one.state == "active" and one.collection is None), None)
        if active is None:
            return {"deny": [term]}
        settings = profiling.profile(principal=principal, profile_id=active.id, now=now()).settings
        return {**settings, "deny": [*settings["deny"], term]}

    def glass_asked(self, principal) -> UUID:
        wanted = resources_for(principal=principal, ids=[self.stored[0]])
        return self.agree(
            breaking_glass.ask(principal=principal, resources=wanted, ticket="I", minutes=5, reason="r", now=now())
        )

    def glass(self, *, ended: bool) -> UUID:
        """A break-glass of an officer, running or over."""
        officer = self.officer()
        glass = breaking_glass.open_glass(principal=officer, approval_id=self.glass_asked(officer), now=now())
        if ended:
            breaking_glass.end_glass(principal=officer, glass_id=glass.id, now=now())
        return glass.id

    def job(self, *, paused: bool) -> UUID:
        """A job that waits, or is paused."""
        officer = self.officer()
        job = ask_rescan(principal=officer, now=now())
        if paused:
            managing.pause(principal=officer, job_id=job, now=now())
        return job

    def ring(self, route: str) -> UUID:
        """A ring that nothing else needs; where its minimum is to be lowered it was raised, and two people agreed."""
        act = last_word(route)
        if act in {"ask-minimum", "lower-minimum"}:
            sql("UPDATE governance_approval SET state = 'withdrawn' WHERE act = 'lower_minimum_version' AND state = 'asked'")
            officer = self.officer()
            number = rotate_ring(principal=officer, use="tombstone", now=now())
            self.moved(officer)
            minimum.raise_minimum(principal=officer, use="tombstone", number=number, now=now())
            asked = minimum.ask_lower_minimum(
                principal=officer, use="tombstone", number=number - 1, reason=f"r{uuid4()}", now=now()
            )
            self.agreed = self.agree(asked)
        if act in {"rewrap", "reencrypt"}:
            sql("UPDATE governance_job SET state = 'cancelled' WHERE state IN ('waiting', 'running')")
        use = {"raise-minimum": "index", "reencrypt": "content"}.get(act, "tombstone")
        with tenant_scope(self.tenant.id):
            ring = KeyRing.objects.get(use=use)
            self.tag = ring.tag
        return ring.id

    def moved(self, officer) -> None:
        """Move the data keys of the ring of tombstones to its active version."""
        sql("UPDATE governance_job SET state = 'cancelled' WHERE state IN ('waiting', 'running')")
        ask_rewrap(principal=officer, use="tombstone", now=now())
        work_for_all(HANDLERS)

    def version(self, route: str) -> UUID:
        """A version of the ring of tombstones in a state that the act takes."""
        officer, act = self.officer(), last_word(route)
        rotate_ring(principal=officer, use="tombstone", now=now())
        with tenant_scope(self.tenant.id):
            rows = KeyVersion.objects.filter(ring__use="tombstone").order_by("-number")
            newest, before = list(rows.values_list("id", flat=True)[:2])
        if act not in {"compromise", "ask-destroy", "destroy", "cancel"}:
            if act == "resume":
                change_version(principal=officer, version_id=newest, act="suspend", reason="r", now=now())
            return self.seen(newest)
        self.moved(officer)
        if act in {"destroy", "cancel"}:
            asked = destroying.ask_destroy(principal=officer, version_id=before, days=7, reason=f"r{uuid4()}", now=now())
            self.agreed = self.agree(asked)
        if act == "cancel":
            destroying.schedule_destroy(principal=officer, approval_id=self.agreed, now=now())
        return self.seen(before)

    def standing_ring(self) -> UUID:
        """A ring, as it is."""
        with tenant_scope(self.tenant.id):
            return KeyRing.objects.values_list("id", flat=True).first()

    def standing_version(self) -> UUID:
        """A version, as it is."""
        with tenant_scope(self.tenant.id):
            return KeyVersion.objects.values_list("id", flat=True).first()

    def standing_policy(self) -> UUID:
        """A policy in force, as it is."""
        with tenant_scope(self.tenant.id):
            return AccessPolicy.objects.filter(state="active").values_list("id", flat=True)[0]

    @cached_property
    def standing_profile(self) -> UUID:
        """A draft of a detection profile that nobody touches."""
        return self.profile()

    @cached_property
    def standing_job(self) -> UUID:
        """A job that nobody touches."""
        return self.job(paused=False)

    @cached_property
    def verification(self) -> UUID:
        """A verification that waits."""
        auditor = as_principal(self.tenant, make_person(self.tenant, "auditor"))
        return ask_verify(principal=auditor, now=now())

    @cached_property
    def standing_approval(self) -> UUID:
        """An approval that nobody decides about."""
        return self.asked()

    def seen(self, version: UUID) -> UUID:
        """Keep what a page shows of the version: the tag that a form sends back, and the name that a person types."""
        with tenant_scope(self.tenant.id):
            row = KeyVersion.objects.get(id=version)
        self.tag, self.typed = row.tag, f"tombstone/{row.number}"
        return version

    def destruction_agreed(self) -> UUID:
        """An approval to destroy a version, which two people gave."""
        self.version("destroy")
        return self.agreed

    def data_key(self) -> UUID:
        """The data key of a conversation that is made for this request."""
        (chat,) = store(self.tenant, item(f"k-{uuid4().hex[:12]}", "hello"))
        with tenant_scope(self.tenant.id):
            return DataKey.objects.filter(conversation_id=chat.id, use="content").values_list("id", flat=True)[0]

    def data_key_agreed(self) -> UUID:
        """An approval to destroy a data key, which two people gave."""
        officer, key = self.officer(), self.data_key()
        return self.agree(destroying.ask_destroy_data_key(principal=officer, data_key_id=key, reason="r", now=now()))

    def member(self) -> UUID:
        """Another member, made for this request."""
        return make_person(self.tenant, "analyst").id

    def passkey(self) -> int:
        """A passkey of another member."""
        kept = Authenticator.objects.filter(user=self.asker, type="webauthn").first()
        return (kept or Authenticator.objects.create(user=self.asker, type="webauthn", data={"name": "x"})).pk

    def made_token(self) -> UUID:
        """A token of another member."""
        return mint(tenant=self.tenant, user=self.asker, name="m", now=now(), life=timedelta(hours=1)).token.id

    def refusal(self) -> int:
        with tenant_scope(self.tenant.id):
            return AuditEntry.objects.filter(event="grant.opened").order_by("sequence").values_list("sequence", flat=True)[0]


def show_factor(client: Client, user: User) -> None:
    """Let the session of a signed-in client have shown a second factor just now."""
    session = client.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "mfa", "type": "totp", "at": time.time()}]
    session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(user.pk)
    session.save()


def last_word(route: str) -> str:
    """What a route does: its last word, behind a colon in the API and a slash in the console."""
    return re.split("[:/]", route)[-1]


def fingerprint() -> dict[str, tuple]:
    """What stands in the tables: rows and their newest version, of each table that a refusal may not touch."""
    names = [row[0] for row in sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    watched = sorted(set(names) - MAY_CHANGE)
    parts = [f"SELECT '{n}', count(*), coalesce(max(xmin::text::bigint), 0) FROM {n}" for n in watched]
    return {row[0]: row[1:] for row in sql(" UNION ALL ".join(parts))}
