"""Every shared file of a known format, all the way: counted by independent means, opened byte for byte, redacted.

`counting` reads the files and plain SQL reads PostgreSQL; neither knows the project.
"""

import random
from pathlib import Path

import psycopg
import pytest
from django.db import connections

from governance.ingest.importing import import_file
from governance.pipeline.running import run_classification
from governance.runtime.postgres import ADMIN
from governance.vault.reading import read_conversation
from tests.conftest import as_principal, now, producer_of
from tests.ingest.counting import count_file, texts

CHATS = Path(__file__).resolve().parents[3] / "shared" / "data" / "chats"
FOLDERS = (
    "crosswoz",
    "exports-made",
    "fastchat",
    "kdconv",
    "multiwoz",
    "sgd",
    "sharegpt-dpo",
    "sharegpt-toolcalls",
    "tau-bench",
)
FILES = sorted(path for name in FOLDERS for path in (CHATS / name).glob("*.json*"))
REDACTED, UNSCANNED = 1, 2
WITH_A_PICTURE = 2  # Two tool results hold a picture as a data URL: binary parts stay unscanned (INTERFACE).

pytestmark = [
    pytest.mark.skipif(not FILES, reason="the shared chats are not beside this project"),
    pytest.mark.slow,
    pytest.mark.timeout(900),
]


def query(statement, *values):
    database = connections["default"].settings_dict
    server = {"host": database["HOST"], "user": ADMIN, "dbname": database["NAME"], "port": database["PORT"] or 5432}
    with psycopg.connect(**server) as connection:
        return connection.execute(statement, values).fetchall()


def test_all_shared_chats_are_stored_opened_and_redacted(tenant, people):
    counted, expected = {}, {}
    for path in FILES:
        report = import_file(path=path, collection=path.stem, format="auto", actor=producer_of(tenant), clock=now)
        assert report.errors == []
        expected[path.stem] = count_file(path)
    for name, conversations, messages in query(
        "SELECT c.name, count(DISTINCT v.id), count(m.id) FROM governance_collection c"
        " JOIN governance_conversation v ON v.collection_id = c.id"
        " JOIN governance_message m ON m.conversation_id = v.id GROUP BY c.name"
    ):
        counted[name] = (conversations, messages)
    assert counted == expected

    check_random_messages(tenant, people["privacy_officer"])
    again = import_file(path=FILES[0], collection=FILES[0].stem, format="auto", actor=producer_of(tenant), clock=now)
    assert (again.conversations, again.messages) == (0, 0), "a second import of the same file adds nothing"

    run_classification(tenant.id, seconds=800)
    states = dict(query("SELECT state, count(*) FROM governance_message GROUP BY state"))
    total = sum(messages for _, messages in expected.values())
    assert states == {REDACTED: total - WITH_A_PICTURE, UNSCANNED: WITH_A_PICTURE}


def check_random_messages(tenant, officer):
    """Fifty messages drawn over all files are equal, byte for byte, to what the independent reader finds."""
    chance = random.Random(20261123)
    for path in FILES:
        original = list(texts(path))
        rows = query(
            "SELECT m.conversation_id, m.ordinal, row_number() OVER (ORDER BY v.id, m.ordinal) - 1"
            " FROM governance_message m JOIN governance_conversation v ON v.id = m.conversation_id"
            " JOIN governance_collection c ON c.id = v.collection_id WHERE c.name = %s",
            path.stem,
        )
        for conversation, ordinal, _ in chance.sample(rows, 3):
            opened = read_conversation(
                principal=as_principal(tenant, officer, second_factor=True),
                conversation_id=conversation,
                purpose="quality",
                view="source",
                reason="comparison",
                now=now(),
                after=ordinal - 1,
                limit=1,
            )
            text = "\n".join(opened.messages[0].document.readable())
            assert text.encode() in {value.encode() for value in original}
