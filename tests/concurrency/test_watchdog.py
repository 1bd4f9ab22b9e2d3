"""The watchdog ends what hangs, and nothing else, whatever stands in the place of standard error."""

import subprocess
import sys
import time

from governance.pipeline import watchdog

HANGS = (
    "from governance.pipeline.watchdog import at_most\nimport time\nwith at_most(0.3):\n    time.sleep({})\nprint('over')"
)


def run(seconds):
    return subprocess.run([sys.executable, "-c", HANGS.format(seconds)], capture_output=True, text=True, check=False)


def test_a_block_that_takes_too_long_ends_its_process():
    began = time.monotonic()
    done = run(30)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Timeout" in done.stderr
    assert time.monotonic() - began < 20


def test_control_a_block_that_is_over_in_time_leaves_no_timer():
    done = run(0.01)
    assert (done.returncode, done.stdout) == (0, "over\n")


def test_it_works_where_standard_error_is_no_file(capsys):
    for _ in range(3):
        with watchdog.at_most(60):
            assert watchdog._inside == 1
    assert watchdog._inside == 0
