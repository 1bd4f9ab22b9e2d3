"""ATTACKS.md, row L19, and two rules that ruff holds: no thread-local, and one way to make a task."""

import ast
import subprocess
import sys

import pytest

from tests.architecture.reading_source import ROOT, TREES
from tests.security.plaintext_rule import findings

# What the rule points at and people have looked at.
LOOKED_AT: dict[str, set[str]] = {
    "governance/ingest/formats/assembly.py": {"item", "source"},  # A hash of the item, and the name of a source format.
    "governance/ingest/formats/errors.py": {"item"},  # A position.
    "governance/console/inert.py": {"content"},  # A page's own HTML: where texts are shown, escaped.
    "governance/identity/tokens.py": {"secret"},  # The new token, for the answer that shows it once.
}


def test_l19_no_source_writes_a_text_where_it_does_not_belong():
    found = {
        f"{path}:{line} {place} {', '.join(names)}"
        for path, tree in TREES.items()
        for line, place, names in findings(tree)
        if not set(names) <= LOOKED_AT.get(path, set())
    }
    assert found == set()


PLANTED = [
    "print(document)",
    "logger.info('stored %s', item)",
    "logger.error(f'bad {row.document}')",
    "raise ValueError(message.document)",
    "raise Refused('x', f'cannot read {plaintext}')",
    "text = f'{conversation.source!r}'",
    "logger.warning('no %s', str(content))",
]


@pytest.mark.parametrize("line", PLANTED)
def test_l19_control_what_is_planted_is_found(line):
    assert findings(ast.parse(line))


@pytest.mark.parametrize(
    "line", ["logger.info('%s items', len(items))", "raise Refused(f'{len(document)} bytes')", "x = item"]
)
def test_l19_control_counting_is_no_finding(line):
    assert not findings(ast.parse(line))


BANNED = {
    "import threading\n\n_here = threading.local()\n": "TID251",
    "from threading import local\n\n_here = local()\n": "TID251",
    "from celery import shared_task\n\n\n@shared_task\ndef work() -> None:\n    pass\n": "TID251",
}


@pytest.mark.parametrize("source", BANNED)
def test_ruff_refuses_thread_locals_and_tasks_made_past_the_one_way(source):
    checked = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--stdin-filename", "governance/pipeline/planted.py", "-"],
        input=source, capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert BANNED[source] in checked.stdout


def test_every_task_is_made_by_the_one_way():
    from settings.celery import app

    app.loader.import_default_modules()
    ours = [task for name, task in app.tasks.items() if name.startswith("threadvault.")]
    assert ours
    assert all(task.run.__wrapped__.__module__ == "governance.pipeline.tasks" for task in ours)
    assert all(task.run.__code__.co_filename.endswith("pipeline/fresh.py") for task in ours)
