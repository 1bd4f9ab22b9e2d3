"""`manage.py collections list|allow|forbid`: for which purposes the chats of a collection may be opened at all."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from governance.identity.principals import Principal
from governance.management.base import VaultCommand, add_member_arguments, current_time, member_principal
from governance.vault.collections import Shown, change_collection, collections


class Command(VaultCommand):
    help = "List the collections with the purposes they allow, or allow or forbid one; a change takes a one-time code."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_member_arguments(parser)
        parser.add_argument("what", choices=["list", "allow", "forbid"])
        parser.add_argument("name", nargs="?", default="", help="the collection")
        parser.add_argument("purpose", nargs="?", default="", help="the purpose")

    def act(self, options: dict[str, Any]) -> None:
        principal = member_principal(options)
        found = collections(principal=principal, now=current_time())
        if options["what"] != "list":
            found = [self._changed(principal, found, options)]
        told = [{"name": one.name, "purposes": one.purposes, "lawful_basis": one.lawful_basis} for one in found]
        lines = [f"{one.name:<32}{', '.join(one.purposes)}" for one in found]
        self.show(options, {"collections": told}, "\n".join(lines) or "no collections")

    def _changed(self, principal: Principal, found: list[Shown], options: dict[str, Any]) -> Shown:
        named = {one.name: one for one in found}
        if (shown := named.get(options["name"])) is None:
            raise CommandError(f"Name a collection; there are: {', '.join(sorted(named)) or 'none'}.")
        if not options["purpose"]:
            raise CommandError("Name the purpose.")
        purposes = {*shown.purposes} - {options["purpose"]}
        if options["what"] == "allow":
            purposes.add(options["purpose"])
        return change_collection(
            principal=principal, collection_id=shown.id, purposes=purposes, expected=shown.tag, now=current_time()
        )
