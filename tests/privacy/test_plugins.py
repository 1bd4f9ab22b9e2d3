"""Detectors of a user's own: out of process, before locks, and never a reason to call something clean."""

import json
import os
import sys
import time
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from governance.identity.scoping import tenant_scope
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.running import run_classification
from governance.pipeline.turns import rests
from governance.pipeline.working import work_for_all
from governance.privacy import judging
from governance.privacy.plugins import asking
from governance.privacy.plugins.process import Detector, DetectorAway
from governance.privacy.rescanning import ask_rescan
from governance.vault.comparing import verify_content
from governance.vault.reading import read_conversation
from tests.conftest import as_principal, item, make_person, now, store
from tests.security.test_c_ciphertext import sql

EXAMPLES = Path("examples/detectors")
# A detector that misbehaves on single words, as models do on single texts.
HOSTILE = """
import os, sys, time
def detect(texts, lang):
    print("printed: " + texts[0]); sys.stderr.write("written: " + texts[0])
    whole = " ".join(texts)
    if "raise" in whole: raise ValueError(whole)
    if "crash" in whole: os._exit(3)
    if "hang" in whole: time.sleep(600)
    if "nonsense" in whole: return [[(0, 10_000_000, "PERSON")] for _ in texts]
    if "short" in whole: return []
    return [[(at, at + 4, "PERSON")] if (at := text.find("Anna")) >= 0 else [] for text in texts]
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Configure a detector for this test from its source; end its process after it."""
    made = []

    def configure(source, *, seconds="5"):
        path = tmp_path / f"own{len(made)}.py"
        path.write_text(source)
        monkeypatch.setenv("THREADVAULT_DETECTOR_MODULE", str(path))
        monkeypatch.setenv("THREADVAULT_DETECTOR_SECONDS", seconds)
        made.append(asking.configured())
        return made[-1]

    yield configure
    for one in made:
        one.close()


def shown(tenant, chat):
    analyst = as_principal(tenant, make_person(tenant, "analyst"))
    opened = read_conversation(principal=analyst, conversation_id=chat, purpose="support", now=now())
    return [one.document.item["content"] if one.document else one.withheld for one in opened.messages]


def states():
    return [state for (state,) in sql("SELECT state FROM governance_message ORDER BY ordinal")]


def until_done(tenant):
    for _ in range(20):
        run_classification(tenant.id, seconds=0.2)
        if 0 not in states():
            return


def test_what_only_the_plugin_knows_is_masked_in_every_form_of_a_message(tenant, plugin):
    plugin(HOSTILE)
    call = {"id": "t", "type": "function", "function": {"name": "f", "arguments": json.dumps({"who": "Anna Lee"})}}
    whole = item("c-1", "call Anna or +1 415 555 2671", "no one", title="for Anna")
    whole["messages"][1] |= {"role": "assistant", "content": None, "tool_calls": [call]}
    (stored,) = store(tenant, whole)
    run_classification(tenant.id)
    assert shown(tenant, stored.id)[0].startswith("call [PERSON·")
    assert "[PHONE·" in shown(tenant, stored.id)[0]
    found = sql("SELECT message_id IS NULL, type, tier, rule FROM governance_finding WHERE type = 'PERSON' ORDER BY 1")
    assert found == [(False, "PERSON", "contextual", "plugin:own0")] * 2 + [(True, "PERSON", "contextual", "plugin:own0")]
    with tenant_scope(tenant.id):
        assert verify_content(tenant=tenant.id).faults == []


def test_control_without_the_plugin_the_name_is_shown(tenant):
    (stored,) = store(tenant, item("c-1", "call Anna"))
    run_classification(tenant.id)
    assert shown(tenant, stored.id) == ["call Anna"]


def test_no_transaction_is_open_and_no_row_locked_while_a_model_works(tenant, plugin, monkeypatch):
    detector, looked = plugin(HOSTILE), []
    asked = Detector.ask

    def watched(self, texts, *, lang):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype <> 'virtualxid'"
                           " AND relation::regclass::text LIKE 'governance%'")  # fmt: skip
            looked.append((connection.in_atomic_block, cursor.fetchone()[0]))
        return asked(self, texts, lang=lang)

    monkeypatch.setattr(Detector, "ask", watched)
    store(tenant, item("c-1", "call Anna"))
    run_classification(tenant.id)
    assert detector is asking.configured()
    assert looked
    assert set(looked) == {(False, 0)}


@pytest.mark.parametrize("word", ["raise", "crash", "hang", "nonsense", "short"])
def test_a_text_that_breaks_it_is_set_aside_and_the_others_are_done(tenant, plugin, word, caplog, capfd):
    plugin(HOSTILE, seconds="0.5")
    (stored,) = store(tenant, item("c-1", "hello Anna", f"please {word} now", "bye Anna"))
    until_done(tenant)
    assert states() == [1, 3, 1]
    assert shown(tenant, stored.id)[1] == "set aside after three attempts"
    assert shown(tenant, stored.id)[2].startswith("bye [PERSON·")
    out = caplog.text + "".join(capfd.readouterr())
    assert "please" not in out
    assert "printed" not in out


def test_a_plugin_that_is_away_costs_no_attempt(tenant, plugin):
    plugin("raise RuntimeError('no model here')")
    store(tenant, item("c-1", "hello Anna"))
    run_classification(tenant.id, seconds=0.2)
    assert sql("SELECT state, attempt FROM governance_message") == [(0, 0)]
    plugin(HOSTILE)
    rests.end(tenant.id)
    run_classification(tenant.id)
    assert states() == [1]


def test_a_plugin_that_answers_nothing_is_away_and_no_text_is_blamed(plugin):
    detector = plugin("import time\ndef detect(texts, lang): time.sleep(60)", seconds="0.3")
    with pytest.raises(DetectorAway, match="nothing at all"):
        detector.ask(["hello"], lang="en")


def rescan(tenant):
    ask_rescan(principal=as_principal(tenant, make_person(tenant, "security_officer")), now=now())
    work_for_all(HANDLERS)


def test_a_new_scan_asks_it_too_and_what_it_cannot_read_is_withheld(tenant, plugin):
    (stored,) = store(tenant, item("c-1", "hello Anna", "please raise", "bye Anna"))
    run_classification(tenant.id)
    assert shown(tenant, stored.id) == ["hello Anna", "please raise", "bye Anna"]
    plugin(HOSTILE)
    rescan(tenant)
    first, second, third = shown(tenant, stored.id)
    assert first.startswith("hello [PERSON·")
    assert second == "could not be scanned"
    assert third.startswith("bye [PERSON·")
    assert sql("SELECT state, done, total FROM governance_job") == [("done", 4, 4)]


def test_a_correction_keeps_what_it_saw_and_people_may_reject_it(tenant, people, plugin):
    plugin(HOSTILE)
    (stored,) = store(tenant, item("c-1", "hello Anna, bye"))
    run_classification(tenant.id)
    officer = as_principal(tenant, people["privacy_officer"], second_factor=True)
    ((record,),) = sql("SELECT id FROM governance_message")
    (found,) = judging.findings_of(principal=officer, record=record, now=now())
    judging.mask(principal=officer, record=record, leaf=found.leaf, start=12, end=15, kind="PERSON", now=now())
    assert shown(tenant, stored.id)[0].count("[PERSON·") == 2


def test_it_gets_no_secret_no_network_and_no_file_of_the_worker(plugin, monkeypatch):
    monkeypatch.setenv("THREADVAULT_SECRET_KEY", "hush")
    source = """
import os, socket
def reachable():
    try:
        socket.create_connection(("127.0.0.1", PORT), 1).close()
        return True
    except OSError:
        return False
def detect(texts, lang):
    files = [os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{n}")]
    ours = [one for one in files if not one.startswith(("socket:", "/dev/null", "/proc/"))]
    facts = [reachable(), any("hush" in value or "DATABASE" in name for name, value in os.environ.items()), bool(ours)]
    return [[(0, 1, "PERSON")] * sum(2 ** n for n, fact in enumerate(facts) if fact) for _ in texts]
"""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        detector = plugin(source.replace("PORT", str(listening.getsockname()[1])))
        ((*found,),) = detector.ask(["a"], lang="en")
    said = len(found)
    assert not said & 2, "it sees a secret of the worker"
    assert not said & 4, "it holds a file of the worker"
    assert not said & 1, "it reaches the network"


def test_its_process_ends_with_it_and_starts_again(plugin):
    detector = plugin("import os\ndef detect(texts, lang): return [[(0, 1, str(os.getpid()))] for _ in texts]")
    first = detector.ask(["a"], lang="en")
    assert detector.ask(["b"], lang="en") == first, "one process for all"
    detector.close()
    pid = int(first[0][0][2])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert detector.ask(["a"], lang="en") != first


def test_a_worker_that_is_killed_takes_it_along(tmp_path):
    module = tmp_path / "own.py"
    module.write_text("import os\ndef detect(texts, lang): return [[(0, 1, str(os.getpid()))] for _ in texts]")
    program = (
        "import os, signal\nfrom governance.privacy.plugins.process import Detector\n"
        f"d = Detector(python={sys.executable!r}, module={str(module)!r}, seconds=5)\n"
        "print(d.ask(['a'], lang='en')[0][0][2], flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    import subprocess

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    pid, until = int(done.stdout), time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert not Path(f"/proc/{pid}").exists()


def test_languages_go_apart_and_only_text_goes(plugin):
    detector = plugin("def detect(texts, lang): return [[(0, len(t), lang.upper())] for t in texts]")
    seen = asking.look_at(detector, {asking._ONE: {"a": ["hello", "你好", "12 34", 5, True], "b": "x"}})
    kinds = {number: spans[0] for number, spans in seen[asking._ONE].items()}
    assert len(kinds) == 3
    assert {span.rule for span in kinds.values()} == {"plugin:own0"}
    assert {str(span.type) for span in kinds.values()} == {"CUSTOM"}, "names that the vault does not know"


def test_the_example_with_a_list_of_names_works_by_command(tmp_path, monkeypatch, capsys):
    module = tmp_path / "names.py"
    module.write_text((EXAMPLES / "names.py").read_text())
    (tmp_path / "names.txt").write_text("Anna Lee\n李雷\n")
    monkeypatch.setenv("THREADVAULT_DETECTOR_MODULE", str(module))
    text = tmp_path / "text.txt"
    text.write_text("Anna Lee and 李雷 met Ann.")
    try:
        call_command("detect", str(text), plugin=True)
        assert "[PERSON] and [PERSON] met Ann." in capsys.readouterr().out
        call_command("detect", str(text))
        assert "Anna Lee and 李雷 met Ann." in capsys.readouterr().out, "the control"
    finally:
        asking.configured().close()


PRESIDIO = Path(".threadvault/bench-presidio/bin/python")


@pytest.mark.skipif(not PRESIDIO.is_file(), reason="Presidio is in an environment of its own: make bench-detection makes it")
def test_the_example_with_presidio_finds_by_an_interpreter_of_its_own():
    detector = Detector(
        python=str(PRESIDIO.absolute()), module=str((EXAMPLES / "presidio_patterns.py").resolve()), seconds=30
    )
    try:
        ((*found,), nothing) = detector.ask(["card 4111 1111 1111 1111", "nothing here"], lang="en")
    finally:
        detector.close()
    assert (5, 24, "CARD") in found
    assert nothing == []
