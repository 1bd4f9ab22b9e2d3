"""ATTACKS.md, rows L14 and Z15 at a real gunicorn: what its access log holds, and headers that pretend to be others."""

import http.client
import json

import pytest

from governance.pipeline.running import run_classification
from tests.conftest import item, make_person, store
from tests.processes import wait_for
from tests.security.test_i_bodies import site, token_of

THREADS = ("-k", "gthread", "--threads", "4")
WANTED = "kim@example.com"


@pytest.fixture
def token(tenant):
    store(tenant, item("c-1", f"mail {WANTED}", "fine"))
    run_classification(tenant.id)
    return token_of(tenant, make_person(tenant, "analyst"))


def ask(port, method, address, token, body=None, **headers):
    """Send the headers as they are written, underscores too; return the status and the body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    given = {"Host": "localhost", "Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
    connection.request(method, address, body=body, headers=given)
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


def logged(path):
    return path.read_text("utf-8")


def test_l14_what_is_searched_for_does_not_stand_in_the_access_log(token, tmp_path):
    log = tmp_path / "access.log"
    with site(*THREADS, "--access-logfile", str(log)) as port:
        body = json.dumps({"text": f"mail {WANTED}"})
        status, found = ask(port, "POST", "/api/v1/conversations:search", token, body, **{"Threadvault-Purpose": "support"})
        assert (status, len(found["results"])) == (200, 1)
        wait_for(lambda: "/api/v1/conversations:search" in logged(log))
        assert WANTED not in logged(log)
        status, refused = ask(
            port, "GET", f"/api/v1/conversations?text={WANTED}", token, **{"Threadvault-Purpose": "support"}
        )
        assert (status, refused["code"]) == (400, "query.unknown")
        wait_for(lambda: WANTED in logged(log))  # The control: what travels in an address is in the log.


UNDERSCORED = {"Threadvault_Purpose": "support"}


def test_z15_a_header_with_an_underscore_is_no_header_of_ours(token):
    """As a variable of the application it would be `Threadvault-Purpose`, which a proxy in front may have taken away."""
    with site() as port:
        status, refused = ask(port, "GET", "/api/v1/conversations", token, **UNDERSCORED)
        assert (status, refused["code"]) == (400, "purpose.missing")
        assert ask(port, "GET", "/api/v1/conversations", token, **{"Threadvault-Purpose": "support"})[0] == 200


def test_z15_control_a_server_that_lets_it_through_takes_it_for_ours(token):
    with site(*THREADS, "--header-map", "dangerous") as port:
        assert ask(port, "GET", "/api/v1/conversations", token, **UNDERSCORED)[0] == 200
