"""Backups and their way back, in this process: what is equal afterwards, and what is refused."""

import pytest

from governance.audit.canonical import SYSTEM
from tests.conftest import item, make_tenant, store
from tests.custody.recovering import back_up, bring_back, empty_host, every_row, restore


@pytest.fixture
def host(tmp_path):
    aside = tmp_path / "keys-of-the-old-host"
    yield aside
    if aside.exists():
        bring_back(aside)


def test_everything_is_there_again_row_by_row(tenant, people, stored, tmp_path, host):
    other = make_tenant()
    store(other, item("only", "Mail me at lee@example.com"))
    made = back_up(tmp_path / "one.tvb")
    rows, sequences, guards = every_row()
    empty_host(host)
    done = restore(tmp_path / "one.tvb")
    again = every_row()
    assert again[1:] == (sequences, guards)
    recorded = again[0]["governance_auditentry"]
    assert len(recorded) == len(rows["governance_auditentry"]) + 1
    assert '"event":"backup.restored"' in recorded[-1][0] or any("backup.restored" in row[0] for row in recorded)
    assert {**again[0], "governance_auditentry": []} == {**rows, "governance_auditentry": []}
    assert (done.tenants, done.rows) == (2, made.rows)
