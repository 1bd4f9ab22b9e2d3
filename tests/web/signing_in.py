"""Signing in by the provider of `openid_provider`, as a browser would: the steps, and the fixtures of a provider that runs."""

import json
import subprocess
import sys
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from django.test import Client

from tests.web.openid_provider import CLIENT, SECRET

ROLES = {"readers": "analyst", "officers": ["security_officer"], "lawyers": "privacy_officer"}


@pytest.fixture(scope="module")
def running():
    """The address of a provider in a process of its own."""
    command = [sys.executable, "-m", "tests.web.openid_provider"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.terminate()


class Directory:
    """A provider, what it says next, and a browser that it sends back."""

    def __init__(self, address):
        self.address = address
        self.say()

    def say(self, *groups, sub="sub-1", spoil="", more=None, **claims):
        """Let the provider say this of whoever signs in next."""
        said = {"claims": {"sub": sub, "groups": list(groups), **claims}, "spoil": spoil, **(more or {})}
        requests.post(f"{self.address}/next", data=json.dumps(said), timeout=10)

    def begin(self, client, **given):
        """The address at the provider to which the browser is led."""
        answer = client.post("/accounts/oidc/login/", given)
        assert answer.status_code == 200, answer.content
        return unescape(answer.content.decode().split('id="lead-on"')[1].split('href="')[1].split('"')[0])

    def come_back(self, to):
        """The address here to which the provider sends the browser back."""
        back = urlsplit(requests.get(to, timeout=10, allow_redirects=False).headers["Location"])
        return f"{back.path}?{back.query}"

    def sign_in(self, client=None, **given):
        """The whole way; the client, and the answer that ended it."""
        client = client or Client()
        return client, client.get(self.come_back(self.begin(client, **given)))


@pytest.fixture
def directory(running, tenant, monkeypatch):
    """The provider is set for `tenant`."""
    for name, value in {
        "ISSUER": running, "CLIENT_ID": CLIENT, "CLIENT_SECRET": SECRET, "TENANT": tenant.slug, "ROLES": json.dumps(ROLES),
    }.items():  # fmt: skip
        monkeypatch.setenv(f"THREADVAULT_OIDC_{name}", value)
    return Directory(running)


def query_of(address):
    return dict(parse_qsl(urlsplit(address).query))
