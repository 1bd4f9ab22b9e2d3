"""Each request and its body run in one context; nothing of it is seen by the next."""

from contextvars import ContextVar

import pytest

from governance.audit.errors import RecordRefused
from governance.web.context import FreshContext
from governance.web.counters import CounterSerializer
from governance.web.statuses import status_of

seen = ContextVar("seen", default="nothing")


class Body:
    """A response body that looks at its context in each step and at its end."""

    def __init__(self):
        self.views = []

    def __iter__(self):
        self.views.append(seen.get())
        yield b"one"
        self.views.append(seen.get())

    def close(self):
        self.views.append(seen.get())


def test_body_and_close_run_in_the_context_of_the_request():
    bodies = []

    def application(environ, start_response):
        assert seen.get() == "nothing", "the request before left something"
        seen.set(environ["name"])
        bodies.append(Body())
        return bodies[-1]

    wrapped = FreshContext(application)
    for name in ("first", "second"):
        answer = wrapped({"name": name}, None)
        assert list(answer) == [b"one"]
        answer.close()
        assert bodies[-1].views == [name] * 3
    assert seen.get() == "nothing"


def test_control_without_it_the_next_request_sees_what_the_first_left():
    def application(name):
        found = seen.get()
        seen.set(name)
        return found

    token = seen.set("nothing")
    try:
        assert [application("first"), application("second")] == ["nothing", "first"]
    finally:
        seen.reset(token)


@pytest.mark.parametrize("value", [1, 1.5, True, None, "y", [1, 2.5]], ids=str)
def test_the_cache_takes_counters(value):
    serializer = CounterSerializer()
    stored = serializer.dumps(value)
    assert stored == value if isinstance(stored, int) else serializer.loads(stored) == value


@pytest.mark.parametrize(
    "value", ["a text of a user that is longer than any mark would be, so it is content", {"a": 1}, ["text"], b"x"]
)
def test_the_cache_takes_nothing_else(value):
    with pytest.raises(TypeError):
        CounterSerializer().dumps(value)


def test_a_code_without_a_row_is_a_server_error():
    assert status_of("unheard.of") == 500
    assert status_of("json.syntax") == 400
    assert status_of(RecordRefused.code) == 503
