"""ATTACKS.md, row D06: the migrations go back and forward again on rows that are there, and no step shows a text."""

import json
import os
import subprocess
import sys

import pytest

from tests.concurrency.migrating import tables_with
from tests.concurrency.own_servers import ROOT, ask, own_postgres

MESSAGES = 100_000 if os.environ.get("THREADVAULT_SOAK") else 1_000
TEXT = "mail kim@example.com now"  # What the first message of each chat says.
COUNTS = (
    "SELECT (SELECT count(*) FROM governance_message), (SELECT count(*) FROM governance_conversation),"
    " (SELECT count(*) FROM governance_auditentry)"
)


def run(given, module, *arguments):
    command = [sys.executable, "-m", f"tests.concurrency.{module}", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=given, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_d06_no_step_of_the_migrations_shows_a_text_and_no_row_is_lost():
    with own_postgres("threadvault-d06-") as (server, given):
        run(given, "setting_up", str(MESSAGES))
        before = ask(server, COUNTS)
        assert before[0][0] == MESSAGES
        steps = [json.loads(line) for line in run(given, "migrating", TEXT)]
        assert [one["at"] for one in steps if one["found"]] == []
        assert len({one["at"] for one in steps}) > 10
        assert steps[-1]["at"] > steps[0]["at"], "and forward again"
        assert ask(server, COUNTS) == before
        print(*(f"{one['at']}: {one['seconds']} s" for one in steps), sep="\n")
        place = {"HOST": str(server.sockets), "PORT": "", "NAME": "threadvault"}
        ask(server, "ALTER TABLE governance_message ADD COLUMN shown text")
        ask(server, "UPDATE governance_message SET shown = %s WHERE ordinal = 0", TEXT)
        assert tables_with([TEXT], place) == ["governance_message"], "the control: a column in clear is seen"
