"""How the tests of the formats ask and compare."""

import pytest

from governance.ingest.formats.assembly import Origin
from governance.ingest.formats.errors import FormatError
from governance.ingest.formats.recognising import by_name, recognise
from tests.ingest.pointing import texts_of

ORIGIN = Origin(collection="c", source="f" * 64, position=3)


def parse(record, name="", origin=ORIGIN):
    found = recognise(record)
    assert not name or found.name == name
    return found.parse(record, origin)


def summary(conversation):
    return [(each.role, texts_of(each)) for each in conversation.messages]


def refused(record, name):
    with pytest.raises(FormatError) as caught:
        by_name(name).parse(record, ORIGIN)
    return caught.value.code, caught.value.pointer
