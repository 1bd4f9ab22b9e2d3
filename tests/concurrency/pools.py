"""A pool of forked workers as tests end them: one by one, or all at once with the process that keeps them."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from tests.processes import wait_for

ROOT = Path(__file__).resolve().parents[2]


class Pool:
    """The nursery, and the ids of the workers that it said it started."""

    def __init__(self, environment, workers, *module):
        command = [sys.executable, "-m", "tests.concurrency.nursery", str(workers), *module]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            start_new_session=True,
        )  # fmt: skip
        self.alive, self.kills = [], 0
        self.reader = threading.Thread(target=lambda: self.alive.extend(map(int, self.process.stdout)), daemon=True)
        self.reader.start()
        wait_for(lambda: len(self.alive) >= workers)

    def kill_one(self, chance):
        victim = self.alive.pop(chance.randrange(len(self.alive)))
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
            self.kills += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
