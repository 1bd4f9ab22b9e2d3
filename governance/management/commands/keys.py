"""`manage.py keys WHAT`: key rings of a tenant; what changes something, on behalf of a member who manages keys."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from governance.custody.changing import ACTS, change_version
from governance.custody.reencrypting import ask_reencrypt
from governance.custody.rewrapping import ask_rewrap
from governance.custody.rotation import rotate_ring
from governance.identity.scoping import tenant_scope
from governance.keys.listing import Shown, describe, versions
from governance.management.base import VaultCommand, add_member_arguments, current_time, member_principal, tenant_named


class Command(VaultCommand):
    help = (
        "list, describe ID, rotate|rewrap|reencrypt --use USE, suspend|resume|deactivate|compromise ID --reason TEXT."
        " What changes something takes --member NAME --code CODE."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=["list", "describe", "rotate", "rewrap", "reencrypt", *ACTS])
        parser.add_argument("id", nargs="?", default="", help="of a version; `keys list` shows them")
        parser.add_argument("--use", default="content", choices=["content", "redacted", "index"])
        parser.add_argument("--reason", default="", help="why; it is kept with the version")
        add_member_arguments(parser)

    def act(self, options: dict[str, Any]) -> None:
        what = options["what"]
        if what == "rotate":
            number = rotate_ring(
                principal=member_principal(options), use=options["use"], reason=options["reason"], now=current_time()
            )
            self.show(options, {"use": options["use"], "version": number}, f"{options['use']}: version {number} is active")
        elif what == "rewrap":
            job = ask_rewrap(principal=member_principal(options), use=options["use"], now=current_time())
            self.show(options, {"job": str(job)}, f"job {job} rewraps {options['use']}; no message is touched")
        elif what == "reencrypt":
            job = ask_reencrypt(principal=member_principal(options), use=options["use"], now=current_time())
            told = f"job {job} seals {options['use']} under new data keys and destroys the old ones"
            self.show(options, {"job": str(job)}, told)
        elif what in ACTS:
            version = version_id(options)
            state = change_version(
                principal=member_principal(options), version_id=version, act=what, reason=options["reason"],
                now=current_time(),
            )  # fmt: skip
            self.show(options, {"id": version, "state": state}, f"{version} is {state}")
        elif what == "describe":
            self._describe(options)
        else:
            with tenant_scope(tenant_named(options["tenant"]).id):
                rows = versions()
            self.show(options, {"versions": [asdict(row) for row in rows]}, "\n".join(map(line, rows)))

    def _describe(self, options: dict[str, Any]) -> None:
        with tenant_scope(tenant_named(options["tenant"]).id):
            row, steps = describe(version_id(options))
        told = [
            f"  {one.at:%Y-%m-%d %H:%M:%S} UTC  {one.before or 'new'} -> {one.after}"
            f"  by {one.actor or 'nobody'}: {one.reason or '-'}"
            for one in steps
        ]
        result = {**asdict(row), "transitions": [asdict(one) for one in steps]}
        self.show(options, result, "\n".join([line(row), f"  wrapped by {row.provider}", *told]))


def version_id(options: dict[str, Any]) -> UUID:
    """Return the id that was given. Raises CommandError."""
    try:
        return UUID(options["id"])
    except ValueError:
        raise CommandError("Name the version by its id; `keys list` shows them.") from None


def line(row: Shown) -> str:
    """Return a version as one line."""
    return f"{row.id}  {row.use:<10} version {row.version}  {row.state:<12} {row.data_keys} data keys"
