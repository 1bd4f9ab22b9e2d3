"""What all commands share: `--json`, the operator's name, and errors as one line with exit code 1."""

import getpass
import json
from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from governance.identity.models import Tenant, User
from governance.identity.principals import Principal, principal_for
from governance.web.second_factor import check_code


def operator() -> dict[str, str]:
    """Return what the audit trail keeps of who runs a command."""
    return {"actor_kind": "operator", "operator": getpass.getuser()}


def current_time() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def tenant_named(slug: str | None) -> Tenant:
    """Return the tenant `slug`, or the only one. Raises CommandError with the choices."""
    tenants = list(Tenant.objects.all())
    if slug:
        for tenant in tenants:
            if tenant.slug == slug:
                return tenant
    elif len(tenants) == 1:
        return tenants[0]
    known = ", ".join(tenant.slug for tenant in tenants) or "none; make one: manage.py setup"
    raise CommandError(f"Name a tenant with --tenant; there are: {known}.")


def member_named(username: str) -> User:
    """Return the user `username`. Raises CommandError."""
    user = User.objects.filter(username=username).first()
    if user is None:
        raise CommandError(f"There is no account {username!r}.")
    return user


def add_member_arguments(parser: ArgumentParser) -> None:
    """Add what a command takes that acts on behalf of a member."""
    parser.add_argument("--member", default="", help="the account on whose behalf it is done")
    parser.add_argument("--code", default="", help="the member's one-time code, for what needs a fresh second factor")


def member_principal(options: Mapping[str, Any]) -> Principal:
    """Return the principal that the command acts for; a code that was given is checked and counts as fresh.

    Raises CommandError without a member, SecondFactorRefused, NotAMember.
    """
    if not options["member"]:
        raise CommandError("Name the member on whose behalf it is done: --member NAME.")
    member, shown = member_named(options["member"]), None
    if options["code"]:
        check_code(user=member, code=options["code"])
        shown = current_time()
    tenant = tenant_named(options["tenant"])
    return principal_for(user=member, tenant=tenant, second_factor_at=shown, operator=operator()["operator"])


def inert(text: str, *, kept: str = "\n") -> str:
    """Return text in which nothing moves a cursor or hides: what is not printable is escaped as in JSON."""
    return "".join(each if each.isprintable() or each in kept else json.dumps(each)[1:-1] for each in text)


UNDEFINED_TABLE = "42P01"  # PostgreSQL, appendix A.


class VaultCommand(BaseCommand):
    """A command of one domain call. A domain error becomes one line with its code; a traceback never shows text."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add what all commands take."""
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")
        parser.add_argument("--tenant", help="slug of the tenant; may be left out where there is one")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run `act` and show domain errors as one line."""
        try:
            self.act(options)
        except CommandError:
            raise
        except DatabaseError as error:
            if getattr(error.__cause__, "sqlstate", "") == UNDEFINED_TABLE:
                raise CommandError("There are no tables yet: make run, or migrate --database owner.") from None
            raise CommandError(f"The database refused ({type(error).__name__}); nothing was changed.") from None
        except Exception as error:
            code = getattr(error, "code", None)
            if not type(error).__module__.startswith("governance.") or not isinstance(code, str):
                raise
            raise CommandError(f"{error} [{code}]") from None

    def act(self, options: dict[str, Any]) -> None:
        """Do what the command is for."""
        raise NotImplementedError

    def show(self, options: Mapping[str, Any], result: Mapping[str, Any], text: str) -> None:
        """Print `result` as JSON where asked, else `text`; neither holds anything that a terminal would obey."""
        shown = inert(json.dumps(result, ensure_ascii=False, default=str), kept="") if options["as_json"] else inert(text)
        self.stdout.write(shown)
