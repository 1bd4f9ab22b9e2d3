"""`manage.py members list|add|remove`: who holds which role in a tenant."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from governance.identity.members import add_member, create_person, create_service, end_membership
from governance.identity.models import Membership, User
from governance.identity.roles import Role
from governance.management.base import VaultCommand, current_time, member_named, operator, tenant_named
from governance.web.invitations import whole_link


class Command(VaultCommand):
    help = "List members, give a role (an account that is not there yet is made), or take one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=["list", "add", "remove"])
        parser.add_argument("--user", default="", help="user name; leave it out to make a service account")
        parser.add_argument("--role", default="", help=", ".join(Role.values))
        parser.add_argument("--email", default="", help="for add: the address of a new person")
        parser.add_argument("--base-url", default="", help="for add: where people reach the console, for the link")

    def act(self, options: dict[str, Any]) -> None:
        getattr(self, f"_{options['what']}")(options)

    def _list(self, options: dict[str, Any]) -> None:
        rows = Membership.objects.filter(tenant=tenant_named(options["tenant"]), ended_at=None).select_related("user")
        members = [
            {"user": row.user.username, "role": row.role, "kind": row.user.kind, "active": row.user.is_active}
            for row in rows.order_by("user__username", "role")
        ]
        lines = [f"{m['user']:<32}{m['role']:<20}{'' if m['active'] else 'disabled'}".rstrip() for m in members]
        self.show(options, {"members": members}, "\n".join(lines) or "no members")

    def _add(self, options: dict[str, Any]) -> None:
        tenant, role = tenant_named(options["tenant"]), options["role"]
        if role not in Role.values:
            raise CommandError(f"Name a role with --role; there are: {', '.join(Role.values)}.")
        user, link = User.objects.filter(username=options["user"]).first(), ""
        if user is None and not options["user"] and role in {Role.PRODUCER, Role.WORKER}:
            user = create_service(tenant=tenant, role=role)
        elif user is None:
            user = create_person(username=options["user"], email=options["email"])
            link = whole_link(user, options["base_url"])
        add_member(tenant=tenant, user=user, role=role, actor=operator())
        told = f"{user.username} is {role} of {tenant.slug}." + (f" One-time link: {link}" if link else "")
        self.show(options, {"user": user.username, "role": role, "link": link}, told)

    def _remove(self, options: dict[str, Any]) -> None:
        tenant, user = tenant_named(options["tenant"]), member_named(options["user"])
        if not end_membership(tenant=tenant, user=user, role=options["role"], now=current_time(), actor=operator()):
            raise CommandError(f"{user.username} does not hold the role {options['role'] or '(name it with --role)'}.")
        self.show(options, {"user": user.username, "removed": options["role"]}, f"{user.username} lost {options['role']}.")
