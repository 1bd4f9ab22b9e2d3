"""A new organisation, from an empty database to its first accepted message, by the doors that people use."""

import json
import time
from io import StringIO

from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from governance.identity.models import Tenant
from tests.conftest import item, totp

FIVE_MINUTES = 300.0
PASSWORD = "staple battery horse 9"


def command(*arguments):
    out = StringIO()
    call_command(*arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def bearer(token):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}", HTTP_THREADVAULT_PURPOSE="support")
    return client


def choose_password(link):
    """Follow the one-time link as a browser does; return a signed-in client."""
    browser = Client()
    page = browser.get(link, follow=True)
    browser.post(page.request["PATH_INFO"], {"password1": PASSWORD, "password2": PASSWORD})
    return browser


def test_from_nothing_to_the_first_message(transactional_db):
    began = time.monotonic()
    assert not Tenant.objects.exists()
    link = command("setup", "--slug", "acme", "--name", "Acme", "--officer", "olga")["link"]
    browser = choose_password(link)
    assert Client().get(link, follow=True).context.get("token_fail"), "the link works once"
    browser.post("/accounts/login/", {"login": "olga", "password": PASSWORD})
    assert browser.get("/").status_code == 200
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    secret = browser.get("/accounts/2fa/totp/activate/").context["form"].secret
    assert browser.post("/accounts/2fa/totp/activate/", {"code": totp(secret)}).status_code == 302
    first = command("tokens", "create", "--tenant", "acme", "--user", "olga", "--days", "1")["token"]
    time.sleep(30 - time.time() % 30 + 0.1)  # A code counts once; the next half minute has another.
    stepped = bearer(first).post("/api/v1/tokens/step-up", {"code": totp(secret)}, format="json").json()["token"]
    officer = bearer(stepped)
    invited = officer.post("/api/v1/members", {"username": "ann", "role": "analyst"}, format="json")
    assert invited.status_code == 201
    service = officer.post("/api/v1/members", {"role": "producer"}, format="json").json()
    made = officer.post("/api/v1/tokens", {"user": service["id"], "name": "app", "scopes": ["append"]}, format="json")
    stored = bearer(made.json()["token"]).post("/api/v1/conversations:batch", {"items": [item()]}, format="json")
    assert [result["status"] for result in stored.json()["results"]] == [201]
    assert time.monotonic() - began < FIVE_MINUTES
    analyst = choose_password(invited.json()["link"])
    analyst.post("/accounts/login/", {"login": "ann", "password": PASSWORD})
    assert analyst.get("/conversations").status_code == 200
