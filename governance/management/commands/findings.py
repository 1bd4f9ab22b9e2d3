"""`manage.py findings WHAT`: what people say of findings, on behalf of a privacy officer."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from governance.identity.principals import Principal
from governance.management.base import VaultCommand, add_member_arguments, current_time, member_principal
from governance.privacy import judging
from governance.privacy.judging import Shown


class Command(VaultCommand):
    help = (
        "list RECORD, mask RECORD --leaf N --start N --end N --type T, confirm ID, ask-unmask ID --reason TEXT, "
        "unmask APPROVAL, precision. A record is a message, or a conversation for its title and metadata."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_member_arguments(parser)
        parser.add_argument("what", choices=["list", "mask", "confirm", "ask-unmask", "unmask", "precision"])
        parser.add_argument("id", nargs="?", help="of the record, the finding or the approval")
        for name in ("leaf", "start", "end"):
            parser.add_argument(f"--{name}", type=int, default=-1)
        parser.add_argument("--type", default="", dest="kind", help="the type of what is masked, for instance PERSON")
        parser.add_argument("--reason", default="", help="why it should be shown again; the second person reads it")

    def act(self, options: dict[str, Any]) -> None:
        principal = member_principal(options)
        if options["what"] == "precision":
            rows = judging.precision(principal=principal, now=current_time())
            told = [{**asdict(row), "precision": row.precision} for row in rows]
            text = "\n".join(f"{row.rule:<28}{row.precision:.2f}  {row.confirmed}+{row.rejected}" for row in rows)
            self.show(options, {"rules": told}, text or "nobody has said anything of a rule yet")
        elif options["what"] == "list":
            found = judging.findings_of(principal=principal, record=uuid_of(options), now=current_time())
            self.show(options, {"findings": [asdict(row) for row in found]}, "\n".join(map(line, found)) or "no findings")
        elif options["what"] == "ask-unmask":
            approval = judging.ask_unmask(
                principal=principal, finding_id=number_of(options), reason=options["reason"], now=current_time()
            )
            self.show(options, {"approval": str(approval)}, f"approval {approval} waits for a second person")
        else:
            shown = self._change(principal, options)
            self.show(options, asdict(shown), line(shown))

    def _change(self, principal: Principal, options: dict[str, Any]) -> Shown:
        if options["what"] == "confirm":
            return judging.confirm(principal=principal, finding_id=number_of(options), now=current_time())
        if options["what"] == "unmask":
            return judging.unmask(principal=principal, approval_id=uuid_of(options), now=current_time())
        return judging.mask(
            principal=principal, record=uuid_of(options), leaf=options["leaf"], start=options["start"], end=options["end"],
            kind=options["kind"], now=current_time(),
        )  # fmt: skip


def uuid_of(options: dict[str, Any]) -> UUID:
    """Return the id that was given. Raises CommandError."""
    try:
        return UUID(options["id"] or "")
    except ValueError:
        raise CommandError(f"{options['what']} takes the id of a record or an approval, a UUID.") from None


def number_of(options: dict[str, Any]) -> int:
    """Return the number of the finding that was given. Raises CommandError."""
    if not (options["id"] or "").isdigit():
        raise CommandError(f"{options['what']} takes the number of a finding; `findings list RECORD` shows them.")
    return int(options["id"])


def line(finding: Shown) -> str:
    """Return a finding as one line."""
    number = finding.leaf
    place = f"leaf {number}, {finding.start} to {finding.end}"
    return f"{finding.id:>8}  {finding.type:<13}{place:<26}{finding.rule:<24}{finding.said_by}, {finding.state}"
