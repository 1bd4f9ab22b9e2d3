"""`manage.py accounts list|disable|enable|link|break-glass`: accounts of this installation, in whatever tenant."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from governance.audit.recording import record_now
from governance.conf.settings import vault_settings
from governance.identity.members import set_active
from governance.identity.models import Tenant, User
from governance.management.base import VaultCommand, member_named, operator
from governance.web.federation.emergency import open_link
from governance.web.invitations import whole_link


class Command(VaultCommand):
    help = "List accounts, disable or enable one everywhere, or make a link: for a password, or around the provider."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=["list", "disable", "enable", "link", "break-glass"])
        parser.add_argument("--user", default="")
        parser.add_argument("--base-url", default="", help="for link and break-glass: where people reach the console")

    def act(self, options: dict[str, Any]) -> None:
        getattr(self, f"_{options['what'].replace('-', '_')}")(options)

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
        if vault_settings().sso_only:
            raise CommandError("People sign in by the provider alone; without it: manage.py accounts break-glass.")
        for tenant in Tenant.objects.filter(memberships__user=user, memberships__ended_at=None).distinct():
            record_now(tenant=tenant.id, event="account.link", **operator(), member=str(user.id))
        link = whole_link(user, options["base_url"])
        self.show(options, {"user": user.username, "link": link}, f"One-time link: {link}")

    def _break_glass(self, options: dict[str, Any]) -> None:
        user = member_named(options["user"])
        link = options["base_url"].rstrip("/") + open_link(user=user, actor=operator())
        told = f"Good once, within ten minutes, for an hour's session of {user.username}: {link}"
        self.show(options, {"user": user.username, "link": link}, told)
