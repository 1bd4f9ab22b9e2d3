"""Workers as a prefork pool keeps them: one process that forks another where one died. Rows J01 and J08 kill them.

Run as `python -m tests.concurrency.nursery COUNT [MODULE]`; prints the id of each worker that it starts. The module is
loaded before the forks, as by a worker's `-I`.
"""

import importlib
import os
import sys
import time

import django


def work():
    from django.db import DatabaseError, connections

    from governance.pipeline.running import classify_for_all

    while True:
        try:
            classify_for_all(seconds=5.0)
        except DatabaseError:  # The server is away: the next ring finds it again.
            connections.close_all()
        time.sleep(0.1)


def begin():
    child = os.fork()
    if child == 0:
        work()
    print(child, flush=True)


def main(count, module="governance.pipeline.running"):
    django.setup()
    importlib.import_module(module)
    for _ in range(count):
        begin()
    while True:
        os.wait()
        begin()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
