"""ATTACKS.md, rows Z03 and Z06: members of a body that are nobody's business, and tokens that are not good (any more)."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from governance.identity import tokens
from governance.identity.models import ApiToken, User
from governance.identity.tokens import mint, revoke
from tests.conftest import OPERATOR, item, make_person, make_tenant, now
from tests.security.matrix import CHANGING, World, expected, fingerprint

SMUGGLED = {
    "tenant": "x", "tenant_id": "x", "owner": "x", "key_version": 7, "legal_hold": False, "is_staff": True,
    "is_superuser": True, "created_at": "2020-01-01T00:00:00Z", "id": "00000000-0000-0000-0000-000000000001",
}  # fmt: skip


def takes_a_body(route):
    """Whether the route may have a body; what is deleted is named by its address."""
    return not route.endswith(("<slug:role>", "<uuid:token_id>"))


def writes():
    """The routes of the API that take a body, with the person who may use them."""
    for line in expected():
        if line.route.startswith("api/") and line.method in CHANGING and line.route != "api/v1/conversations:batch":
            for person in ("security", "privacy", "auditor"):
                if line.answers[person] in {"200", "201", "202", "204"} and takes_a_body(line.route):
                    yield pytest.param(line, person, id=f"{line.method} {line.route}")
                    break


@pytest.mark.parametrize(("line", "person"), list(writes()))
def test_z03_what_is_not_asked_for_is_refused_and_changes_nothing(line, person, tenant, stored):
    world = World(tenant, stored, person)
    assert world.token
    path, body = world.path(line.route), world.body(line.route, line.method)
    for name, value in SMUGGLED.items():
        if name in body:
            continue
        before = fingerprint()
        answer = world.knock(line.route, line.method, made=(path, {**body, name: value}))
        assert (name, answer) == (name, "400")
        assert fingerprint() == before
    assert world.knock(line.route, line.method, made=(path, body)) == line.answers[person], "the control: without it"


@pytest.mark.parametrize("name", SMUGGLED)
def test_z03_in_a_batch_the_item_alone_is_refused(name, tenant):
    producer = User.objects.get(memberships__tenant=tenant, memberships__role="producer")
    client = bearer(mint(tenant=tenant, user=producer, name="t", now=now(), life=timedelta(hours=1)).plain)
    items = [item("c-1", "a"), {**item("c-2", "b"), name: SMUGGLED[name]}]
    results = client.post("/api/v1/conversations:batch", {"items": items}, format="json").json()["results"]
    assert [result["status"] for result in results] == [201, 422]


def bearer(plain):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plain}", HTTP_THREADVAULT_PURPOSE="support")
    return client


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def jwt(algorithm, claims, key=b""):
    """A JSON Web Token as an attacker would make one: our tokens are none, so it proves nothing."""
    body = f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}"
    signature = base64.urlsafe_b64encode(hmac.new(key, body.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
    return f"{body}.{signature if key else ''}"


@pytest.fixture
def good(tenant, people):
    return mint(tenant=tenant, user=people["analyst"], name="t", now=now(), life=timedelta(hours=1))


def expired(tenant, user, good):
    ApiToken.objects.filter(id=good.token.id).update(expires_at=now() - timedelta(seconds=1))
    return good.plain


def revoked(tenant, user, good):
    revoke(token=good.token, now=now(), actor=OPERATOR)
    return good.plain


def of_a_disabled_account(tenant, user, good):
    User.objects.filter(id=user.id).update(is_active=False)
    return good.plain


def of_somebody_without_roles(tenant, user, good):
    user.memberships.update(ended_at=now())
    return good.plain


def no_algorithm(tenant, user, good):
    return jwt("none", {"sub": str(user.id), "tenant": str(tenant.id)})


def confused_key(tenant, user, good):
    """Signed with what an attacker can know: the token's public prefix."""
    return jwt("HS256", {"sub": str(user.id), "aud": str(tenant.id)}, good.token.prefix.encode())


def one_character_off(tenant, user, good):
    return good.plain[:-1] + ("A" if good.plain[-1] != "A" else "B")


BAD = [
    expired, revoked, of_a_disabled_account, of_somebody_without_roles, no_algorithm, confused_key, one_character_off,
]  # fmt: skip


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_z06_a_bad_token_is_answered_as_every_other(spoil, tenant, people, good):
    assert bearer(good.plain).get("/api/v1/conversations").status_code == 200, "the control: before"
    answer = bearer(spoil(tenant, people["analyst"], good)).get("/api/v1/conversations")
    unknown = bearer("tv_aaaaaaaa_" + "A" * 43).get("/api/v1/conversations")
    assert (answer.status_code, unknown.status_code) == (401, 401)
    assert answer.content == unknown.content


def test_z06_a_token_opens_its_own_tenant_only(tenant, people, good, stored):
    other = make_tenant()
    foreign = bearer(
        mint(tenant=other, user=make_person(other, "analyst"), name="t", now=now(), life=timedelta(hours=1)).plain
    )
    path = f"/api/v1/conversations/{stored[0]}"
    assert (bearer(good.plain).get(path).status_code, foreign.get(path).status_code) == (200, 404)


def test_z06_control_without_the_comparison_a_guessed_secret_is_good(tenant, people, good, monkeypatch):
    monkeypatch.setattr(tokens.hmac, "compare_digest", lambda *_: True)
    assert bearer(one_character_off(tenant, None, good)).get("/api/v1/conversations").status_code == 200


def test_z06_a_session_is_no_token_and_signing_out_ends_it(people):
    client = APIClient()
    client.force_login(people["analyst"])
    assert client.get("/").status_code == 200
    assert client.get("/api/v1/tokens").status_code == 401
    cookie = client.cookies["sessionid"].value
    client.post("/accounts/logout/")
    client.cookies["sessionid"] = cookie
    assert client.get("/").status_code == 302, "the cookie that was kept is good for nothing"
