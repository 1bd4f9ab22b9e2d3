"""`manage.py setup --slug S --name N --officer USERNAME`: the first tenant and its security officer."""

from argparse import ArgumentParser
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.core.management.base import CommandError
from django.urls import reverse

from governance.custody.founding import found_tenant
from governance.identity.members import add_member
from governance.identity.models import Tenant, User
from governance.identity.roles import Role
from governance.management.base import VaultCommand, current_time, operator


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
        officer = User(username=options["officer"], is_staff=True)
        officer.set_unusable_password()
        officer.save()
        add_member(tenant=tenant, user=officer, role=Role.SECURITY_OFFICER, actor=operator())
        link = options["base_url"].rstrip("/") + one_time_link(officer)
        self.show(options, {"tenant": tenant.slug, "link": link}, f"Tenant {tenant.slug} is ready. One-time link: {link}")


def one_time_link(user: User) -> str:
    """Return the path where `user` chooses a password; it works once."""
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    uid, _, token = key.partition("-")
    return reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})
