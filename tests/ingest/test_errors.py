"""The table of codes: complete, nothing in it that is never said, and every refusal told on one line."""

import re
from pathlib import Path

import pytest

from governance.ingest import formats
from governance.ingest.formats.errors import MENDS, FormatError, ItemError

SOURCES = [path.read_text("utf-8") for path in Path(formats.__path__[0]).glob("*.py") if path.name != "errors.py"]


def test_every_code_of_the_table_is_raised_and_no_other():
    said = {code for source in SOURCES for code in re.findall(r'"([a-z0-9]+\.[a-z0-9_]+)"', source)}
    assert said == set(MENDS)


def test_a_code_outside_the_table_is_a_slip_of_the_programmer():
    with pytest.raises(KeyError):
        FormatError("no.such", reason="x.")


def test_an_item_error_says_where_why_and_how_to_mend_it():
    error = ItemError(
        file="a.json",
        code="role.missing",
        reason="The message has no role.",
        pointer="/messages/0/role",
        line=3,
        item=1,
    )
    assert str(error) == (
        "a.json, line 3, item 1, at /messages/0/role: The message has no role. Give every message a role. [role.missing]"
    )
