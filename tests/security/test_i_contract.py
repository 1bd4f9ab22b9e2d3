"""ATTACKS.md, row I12: what the OpenAPI file promises is held, whatever is sent: no 5xx, and answers of the shapes it names.

schemathesis makes requests that keep to the file and requests that break it; every check of its that is for one answer
looks at each. Half of the requests that keep to it name rows that are there.
"""

import math
import os
import re
from datetime import timedelta

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from hypothesis import HealthCheck, given, settings
from rest_framework.response import Response
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import negative_data_rejection

from governance.api import members, policies
from governance.identity.members import add_member
from governance.identity.models import User
from governance.identity.tokens import mint
from governance.web.context import FreshContext
from tests.api.test_conventions import schema
from tests.conftest import OPERATOR, make_person, now
from tests.security.matrix import World

CASES = 5_000 if os.environ.get("THREADVAULT_SOAK") else 500
KINDS = (
    (schemathesis.GenerationMode.POSITIVE, True),
    (schemathesis.GenerationMode.POSITIVE, False),
    (schemathesis.GenerationMode.NEGATIVE, False),
)
# A request that keeps to the file may still be refused: for what its values mean, for the state of things, for rights.
REFUSED = ["2xx", "400", "401", "403", "404", "409", "412", "422"]
# Items of a batch are refused one by one inside of an answer 207; what is not said of a message is kept with it.
ITEM_BY_ITEM = "conversations_batch"


class Promise:
    """The file, somebody who may do nearly all of it, and what did not keep to it."""

    def __init__(self, tenant, stored):
        config = {"checks": {"positive_data_acceptance": {"expected-statuses": REFUSED}}}
        self.schema = schemathesis.openapi.from_dict(schema(), config=SchemathesisConfig.from_dict(config))
        self.world = World(tenant, stored, "security")
        self.operations = [found.ok() for found in self.schema.get_all_operations()]
        self.sent, self.statuses, self.faults = 0, set(), []
        officer = make_person(tenant, "privacy_officer")
        for role in ("security_officer", "auditor", "analyst"):
            add_member(tenant=tenant, user=officer, role=role, actor=OPERATOR)
        producer = User.objects.get(memberships__tenant=tenant, memberships__role="producer")
        self.tokens = {user: self._token(tenant, user) for user in (officer, producer)}
        self.officer, self.producer = officer, producer

    def _token(self, tenant, user):
        return mint(tenant=tenant, user=user, name="i", now=now(), life=timedelta(hours=1), second_factor_at=now()).plain

    def real(self, operation):
        """The ids of rows that are there, in the place of the file's parameters."""
        names = re.findall(r"{(\w+)}", operation.path)
        kinds = {"role": "slug", "sequence": "int", "finding_id": "int"}
        route = re.sub(r"{(\w+)}", lambda found: f"<{kinds.get(found[1], 'uuid')}:{found[1]}>", operation.path[1:])
        pattern = re.escape(operation.path)
        for name in names:
            pattern = pattern.replace(re.escape(f"{{{name}}}"), f"(?P<{name}>[^/:]+)")
        return re.fullmatch(pattern, self.world.path(route)).groupdict()

    def check(self, examples, *, only=""):
        """Send so many requests of each kind to each operation; return what was found."""
        for operation in self.operations:
            if only and operation.definition.raw["operationId"] != only:
                continue
            for mode, real in KINDS:
                if real and "{" not in operation.path:
                    continue
                known = {"path_parameters": self.real(operation)} if real else {}
                self._send(operation, operation.as_strategy(mode, **known), examples)
        return self.faults

    def _send(self, operation, strategy, examples):
        name = operation.definition.raw["operationId"]
        token = self.tokens[self.producer if name == ITEM_BY_ITEM else self.officer]
        left_out = [negative_data_rejection] if name == ITEM_BY_ITEM else []

        @settings(
            max_examples=examples, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=strategy)
        def send(case):
            self.sent += 1
            headers = {"Authorization": f"Bearer {token}"}
            if operation.definition.raw["security"] and case.headers.get("Threadvault-Purpose"):
                headers["Threadvault-Purpose"] = "support"
            answer = case.call(headers=headers)
            self.statuses.add(answer.status_code)
            case.validate_response(answer, headers=headers, excluded_checks=left_out)

        try:
            send()
        except FailureGroup as group:
            self.faults += [f"{name}: {type(one).__name__}: {one.title} {one.message[:200]}" for one in group.exceptions]


@pytest.fixture
def promise(tenant, stored, monkeypatch):
    for limit in ("CALLS", "BAD_TOKENS"):
        monkeypatch.setenv(f"THREADVAULT_{limit}_PER_MINUTE", "1000000")
    made = Promise(tenant, stored)
    application = FreshContext(WSGIHandler())
    for operation in made.operations:
        operation.app = application
    made.schema.app = application
    return made


@pytest.mark.slow
@pytest.mark.timeout(3_600 if CASES > 500 else 300)
def test_i12_every_answer_is_as_the_file_promises(promise):
    kinds = sum(2 if "{" not in operation.path else 3 for operation in promise.operations)
    found = promise.check(math.ceil(CASES / kinds))
    assert not found, "\n".join(found)
    assert promise.sent >= CASES
    assert {200, 201, 400, 404} <= promise.statuses
    assert not {status for status in promise.statuses if status >= 500}


def test_i12_control_a_fault_and_a_foreign_shape_are_found(promise, monkeypatch):
    def break_down(**_):
        raise RuntimeError("a fault")

    monkeypatch.setattr(members.membership, "members", break_down)
    monkeypatch.setattr(policies, "whole", lambda *_, **__: Response([]))
    assert any("ServerError" in fault for fault in promise.check(3, only="members_list"))
    promise.faults.clear()
    assert any("JsonSchemaError" in fault for fault in promise.check(3, only="purposes_list"))
