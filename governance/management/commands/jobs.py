"""`manage.py jobs WHAT`: long work by command, on behalf of a member who may manage jobs."""

import time
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from django.core.management.base import CommandError

from governance.identity.principals import Principal
from governance.management.base import VaultCommand, add_member_arguments, current_time, member_principal
from governance.pipeline import managing
from governance.pipeline.managing import Shown
from governance.privacy.rescanning import ask_rescan

CHANGES: Final = {"pause": managing.pause, "resume": managing.resume, "cancel": managing.cancel}
WATCH_SECONDS: Final = 1.0
_OVER: Final = {"done", "cancelled", "quarantined"}


class Command(VaultCommand):
    help = "list [--open], show|pause|resume|cancel ID [--watch], rescan: scan all messages anew. --watch follows one job."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_member_arguments(parser)
        parser.add_argument("what", choices=["list", "show", "rescan", *CHANGES])
        parser.add_argument("id", nargs="?", type=UUID)
        parser.add_argument("--open", action="store_true", help="only what is neither done nor cancelled")
        parser.add_argument("--watch", action="store_true", help="print a line a second until the job is over")

    def act(self, options: dict[str, Any]) -> None:
        principal = member_principal(options)
        if options["what"] == "list":
            rows = managing.jobs_for(principal=principal, now=current_time(), open_only=options["open"])
            self.show(options, {"jobs": [asdict(row) for row in rows]}, "\n".join(map(line, rows)) or "no jobs")
            return
        shown = self._one(principal, options)
        if options["watch"]:
            shown = self._watch(principal, shown)
        self.show(options, asdict(shown), line(shown))

    def _one(self, principal: Principal, options: dict[str, Any]) -> Shown:
        now = current_time()
        if options["what"] == "rescan":
            return managing.job_of(principal=principal, job_id=ask_rescan(principal=principal, now=now), now=now)
        if options["id"] is None:
            raise CommandError("Name the job by its id; `jobs list` shows them.")
        change = CHANGES.get(options["what"], managing.job_of)
        return change(principal=principal, job_id=options["id"], now=now)

    def _watch(self, principal: Principal, shown: Shown) -> Shown:
        while shown.state not in _OVER:
            self.stderr.write(line(shown))
            time.sleep(WATCH_SECONDS)
            shown = managing.job_of(principal=principal, job_id=shown.id, now=current_time())
        return shown


def line(job: Shown) -> str:
    """Return a job as one line: id, topic, state, done of total, rate, time left, and why it waits."""
    of = f"{job.done:,}" if job.total is None else f"{job.done:,} of {job.total:,}"
    rate = "" if job.rate is None else f"  {job.rate:,.0f}/s"
    left = "" if not job.seconds_left else f"  {int(job.seconds_left) // 60} min {int(job.seconds_left) % 60} s left"
    return f"{job.id}  {job.topic:<10}{job.state:<12}{of}{rate}{left}" + (f"  ({job.reason})" if job.reason else "")
