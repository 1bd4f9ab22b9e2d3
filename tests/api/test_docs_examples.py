"""docs/api.md: each of its examples is sent as it stands there, in order, and answered as it says."""

import json
import re

import pytest
from rest_framework.test import APIClient

from governance.identity.models import User
from governance.identity.scoping import tenant_scope
from governance.pipeline.running import run_classification
from governance.vault.models import Collection
from tests.api.clients import token_of
from tests.architecture.reading_source import ROOT
from tests.conftest import make_person

EXAMPLES = re.findall(r"^```http\n(.*?)^```", (ROOT / "docs" / "api.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)


def parts(text):
    """The first line, the headers and the body of a message."""
    head, _, body = text.strip().partition("\n\n")
    first, *headers = head.split("\n")
    return first, dict(line.split(": ", 1) for line in headers), body


def answer_parts(text):
    """Status, headers and body of an expected answer, whose body stands without an empty line before it."""
    first, *rest = text.strip().split("\n")
    headers = [line for line in rest if re.match(r"[A-Za-z-]+: ", line)]
    return int(first.split()[1]), dict(line.split(": ", 1) for line in headers), "\n".join(rest[len(headers) :])


class Reader:
    """Somebody who follows the page and keeps what answers give."""

    def __init__(self, names):
        self.names = names

    def fill(self, text):
        return re.sub(r"\$(\w+)", lambda found: self.names.get(found[1], found[0]), text)

    def agrees(self, said, given):
        if isinstance(said, dict):
            assert isinstance(given, dict)
            assert said.keys() <= given.keys()
            for name in said:
                self.agrees(said[name], given[name])
        elif isinstance(said, list):
            assert len(said) == len(given)
            for one, other in zip(said, given, strict=True):
                self.agrees(one, other)
        elif isinstance(said, str) and said.startswith("$"):
            self.names[said[1:]] = str(given)
        else:
            assert said == given

    def send(self, text):
        asked, _, expected = text.partition("\nHTTP/1.1 ")
        first, headers, body = parts(self.fill(asked))
        method, path = first.split(" ")
        extra = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        answer = APIClient().generic(method, path, body, content_type="application/json", **extra)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        answer.close()
        return answer, content, answer_parts(f"HTTP/1.1 {expected}")


@pytest.fixture
def names(tenant):
    """What the page takes as given: tokens of the people that it names."""
    producer = User.objects.get(memberships__tenant=tenant, memberships__role="producer")
    roles = {"analyst": "analyst", "auditor": "auditor", "officer": "security_officer"}
    people = {name: token_of(tenant, make_person(tenant, role), fresh=True) for name, role in roles.items()}
    return {"producer": token_of(tenant, producer), **people}


def test_every_example_of_the_page_is_answered_as_it_says(tenant, names):
    assert len(EXAMPLES) >= 11
    reader = Reader(names)
    for text in EXAMPLES:
        answer, content, (status, headers, body) = reader.send(text)
        assert answer.status_code == status, (text, content)
        for name, value in headers.items():
            reader.agrees(value, answer.headers[name])
        if body:
            reader.agrees(json.loads(body), json.loads(content.splitlines()[-1]))
        if "chat" in reader.names and "collection" not in reader.names:
            run_classification(tenant.id)
            with tenant_scope(tenant.id):
                reader.names["collection"] = str(Collection.objects.get(name="support-bot").id)
