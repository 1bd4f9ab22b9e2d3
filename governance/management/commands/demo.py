"""`manage.py demo seed|users|code NAME`: the demo tenant of an embedded installation."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from governance.conf.settings import vault_settings
from governance.management import demonstration
from governance.management.base import VaultCommand


class Command(VaultCommand):
    help = "Make the demo tenant, show its people, or print a one-time code."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=["seed", "users", "code"])
        parser.add_argument("name", nargs="?", default="")

    def act(self, options: dict[str, Any]) -> None:
        if not (vault_settings().embedded or vault_settings().demo):
            raise CommandError("Demo people are for the embedded installation; set THREADVAULT_DEMO=1 to have them here.")
        if options["what"] == "seed":
            count = demonstration.seed()
            self.show(options, {"conversations": count}, f"{count} conversations")
        elif options["what"] == "users":
            self._users(options)
        else:
            self._code(options)

    def _code(self, options: dict[str, Any]) -> None:
        name = options["name"]
        if name not in demonstration.PEOPLE:
            raise CommandError(f"Name a demo person: {', '.join(demonstration.PEOPLE)}.")
        code = demonstration.code_of(name)
        self.show(options, {"name": name, "code": code}, code)

    def _users(self, options: dict[str, Any]) -> None:
        people = demonstration.shown()
        port = os.environ.get("PORT", "8000")
        lines = ["", f"{'Sign in as':<18}{'password':<20}TOTP secret (or: manage.py demo code NAME)"]
        lines += [f"{name:<18}{person['password']:<20}{person['totp']}" for name, person in people.items()]
        body = '{"items":[{"collection":"support-bot","messages":[{"role":"user","content":"Call me at +1 415 555 2671"}]}]}'
        token = demonstration.known().get("token", "")
        lines += [
            "",
            "Send a chat:",
            f"  curl -sS http://127.0.0.1:{port}/api/v1/conversations:batch -H 'Authorization: Bearer {token}' \\",
            f"    -H 'Content-Type: application/json' -d '{body}'",
            "",
        ]
        self.show(options, {"people": people, "token": token}, "\n".join(lines))
