"""`manage.py read ID --purpose P --member NAME [--source --code CODE --reason TEXT]`: opens a conversation."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from governance.identity.principals import principal_for
from governance.management.base import VaultCommand, current_time, member_named, operator, tenant_named
from governance.vault.reading import read_conversation
from governance.vault.records import OpenedConversation
from governance.web.second_factor import check_code


class Command(VaultCommand):
    help = "Open a conversation on behalf of a member: redacted, or the source with the member's one-time code."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("id", type=UUID)
        parser.add_argument("--purpose", required=True)
        parser.add_argument("--member", required=True, help="the account on whose behalf it is opened")
        parser.add_argument("--source", action="store_true")
        parser.add_argument("--code", default="", help="the member's one-time code, for --source")
        parser.add_argument("--reason", default="")

    def act(self, options: dict[str, Any]) -> None:
        member = member_named(options["member"])
        shown = None
        if options["source"]:
            check_code(user=member, code=options["code"])
            shown = current_time()
        principal = principal_for(
            user=member,
            tenant=tenant_named(options["tenant"]),
            second_factor_at=shown,
            operator=operator()["operator"],
        )
        opened = read_conversation(
            principal=principal,
            conversation_id=options["id"],
            purpose=options["purpose"],
            view="source" if options["source"] else "redacted",
            reason=options["reason"],
            now=current_time(),
        )
        self._print(options, opened)

    def _print(self, options: dict[str, Any], opened: OpenedConversation) -> None:
        messages: list[dict[str, Any]] = [
            {
                "ordinal": message.ordinal,
                "role": message.role,
                "withheld": message.withheld,
                "text": message.document.readable() if message.document else None,
                "item": message.document.item if message.document else None,
            }
            for message in opened.messages
        ]
        lines = [f"{m['role']}: {_indented(m['withheld'] or ' '.join(m['text'] or []) or '(no text)')}" for m in messages]
        result = {"id": opened.id, "view": opened.view, "collection": opened.collection, "messages": messages}
        self.show(options, result, "\n".join(lines))


def _indented(text: str) -> str:
    """Return text whose further lines stand back, so that none of them looks like another message."""
    return text.replace("\n", "\n    ")
