"""What the console's tests share: signing in, and reading pages as text."""

import html
import re

from django.test import Client

from governance.audit.models import AuditEntry
from governance.identity.scoping import tenant_scope

_TAGS = re.compile(r"<[^>]*>")


def signed_in(user):
    """A client of this person; no second factor was shown in its session."""
    client = Client()
    client.force_login(user)
    return client


def text_of(response):
    """The readable text of a page, spaces made one."""
    return " ".join(html.unescape(_TAGS.sub(" ", response.content.decode())).split())


def refusals(tenant):
    """How many refusals stand on the tenant's record."""
    with tenant_scope(tenant.id):
        return AuditEntry.objects.filter(event="grant.refused").count()
