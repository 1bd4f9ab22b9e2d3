"""`manage.py tokens create|list|revoke`: API tokens of members and service accounts."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError

from governance.access.credentials import check_limits
from governance.identity.models import ApiToken
from governance.identity.tokens import mint, revoke
from governance.management.base import VaultCommand, current_time, member_named, operator, tenant_named


class Command(VaultCommand):
    help = "Make, list or revoke API tokens. A new token is shown once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=["create", "list", "revoke"])
        parser.add_argument("--user", default="", help="for create: the account behind the token")
        parser.add_argument("--name", default="token")
        parser.add_argument("--days", type=int, default=90)
        parser.add_argument("--scope", action="append", default=[])
        parser.add_argument("--purpose", action="append", default=[])
        parser.add_argument("--prefix", default="", help="for revoke: the eight characters after tv_")

    def act(self, options: dict[str, Any]) -> None:
        getattr(self, f"_{options['what']}")(options)

    def _create(self, options: dict[str, Any]) -> None:
        tenant, life = tenant_named(options["tenant"]), timedelta(days=options["days"])
        limits = {"scopes": options["scope"], "purposes": options["purpose"], "life": life}
        check_limits(tenant=tenant.id, **limits)
        user = member_named(options["user"])
        minted = mint(tenant=tenant, user=user, name=options["name"], now=current_time(), **limits, actor=operator())
        self.show(options, {"token": minted.plain, "expires_at": minted.token.expires_at}, minted.plain)

    def _list(self, options: dict[str, Any]) -> None:
        tokens = ApiToken.objects.filter(tenant=tenant_named(options["tenant"])).select_related("user")
        rows = [
            {
                "prefix": token.prefix,
                "user": token.user.username,
                "expires_at": token.expires_at,
                "revoked": bool(token.revoked_at),
            }
            for token in tokens
        ]
        lines = [
            f"{r['prefix']}  {r['user']:<32}{r['expires_at']:%Y-%m-%d}{'  revoked' if r['revoked'] else ''}" for r in rows
        ]
        self.show(options, {"tokens": rows}, "\n".join(lines) or "no tokens")

    def _revoke(self, options: dict[str, Any]) -> None:
        tenant = tenant_named(options["tenant"])
        token = ApiToken.objects.filter(tenant=tenant, prefix=options["prefix"]).first()
        if token is None or not revoke(token=token, now=current_time(), actor=operator()):
            raise CommandError("There is no live token with that prefix.")
        self.show(options, {"revoked": token.prefix}, f"{token.prefix} is revoked")
