"""ATTACKS.md, row T17: seven ways to write the binding wrong, each killed by an attack that the right one withstands.

The mutants are patches of governance/access/granting.py. One that no longer applies fails here: mend it with the module.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import make_person
from tests.processes import environment

ROOT = Path(__file__).resolve().parents[2]
MUTANTS = sorted((Path(__file__).parent / "mutants").glob("*.patch"))
# mutant -> the attack that was written for it; others may kill it as well.
KILLED_BY = {
    "global": "seen_by_others",
    "thread_local": "seen_by_another_task",
    "no_close_flag": "after_its_block",
    "no_reset_no_close": "next_job",
    "ident": "recycled_id",
    "no_pid": "forked_child",
    "no_thread_check": "another_thread",
}


@pytest.fixture
def probe(tenant, stored, tmp_path):
    """Run the attacks in a process of its own, on a copy of the tree with this patch; return those that succeeded."""
    username = make_person(tenant, "analyst").username

    def run(patch=None):
        copy = tmp_path / "tree"
        for part in ("governance", "settings", "templates", "tests"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", "e2e"))
        if patch is not None:
            subprocess.run(["git", "apply", "--whitespace=nowarn", str(patch)], cwd=copy, check=True)
        command = [sys.executable, "-P", "-m", "tests.security.probes", str(tenant.id), username, str(stored[0])]
        done = subprocess.run(
            command,
            check=False,
            cwd=copy,
            env=environment(PYTHONPATH=str(copy)),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        print(done.stderr)
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_t17_there_are_seven_mutants():
    assert {patch.stem for patch in MUTANTS} == set(KILLED_BY)


@pytest.mark.parametrize("patch", MUTANTS, ids=lambda patch: patch.stem)
def test_t17_the_mutant_is_killed(patch, probe):
    assert KILLED_BY[patch.stem] in probe(patch)


def test_t17_control_the_module_itself_withstands_every_attack(probe):
    assert probe() == []
