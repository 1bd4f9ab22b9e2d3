"""Arrays made ahead arrive as what psycopg itself would have sent."""

from uuid import UUID, uuid4

import pytest
from django.db import connection

from governance.vault.arrays import BytesArray, IntArray, UuidArray, sends_arrays


def of_ids(values):
    return UuidArray([value.bytes for value in values])


CASES = {
    "ids": (of_ids, [uuid4(), UUID(int=0), UUID(int=2**128 - 1)], "uuid[]"),
    "numbers": (IntArray, [0, 1, -1, 2**31 - 1, -(2**31)], "int4[]"),
    "bytes": (BytesArray, [b"", b"\x00", b"\xff" * 70_000, b"TVE1"], "bytea[]"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("kept", ["all", "one", "none"])
@pytest.mark.parametrize("case", CASES)
def test_an_array_arrives_as_it_was_given(case, kept):
    kind, values, name = CASES[case]
    values = values[: {"all": None, "one": 1, "none": 0}[kept]]
    with connection.cursor() as cursor:
        sends_arrays(cursor)
        cursor.execute(f"SELECT %b::{name}, %b::{name} = %b::{name}", [kind(values), kind(values), values])
        came, same = cursor.fetchone()
    assert [bytes(one) if case == "bytes" else one for one in came] == values
    assert same


def test_an_array_shows_no_element():
    assert repr(BytesArray([b"secret"])) == "BytesArray(30 bytes)"
