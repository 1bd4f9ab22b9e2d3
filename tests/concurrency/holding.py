"""A worker that works until nothing waits and prints for how many milliseconds each batch held its rows' locks."""

import sys
import time

import django


def main():
    django.setup()
    from django.db import transaction

    from governance.jobs import bell
    from governance.pipeline.running import classify_for_all
    from governance.privacy import classifying

    bell.bind(None)
    held, lock = [], classifying.lock_pending

    def noted(kind, rows):
        began = time.perf_counter()
        found = lock(kind, rows)
        transaction.on_commit(lambda: held.append(((time.perf_counter() - began) * 1e3, len(found))))
        return found

    classifying.lock_pending = noted
    print("ready", flush=True)
    sys.stdin.readline()
    classify_for_all(seconds=120.0)
    print(*(f"{milliseconds:.3f}:{rows}" for milliseconds, rows in held), flush=True)


if __name__ == "__main__":
    main()
