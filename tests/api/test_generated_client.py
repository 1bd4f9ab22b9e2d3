"""A client that a public generator makes from the OpenAPI file does the main path against a live server."""

import importlib
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.core.management import call_command

from governance.identity.models import User
from governance.pipeline.running import run_classification
from tests.api.clients import token_of
from tests.conftest import make_person

NAME = "vault_client"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The package, as `openapi-python-client` writes it from the file, and what it said."""
    folder = tmp_path_factory.mktemp("client")
    call_command("spectacular", "--file", str(folder / "schema.yaml"))
    tool = [sys.executable, "-m", "openapi_python_client", "generate"]
    options = ["--path", str(folder / "schema.yaml"), "--output-path", str(folder / NAME), "--meta", "none"]
    folders = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        [*tool, *options], check=False, capture_output=True, text=True, timeout=120,
        env={"PATH": folders, "HOME": str(folder), "LANG": "C.UTF-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    assert "Endpoint will not be generated" not in done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield lambda name: importlib.import_module(f"{NAME}.{name}")
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.split(".")[0] == NAME]:
        del sys.modules[name]


@pytest.mark.slow
def test_the_main_path_by_a_generated_client(made, tenant, live_server):
    with ExitStack() as opened:

        def client(user, **options):
            token = token_of(tenant, user, fresh=True)
            made_client = made("client").AuthenticatedClient(base_url=live_server.url, token=token, **options)
            return opened.enter_context(made_client)

        walk(made, tenant, client)


def walk(made, tenant, client):
    """Batch in, list, read, search, export, rotate a key as it was seen."""
    models = made("models")

    producer = client(User.objects.get(memberships__tenant=tenant, memberships__role="producer"))
    message = models.BatchMessageRequest(role="user", content="Mail me at kim0@example.com")
    batch = models.BatchRequest(
        items=[models.BatchItemRequest(collection="support-bot", external_id="chat-1", messages=[message])]
    )
    send = made("api.conversations.conversations_batch").sync
    results = [send(client=producer, body=batch, idempotency_key="k-1").results[0] for _ in range(2)]
    assert [result.status for result in results] == [201, 201]
    chat = results[0].id
    run_classification(tenant.id)

    analyst = client(make_person(tenant, "analyst"))
    purpose = {"client": analyst, "threadvault_purpose": "support"}
    listed = made("api.conversations.conversations_list").sync(**purpose)
    assert [line.id for line in listed.results] == [chat]
    read = made("api.conversations.conversations_messages_retrieve").sync(conversation_id=chat, **purpose)
    assert read.results[0].text[0].startswith("Mail me at [EMAIL")
    found = made("api.conversations.conversations_search").sync(
        body=models.SearchRequest(text="kim0@example.com"), **purpose
    )
    assert [line.id for line in found.results] == [chat]
    exported = made("api.conversations.conversations_export").sync_detailed(**purpose)
    assert exported.content.count(b"\n") == 2, "lines are no JSON, so the generator leaves them as they are"

    officer = client(make_person(tenant, "security_officer"))
    (ring,) = [one for one in made("api.key_rings.key_rings_list").sync(client=officer).results if one.use == "content"]
    seen = made("api.key_rings.key_rings_retrieve").sync_detailed(ring_id=ring.id, client=officer)
    rotate = made("api.key_rings.key_rings_rotate").sync_detailed
    asked = {"ring_id": ring.id, "client": officer, "body": models.RotateRequest(reason="yearly")}
    rotated = rotate(if_match=seen.headers["etag"], **asked)
    assert rotated.parsed.active == ring.active + 1
    late = rotate(if_match=seen.headers["etag"], **asked)
    assert (late.status_code, late.parsed.code) == (412, "keys.changed")
