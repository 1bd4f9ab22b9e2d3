"""`manage.py accounts list|disable|enable|link`: the accounts of this installation, whatever tenant they work in."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from governance.audit.recording import record_now
from governance.identity.members import set_active
from governance.identity.models import Tenant, User
from governance.management.base import VaultCommand, member_named, operator
from governance.web.invitations import one_time_link


class Command(VaultCommand):
    help = "List accounts, disable or enable one everywhere, or make a one-time link to choose a new password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=["list", "disable", "enable", "link"])
        parser.add_argument("--user", default="")
        parser.add_argument("--base-url", default="", help="for link: where people reach the console")

    def act(self, options: dict[str, Any]) -> None:
        getattr(self, f"_{options['what']}")(options)

    def _list(self, options: dict[str, Any]) -> None:
        rows = [
            {"user": user.username, "kind": user.kind, "active": user.is_active, "last_login": user.last_login}
            for user in User.objects.all()
        ]
        lines = [f"{row['user']:<32}{row['kind']:<10}{'active' if row['active'] else 'disabled'}" for row in rows]
        self.show(options, {"accounts": rows}, "\n".join(lines) or "no accounts")

    def _disable(self, options: dict[str, Any]) -> None:
        self._set(options, active=False)

    def _enable(self, options: dict[str, Any]) -> None:
        self._set(options, active=True)

    def _set(self, options: dict[str, Any], *, active: bool) -> None:
        user, word = member_named(options["user"]), "enabled" if active else "disabled"
        if not set_active(user=user, active=active, actor=operator()):
            raise CommandError(f"{user.username} is {word} already.")
        self.show(options, {"user": user.username, "active": active}, f"{user.username} is {word}.")

    def _link(self, options: dict[str, Any]) -> None:
        user = member_named(options["user"])
        if user.kind == User.Kind.SERVICE:
            raise CommandError("A service account has no password; make it a token: manage.py tokens create.")
        for tenant in Tenant.objects.filter(memberships__user=user, memberships__ended_at=None).distinct():
            record_now(tenant=tenant.id, event="account.link", **operator(), member=str(user.id))
        link = options["base_url"].rstrip("/") + one_time_link(user)
        self.show(options, {"user": user.username, "link": link}, f"One-time link: {link}")
