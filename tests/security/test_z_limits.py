"""ATTACKS.md, row Z07 and traps 16 and 17: guessing passwords, codes and tokens, one by one and all at once."""

import json
import pickle
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.core.cache.backends.redis import RedisSerializer
from django.db import connections
from django.test import Client
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.throttling import AnonRateThrottle

from governance.identity.tokens import mint
from governance.web import limits
from governance.web.counters import CounterSerializer
from governance.web.limits import LimiterAway, TooMany, client_address, count, forget
from tests.conftest import PASSWORD, make_person, now, totp
from tests.security.test_c_ciphertext import sql

SYSTEM = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(autouse=True)
def _fresh_counters():
    """No counter of another test stands."""
    real = limits.store()
    real.flushdb()
    yield
    real.flushdb()


@pytest.fixture
def analyst(tenant):
    return make_person(tenant, "analyst")


def sign_in(username, password, address="203.0.113.7"):
    answer = Client(REMOTE_ADDR=address).post("/accounts/login/", {"login": username, "password": password})
    return answer.status_code


def at_once(calls, threads=32):
    def run(call):
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, calls))


def recorded(event):
    return [json.loads(row[0]) for row in sql(
        "SELECT body FROM governance_auditentry WHERE tenant_id = %s AND event = %s ORDER BY sequence", SYSTEM, event
    )]  # fmt: skip


def test_z07_a_thousand_tries_at_once_with_rotating_addresses_pass_the_limit_times(analyst):
    """32 threads, each try with another X-Forwarded-For; the right password comes too late as well."""
    calls = [
        lambda number=number: Client(REMOTE_ADDR="203.0.113.7").post(
            "/accounts/login/", {"login": analyst.username, "password": f"wrong-{number}"},
            headers={"X-Forwarded-For": f"198.51.100.{number % 250}"},
        ).status_code
        for number in range(1_000)
    ]  # fmt: skip
    answers = at_once(calls)
    assert (answers.count(200), answers.count(429)) == (10, 990)
    assert len(recorded("signin.failed")) == 10, "a password was looked at ten times"
    (entry,) = recorded("signin.locked")
    assert (entry["actor"], entry["by"]) == (str(analyst.id), "account")
    assert sign_in(analyst.username, PASSWORD) == 429


def test_z07_many_accounts_from_one_address_pass_its_limit(tenant, monkeypatch):
    monkeypatch.setenv("THREADVAULT_SIGNIN_TRIES_PER_ADDRESS", "20")
    answers = at_once([lambda number=number: sign_in(f"nobody-{number}", "x") for number in range(64)])
    assert (answers.count(200), answers.count(429)) == (20, 44)
    (entry,) = recorded("signin.locked")
    assert entry["by"] == "address"
    assert "actor" not in entry
    assert not any("nobody" in json.dumps(one) for one in recorded("signin.failed")), "what was typed stands nowhere"
    assert sign_in("nobody-1", "x", address="203.0.113.8") == 200, "another address has its own count"


def test_z07_control_the_frameworks_throttle_lets_more_through_at_once(tenant):
    """Trap 16: it reads a list, adds to it and writes it back; and it believes X-Forwarded-For."""

    class Ten(AnonRateThrottle):
        rate = "10/min"

        def timer(self):
            return time.time()

    def ask(number):
        request = APIRequestFactory().get(
            "/", REMOTE_ADDR="203.0.113.7", headers={"X-Forwarded-For": f"198.51.100.{number}"}
        )
        request.user = None
        return Ten().allow_request(request, None)

    with pytest.MonkeyPatch.context() as patch:
        from rest_framework.settings import api_settings

        patch.setattr(api_settings, "NUM_PROXIES", None)
        assert sum(ask(number) for number in range(50)) == 50


def test_z07_a_success_begins_the_account_anew_and_leaves_the_address(analyst):
    for _ in range(9):
        assert sign_in(analyst.username, "wrong") == 200
    assert sign_in(analyst.username, PASSWORD) == 302
    for _ in range(9):
        assert sign_in(analyst.username, "wrong") == 200
    with pytest.raises(TooMany):
        for _ in range(82):
            count("signin-address", "203.0.113.7", most=100, seconds=900)


def test_z07_one_time_codes_at_once_pass_the_limit(tenant, people):
    officer = people["privacy_officer"]
    token = mint(tenant=tenant, user=officer, name="t", now=now(), life=timedelta(hours=1)).plain

    def guess():
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return client.post("/api/v1/tokens/step-up", {"code": "000000"}, format="json").status_code

    answers = at_once([guess] * 64)
    assert (answers.count(403), answers.count(429)) == (5, 59)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    late = client.post("/api/v1/tokens/step-up", {"code": totp(officer.totp_secret)}, format="json")
    assert late.status_code == 429


def test_z07_tokens_that_are_not_good_and_calls_that_are_too_many(tenant, analyst, monkeypatch):
    monkeypatch.setenv("THREADVAULT_BAD_TOKENS_PER_MINUTE", "7")
    monkeypatch.setenv("THREADVAULT_CALLS_PER_MINUTE", "9")
    token = mint(tenant=tenant, user=analyst, name="t", now=now(), life=timedelta(hours=1)).plain

    def call(plain):
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {plain}", HTTP_THREADVAULT_PURPOSE="support")
        return client.get("/api/v1/purposes")

    bad = [one.status_code for one in at_once([lambda: call("tv_aaaaaaaa_" + "A" * 43)] * 32)]
    assert (bad.count(401), bad.count(429)) == (7, 25)
    good = at_once([lambda: call(token)] * 32)
    codes = [one.status_code for one in good]
    assert (codes.count(200), codes.count(429)) == (9, 23), "the address's bad tokens do not hinder its good one"
    refused = next(one for one in good if one.status_code == 429)
    assert refused["Content-Type"] == "application/problem+json"
    assert 1 <= int(refused["Retry-After"]) <= 60


def test_z07_nobody_learns_by_message_or_time_which_accounts_there_are(tenant, analyst, settings, monkeypatch):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    monkeypatch.setenv("THREADVAULT_SIGNIN_TRIES", "1000")
    monkeypatch.setenv("THREADVAULT_SIGNIN_TRIES_PER_ADDRESS", "1000")
    analyst.set_password(PASSWORD)
    analyst.save()

    def tried(username):
        began = time.perf_counter()
        page = Client().post("/accounts/login/", {"login": username, "password": "wrong"})
        assert page.status_code == 200, page.content
        return time.perf_counter() - began, page.context["form"].non_field_errors()

    known, unknown = zip(*((tried(analyst.username), tried(f"x{number}")) for number in range(25)), strict=True)
    assert list(known[0][1]) == list(unknown[0][1])
    assert len(known[0][1]) == 1
    medians = [statistics.median(each[0] for each in side) for side in (known, unknown)]
    assert max(medians) / min(medians) < 1.3
    bare = statistics.median(_time_of(lambda: Client().get("/accounts/login/")) for _ in range(10))
    assert min(medians) - bare > 0.01, "the control: hashing is what takes the time, for both"


def _time_of(call):
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def test_without_the_store_nobody_guesses_and_good_tokens_go_on(tenant, analyst, people, monkeypatch):
    away = limits._store("unix:///nowhere/valkey.sock")
    token = mint(tenant=tenant, user=analyst, name="t", now=now(), life=timedelta(hours=1)).plain
    monkeypatch.setattr(limits, "store", lambda: away)
    assert sign_in(analyst.username, PASSWORD) == 503
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.get("/api/v1/purposes").status_code == 200
    step = client.post("/api/v1/tokens/step-up", {"code": "000000"}, format="json")
    assert step.status_code in {403, 503}
    with pytest.raises(LimiterAway):
        count("x", "y", most=1, seconds=1)
    forget("x", "y")


@pytest.mark.parametrize(
    ("proxies", "told", "expected"),
    [(0, "1.1.1.1", "10.0.0.1"), (1, "6.6.6.6, 1.1.1.1", "1.1.1.1"), (2, "6.6.6.6, 1.1.1.1, 2.2.2.2", "1.1.1.1"), (2, "1.1.1.1", "10.0.0.1")],
)  # fmt: skip
def test_the_address_is_what_trusted_proxies_say(proxies, told, expected, monkeypatch, rf):
    monkeypatch.setenv("THREADVAULT_TRUSTED_PROXIES", str(proxies))
    assert client_address(rf.get("/", REMOTE_ADDR="10.0.0.1", headers={"X-Forwarded-For": told})) == expected


def test_sign_ins_are_on_the_systems_chain(tenant, analyst):
    client = Client()
    client.post("/accounts/login/", {"login": analyst.username, "password": PASSWORD})
    left = client.post("/accounts/logout/")
    assert left["Clear-Site-Data"] == '"cache", "cookies", "storage"'
    assert "Clear-Site-Data" not in client.get("/accounts/login/").headers
    client.post("/accounts/login/", {"login": "my-password-typed-as-a-name", "password": "x"})
    events = [
        json.loads(row[0])
        for row in sql("SELECT body FROM governance_auditentry WHERE tenant_id = %s ORDER BY sequence", SYSTEM)
    ]
    assert [(one["event"], one.get("actor")) for one in events] == [
        ("signin.succeeded", str(analyst.id)), ("signin.ended", str(analyst.id)), ("signin.failed", None),
    ]  # fmt: skip
    assert "typed" not in json.dumps(events)


class Bomb:
    """What an attacker writes into the store."""

    def __reduce__(self):
        return exec, ("import builtins; builtins.exploded = True",)


def test_trap_17_what_somebody_wrote_into_the_store_is_not_run():
    import builtins

    value = pickle.dumps(Bomb())
    assert not hasattr(builtins, "exploded")
    with pytest.raises((ValueError, UnicodeDecodeError)):
        CounterSerializer().loads(value)
    assert not hasattr(builtins, "exploded")
    RedisSerializer().loads(value)
    assert builtins.exploded, "the control: Django's own serializer runs it"
    del builtins.exploded
    assert django_settings.CACHES["default"]["OPTIONS"]["serializer"] == "governance.web.counters.CounterSerializer"
