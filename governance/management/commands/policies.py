"""`manage.py policies WHAT`: the life of access policies, and what they mean for single conversations."""

from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from governance.access import policies
from governance.access.explaining import Reader
from governance.access.models import AccessPolicy
from governance.identity.principals import Principal
from governance.management.base import VaultCommand, add_member_arguments, current_time, member_principal
from governance.vault.explaining import MOST_REQUESTS, explain_refusal, try_draft, who_can_read, why_not_me

WHAT = ("list", "show", "draft", "diff", "dry-run", "ask", "apply", "readers", "why", "refusal")


class Command(VaultCommand):
    help = (
        "list, show ID, draft --name N --file F.cedar --reason R, diff ID, dry-run ID, ask ID --reason R (to activate a"
        " draft or retire an active one), apply ID --approval A, readers CONVERSATION, why CONVERSATION, refusal NUMBER."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_member_arguments(parser)
        parser.add_argument("what", choices=WHAT)
        parser.add_argument("id", nargs="?", default="", help="a policy, a conversation, or the number of an audit entry")
        parser.add_argument("--name", default="")
        parser.add_argument("--file", type=Path, help="a file with one policy in Cedar")
        parser.add_argument("--reason", default="")
        parser.add_argument("--approval", type=UUID)
        parser.add_argument("--last", type=int, default=1_000, help="recorded requests of a dry run")
        parser.add_argument("--purpose", default="support")
        parser.add_argument("--action", default="read_redacted")

    def act(self, options: dict[str, Any]) -> None:
        run: Callable[[Principal, dict[str, Any]], tuple[dict[str, Any], str]]
        run = getattr(self, f"_{options['what'].replace('-', '_')}")
        result, text = run(member_principal(options), options)
        self.show(options, result, text)

    def _list(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        rows = policies.policies_of(principal=principal, name=options["name"], now=current_time())
        lines = [f"{row.id}  {row.state:<8}{row.name} v{row.version}" for row in rows]
        return {"policies": [_facts(row) for row in rows]}, "\n".join(lines) or "no policies"

    def _show(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        row = policies.policy(principal=principal, policy_id=_uuid(options), now=current_time())
        return {**_facts(row), "cedar": row.cedar}, f"{row} ({row.state}): {row.reason}\n{row.cedar}"

    def _draft(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        if options["file"] is None:
            raise CommandError("Name the file that holds the policy: --file POLICY.cedar.")
        row = policies.draft(
            principal=principal, name=options["name"], cedar=options["file"].read_text("utf-8"),
            reason=options["reason"], now=current_time(),
        )  # fmt: skip
        return _facts(row), f"{row} is drafted: {row.id}"

    def _diff(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        found = policies.diff(principal=principal, policy_id=_uuid(options), now=current_time())
        return {"diff": found}, found or "no difference"

    def _dry_run(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        if not 1 <= options["last"] <= MOST_REQUESTS:
            raise CommandError(f"--last is a number from 1 to {MOST_REQUESTS}.")
        found = try_draft(principal=principal, policy_id=_uuid(options), last=options["last"], now=current_time())
        lines = [f"{len(found.changes)} of {found.requests} recorded requests would be decided otherwise"]
        lines += [
            f"  #{one.sequence} {one.kind}: {one.action} for {one.purpose}, {one.before} -> {one.after}"
            for one in found.changes
        ]
        return asdict(found), "\n".join(lines)

    def _ask(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        row = policies.policy(principal=principal, policy_id=_uuid(options), now=current_time())
        ask = policies.ask_retirement if row.state == AccessPolicy.State.ACTIVE else policies.ask_activation
        approval = ask(principal=principal, policy_id=row.id, reason=options["reason"], now=current_time())
        return {
            "approval": approval
        }, f"approval {approval} waits for a second person: manage.py approvals second {approval}"

    def _apply(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        if options["approval"] is None:
            raise CommandError("Name the approval that a second person gave: --approval ID.")
        row = policies.policy(principal=principal, policy_id=_uuid(options), now=current_time())
        act = policies.retire if row.state == AccessPolicy.State.ACTIVE else policies.activate
        changed = act(principal=principal, policy_id=row.id, approval_id=options["approval"], now=current_time())
        return _facts(changed), f"{changed} is {changed.state}"

    def _readers(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        found = who_can_read(principal=principal, conversation_id=_uuid(options), now=current_time())
        lines = [_reader(one) for one in found]
        return {"readers": [asdict(one) for one in found]}, "\n".join(lines) or "nobody"

    def _why(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        found = why_not_me(
            principal=principal, conversation_id=_uuid(options), action=options["action"], purpose=options["purpose"],
            now=current_time(),
        )  # fmt: skip
        return asdict(found), _explained(asdict(found))

    def _refusal(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        if not options["id"].isdigit():
            raise CommandError("Name the number of the audit entry.")
        found = explain_refusal(principal=principal, sequence=int(options["id"]), now=current_time())
        return asdict(found), _explained(asdict(found))


def _uuid(options: dict[str, Any]) -> UUID:
    try:
        return UUID(options["id"])
    except ValueError:
        raise CommandError("Name it by its id, a UUID.") from None


def _facts(row: AccessPolicy) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "version": row.version, "state": row.state, "reason": row.reason}


def _reader(one: Reader) -> str:
    factor = "with a fresh second factor, " if one.second_factor else ""
    until = f", until {one.until:%Y-%m-%d %H:%M} UTC" if one.until else ""
    return f"{one.username:<32}{one.view:<10}for {one.purpose:<20}{factor}by {', '.join(one.policies)}{until}"


def _explained(found: dict[str, Any]) -> str:
    outcome = "allowed" if found["allowed"] else "refused"
    lines = [f"{outcome}: {found['because']} {', '.join(found['policies'])}".rstrip()]
    lines += [f"  would help: {one['kind'].replace('_', ' ')} {one['value']}" for one in found["remedies"]]
    return "\n".join(lines)
