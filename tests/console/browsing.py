"""What the console's tests share: signing in, and reading pages as text."""

import html
import json
import re

from django.test import Client

from governance.audit.models import AuditEntry
from governance.audit.throttling import write_all
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


def entries(tenant, **fields):
    """The tenant's entries on the record, as they were written, oldest first."""
    with tenant_scope(tenant.id):
        return [json.loads(row.body) for row in AuditEntry.objects.filter(**fields).order_by("sequence")]


def refusals(tenant, *, repeated=False):
    """How many refusals stand on the tenant's record; `repeated` counts those that are put there together, too."""
    events = ["grant.refused"]
    if repeated:
        write_all()
        events.append("refusals.repeated")
    with tenant_scope(tenant.id):
        return AuditEntry.objects.filter(event__in=events).count()
