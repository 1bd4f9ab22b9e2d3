"""ATTACKS.md, row J01 at a small size: workers are killed, PostgreSQL holds the truth, nothing is lost or done twice."""

import time

from tests.conftest import item, store
from tests.security.test_c_ciphertext import sql


def pending():
    return sql("SELECT count(*) FROM governance_message WHERE state = 0")[0][0]


def test_a_row_tried_three_times_is_set_aside_and_the_others_go_on(tenant):
    from governance.pipeline.running import run_classification

    store(tenant, item("c-1", "a text", "b"))
    sql("UPDATE governance_message SET attempt = 3 WHERE ordinal = 0")
    progress = run_classification(tenant.id)
    assert progress.quarantined == 1
    assert sql("SELECT ordinal, state FROM governance_message ORDER BY ordinal") == [(0, 3), (1, 1)]


def test_a_changed_row_is_set_aside_after_three_attempts(tenant):
    from governance.pipeline.running import run_classification

    store(tenant, item("c-1", "a text", "b"))
    sql("UPDATE governance_message SET source = set_byte(source, 70, (get_byte(source, 70) + 1) %% 256) WHERE ordinal = 0")
    deadline = time.monotonic() + 30
    while pending() and time.monotonic() < deadline:
        run_classification(tenant.id, seconds=3)
        time.sleep(0.3)
    assert sql("SELECT ordinal, state FROM governance_message ORDER BY ordinal") == [(0, 3), (1, 1)]
