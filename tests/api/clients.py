"""Clients of the API with a token of somebody's, and what its streams sent."""

import json
from datetime import timedelta

from rest_framework.test import APIClient

from governance.identity.models import User
from governance.identity.tokens import mint
from tests.conftest import make_person, now


def token_of(tenant, user, *, fresh=False, **extra):
    shown = now() if fresh else None
    return mint(
        tenant=tenant, user=user, name="t", now=now(), life=timedelta(hours=1), second_factor_at=shown, **extra
    ).plain


def client_with(token, purpose="support"):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}", HTTP_THREADVAULT_PURPOSE=purpose)
    return client


def client_of(tenant, role, *, purpose="support", fresh=True):
    """A client of a new person with the role."""
    return client_with(token_of(tenant, make_person(tenant, role), fresh=fresh), purpose)


def producer_client(tenant):
    user = User.objects.get(memberships__tenant=tenant, memberships__role="producer")
    return client_with(token_of(tenant, user))


def sent(answer):
    """The bytes of an export and its manifest."""
    *lines, last = b"".join(answer.streaming_content).splitlines(keepends=True)
    answer.close()
    return lines, json.loads(last)["manifest"]
