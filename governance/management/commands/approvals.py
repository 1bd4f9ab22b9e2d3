"""`manage.py approvals WHAT`: four eyes and break-glass by command, on behalf of members with their one-time codes."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from governance.access import breaking_glass, seconding
from governance.access.seconding import Shown
from governance.identity.principals import Principal
from governance.management.base import VaultCommand, add_member_arguments, current_time, member_principal
from governance.vault.resources import resources_for

WHAT = ("list", "show", "ask", "second", "refuse", "withdraw", "break-glass", "open", "end", "review", "glasses")


class Command(VaultCommand):
    help = (
        "list [--waiting], show|second|refuse|withdraw ID, ask --act A --subject UUID --reason R;"
        " break-glass CONVERSATION... --ticket T --minutes M --reason R, open ID, end ID, review ID --justified yes|no"
        " --reason NOTE, glasses [--waiting]."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_member_arguments(parser)
        parser.add_argument("what", choices=WHAT)
        parser.add_argument("ids", nargs="*", type=UUID)
        parser.add_argument("--act", default="", help="for ask: erase or release_hold")
        parser.add_argument("--subject", type=UUID)
        parser.add_argument("--reason", default="")
        parser.add_argument("--ticket", default="")
        parser.add_argument("--minutes", type=int, default=30)
        parser.add_argument("--justified", choices=["yes", "no"])
        parser.add_argument("--waiting", action="store_true", help="only what waits: for a second person, or for a review")

    def act(self, options: dict[str, Any]) -> None:
        result, text = getattr(self, f"_{options['what'].replace('-', '_')}")(member_principal(options), options)
        self.show(options, result, text)

    def _list(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        rows = seconding.approvals_for(principal=principal, waiting=options["waiting"], now=current_time())
        return {"approvals": [asdict(row) for row in rows]}, "\n".join(map(_line, rows)) or "no approvals"

    def _show(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        row = seconding.approval(principal=principal, approval_id=_one(options), now=current_time())
        details = "\n".join(f"  {name}: {value}" for name, value in row.details.items())
        return asdict(row), f"{_line(row)}\n{row.meaning}\nreason: {row.reason}\n{details}"

    def _ask(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        if options["act"] not in {"erase", "release_hold"} or options["subject"] is None:
            raise CommandError("Name what is asked: --act erase|release_hold --subject UUID --reason TEXT.")
        approval = seconding.ask(
            principal=principal, act=options["act"], subject=options["subject"], reason=options["reason"], now=current_time()
        )
        return {"approval": approval}, f"approval {approval} waits for a second person"

    def _second(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        seconding.second(principal=principal, approval_id=_one(options), agree=True, now=current_time())
        return {"approval": _one(options), "state": "seconded"}, f"{_one(options)} is agreed"

    def _refuse(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        seconding.second(principal=principal, approval_id=_one(options), agree=False, now=current_time())
        return {"approval": _one(options), "state": "refused"}, f"{_one(options)} is refused"

    def _withdraw(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        seconding.withdraw(principal=principal, approval_id=_one(options), now=current_time())
        return {"approval": _one(options), "state": "withdrawn"}, f"{_one(options)} is withdrawn"

    def _break_glass(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        approval = breaking_glass.ask(
            principal=principal,
            resources=resources_for(principal=principal, ids=options["ids"]),
            ticket=options["ticket"],
            minutes=options["minutes"],
            reason=options["reason"],
            now=current_time(),
        )
        return {"approval": approval}, f"approval {approval} waits for a second person"

    def _open(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        glass = breaking_glass.open_glass(principal=principal, approval_id=_one(options), now=current_time())
        return asdict(glass), f"break-glass {glass.id} is open until {glass.ends_at:%H:%M} UTC; purpose: break_glass"

    def _end(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        breaking_glass.end_glass(principal=principal, glass_id=_one(options), now=current_time())
        return {"break_glass": _one(options), "ended": True}, f"break-glass {_one(options)} has ended"

    def _review(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        if options["justified"] is None:
            raise CommandError("Say what you found: --justified yes|no --reason NOTE.")
        justified = options["justified"] == "yes"
        breaking_glass.review_glass(
            principal=principal, glass_id=_one(options), justified=justified, note=options["reason"], now=current_time()
        )
        return {"break_glass": _one(options), "justified": justified}, f"break-glass {_one(options)} is reviewed"

    def _glasses(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        rows = breaking_glass.glasses(principal=principal, to_review=options["waiting"], now=current_time())
        lines = [f"{row.id}  {row.user:<24}{row.ticket:<16}until {row.ends_at:%Y-%m-%d %H:%M} UTC" for row in rows]
        return {"break_glass": [asdict(row) for row in rows]}, "\n".join(lines) or "no break-glass"


def _one(options: dict[str, Any]) -> UUID:
    if len(options["ids"]) != 1:
        raise CommandError("Name exactly one id.")
    found: UUID = options["ids"][0]
    return found


def _line(row: Shown) -> str:
    by = f", by {row.seconder}" if row.seconder else ""
    return f"{row.id}  {row.state:<10}{row.act:<22}asked by {row.asker}{by}, until {row.expires_at:%Y-%m-%d %H:%M} UTC"
