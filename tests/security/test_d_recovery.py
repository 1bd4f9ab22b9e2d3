"""ATTACKS.md, rows D08 and E02 as far as it goes: the drill on an empty host, with the processes that a person starts.

A backup of the test installation is restored on a state folder that holds nothing, by servers of its own: timed, the canary
opens there, the record verifies, and who was erased stays erased. The control is a backup of the time before.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import UUID

import pytest

from governance.custody.recovery.recovery_keys import make_recovery_key
from governance.pipeline.running import run_classification
from governance.privacy.erasing import ACT, erase_subject, subject_of
from governance.vault.reading import read_conversation
from tests.architecture.reading_source import ROOT
from tests.conftest import as_principal, item, now, store
from tests.custody.recovering import back_up
from tests.processes import environment
from tests.walk.test_message_path import approve

CANARY = "The canary sings at +1 415 555 2671."
GONE = "I am to be forgotten."
HIDDEN = {"DATABASE_URL", "DATABASE_OWNER_URL", "BROKER_URL", "DJANGO_SETTINGS_MODULE"}


def manage(given, *arguments, code=0):
    done = subprocess.run(
        [sys.executable, "manage.py", *map(str, arguments), "--json"],
        cwd=ROOT,
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout.splitlines()[-1]) if code == 0 else done.stderr


@pytest.fixture
def hosts():
    """Makes environments of hosts that hold nothing."""
    with tempfile.TemporaryDirectory(prefix="threadvault-host-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)

        def empty(name):
            kept = {
                key: value for key, value in os.environ.items() if key not in HIDDEN and not key.startswith("THREADVAULT_")
            }
            return {**kept, "THREADVAULT_HOME": f"{folder}/{name}"}

        yield empty


@pytest.fixture
def chats(tenant, people):
    """The ids of the canary's chat and of that of a person who will be erased."""
    results = store(tenant, item("canary", CANARY), item("gone", GONE, subject="user-7"))
    run_classification(tenant.id)
    return [result.id for result in results]


def erase(tenant, people):
    officer, seconder = (
        as_principal(tenant, people[role], second_factor=True) for role in ("privacy_officer", "security_officer")
    )
    approval = approve(officer, seconder, ACT, subject_of(principal=officer, reference="user-7", now=now()))
    erase_subject(principal=officer, reference="user-7", approval_id=approval, now=now())


READ = """
import json
from tests.security.test_d_recovery import sources
print(json.dumps(sources({chats!r}, {member!r})))
"""


def sources(chats, username):
    """The source of the first message of each chat, or why it is withheld; it runs on the host that `opened_on` names."""
    from governance.identity.models import Tenant, User

    reader = as_principal(Tenant.objects.get(), User.objects.get(username=username), second_factor=True)
    opened = [
        read_conversation(
            principal=reader, conversation_id=UUID(one), purpose="support", view="source", reason="drill", now=now()
        ).messages[0]
        for one in chats
    ]
    return [one.document.readable()[0] if one.document else one.withheld for one in opened]


def opened_on(host, chats, member):
    """What a process on the restored host reads, on the record, as `sources` does."""
    script = READ.format(chats=[str(one) for one in chats], member=member.username)
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", script],
        cwd=ROOT,
        env=host,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_d08_the_drill_on_an_empty_host(tenant, people, chats, tmp_path, hosts):
    key, offline = tmp_path / "recovery.key", hosts("offline")
    public = make_recovery_key(key)
    live = environment(THREADVAULT_RECOVERY_PUBLIC_KEY=public.hex(), DJANGO_SETTINGS_MODULE="settings.test")
    back_up(tmp_path / "before.tvb", public=public)
    erase(tenant, people)
    made = manage(live, "backup", "create", tmp_path / "after.tvb")

    opens = ("--recovery-key", key)
    drilled = manage(
        offline, "backup", "drill", tmp_path / "after.tvb", *opens, "--folder", Path(offline["THREADVAULT_HOME"]).parent
    )
    print(f"restored in {drilled['restore_seconds']} s, verified in {drilled['verify_seconds']} s")
    assert 0 < drilled["restore_seconds"] < 120
    assert (drilled["restored"]["rows"], drilled["restored"]["envelopes"]) == (made["rows"], 1)
    assert drilled["chains"] == 2
    assert drilled["envelopes"] > 0
    left = [
        path.name for path in Path(offline["THREADVAULT_HOME"]).parent.iterdir() if path.name.startswith("threadvault-drill")
    ]
    assert left == [], "the drill leaves nothing"

    officer = people["privacy_officer"]
    host = hosts("new")
    began = time.monotonic()
    manage(host, "restore", tmp_path / "after.tvb", *opens, "--signed-by", made["signed_by"])
    print(f"an empty host had everything again after {time.monotonic() - began:.1f} s")
    assert opened_on(host, chats, officer) == [CANARY, "erased"], "the canary opens, and erased stays erased"

    older = hosts("older")
    manage(older, "restore", tmp_path / "before.tvb", *opens)
    assert opened_on(older, chats, officer) == [CANARY, GONE], "control: a backup of the time before brings the person back"


def test_d08_a_drill_that_fails_says_where_and_leaves_nothing(tmp_path, hosts):
    offline, key = hosts("offline"), tmp_path / "recovery.key"
    make_recovery_key(key)
    (tmp_path / "none.tvb").write_bytes(b"TVB1 and nothing else")
    folder = tmp_path / "place"
    folder.mkdir(mode=0o711)
    said = manage(
        offline, "backup", "drill", tmp_path / "none.tvb", "--recovery-key", key, "--folder", folder, code=1
    )  # fmt: skip
    assert "The drill failed at `restore`" in said
    assert "recovery.damaged" in said
    assert list(folder.iterdir()) == []
