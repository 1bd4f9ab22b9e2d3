"""`manage.py setup --slug S --name N --officer USERNAME`: the first tenant and its security officer."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from governance.custody.founding import found_tenant
from governance.identity.members import add_member, create_person
from governance.identity.models import Tenant, User
from governance.identity.roles import Role
from governance.management.base import VaultCommand, current_time, operator
from governance.web.invitations import whole_link


class Command(VaultCommand):
    help = "Make a tenant and its first security officer, who gets a one-time link to choose a password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--slug", required=True)
        parser.add_argument("--name", required=True)
        parser.add_argument("--officer", required=True, help="user name of the first security officer")
        parser.add_argument("--base-url", default="", help="where people reach the console, for the link")

    def act(self, options: dict[str, Any]) -> None:
        if Tenant.objects.filter(slug=options["slug"]).exists():
            raise CommandError(f"The tenant {options['slug']} exists. Further people: manage.py members add.")
        if User.objects.filter(username=options["officer"]).exists():
            raise CommandError(f"The account {options['officer']} exists; choose another user name.")
        tenant = found_tenant(slug=options["slug"], name=options["name"], now=current_time(), actor=operator())
        officer = create_person(username=options["officer"])
        add_member(tenant=tenant, user=officer, role=Role.SECURITY_OFFICER, actor=operator())
        link = whole_link(officer, options["base_url"])
        told = f"One-time link: {link}" if link else "The first session comes by: manage.py accounts break-glass."
        self.show(options, {"tenant": tenant.slug, "link": link}, f"Tenant {tenant.slug} is ready. {told}")
