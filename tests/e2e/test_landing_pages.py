"""The landing page of each role, ingest and the audit trail in a real browser: light and dark, wide and narrow."""

import pytest

from governance.custody.counting import keep_counts
from tests.conftest import now
from tests.console.test_landing import people_write
from tests.e2e.walking import enter, look

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium")]
ROLES = ("analyst", "privacy_officer", "security_officer", "auditor")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_landing_pages_are_accessible_and_narrow(theme, page, tenant, people, stored, live_server):
    people_write(tenant, 6)
    keep_counts(tenant=tenant.id, now=now())
    page.emulate_media(color_scheme=theme)
    for role in ROLES:
        enter(page, people[role], live_server.url)
        look(page, f"landing-{role}-{theme}", "/")
    enter(page, people["security_officer"], live_server.url)
    look(page, f"ingest-{theme}", "/ingest")
    enter(page, people["auditor"], live_server.url)
    look(page, f"audit-{theme}", "/audit")
    look(page, f"audit-about-{theme}", f"/audit?about={stored[0]}")
    assert page.faults == []
