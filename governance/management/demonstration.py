"""The demo tenant of an embedded installation: people with generated passwords and TOTP secrets, and sample chats.

The secrets lie in `keys/demo.json` of the state folder (mode 0600) and nowhere else in clear.
"""

import json
import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.auth.hashers import check_password

from governance.conf.settings import vault_settings
from governance.custody.founding import found_tenant
from governance.identity.members import add_member, create_person
from governance.identity.models import Tenant, User
from governance.identity.roles import Role
from governance.identity.scoping import tenant_scope
from governance.identity.tokens import mint
from governance.ingest.importing import import_file
from governance.management.base import current_time, operator
from governance.vault.models import Conversation

SLUG = "demo"
SAMPLES = Path(__file__).resolve().parent / "samples"
PEOPLE = {
    "analyst": Role.ANALYST,
    "privacy_officer": Role.PRIVACY_OFFICER,
    "security_officer": Role.SECURITY_OFFICER,
    "second_officer": Role.SECURITY_OFFICER,
    "auditor": Role.AUDITOR,
}
STEP_SECONDS = 30


def _file() -> Path:
    return vault_settings().home / "keys" / "demo.json"


def _write(people: dict[str, Any]) -> None:
    path = _file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(people, file)
    fresh.replace(path)


def known() -> dict[str, Any]:
    """Return the demo people and the producer's token; empty before the seed."""
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found if isinstance(found, dict) else {}


def seed() -> int:
    """Make what is missing of tenant, people and samples; return how many conversations there are."""
    tenant = Tenant.objects.filter(slug=SLUG).first()
    if tenant is None:
        tenant = found_tenant(slug=SLUG, name="Demo", now=current_time(), actor=operator())
    people = known()
    for name, role in PEOPLE.items():
        people[name] = _person(tenant, name, role, people.get(name))
        _write(people)
    if "token" not in people:
        people["token"] = _producer_token(tenant)
        _write(people)
    return _samples(tenant)


def _person(tenant: Tenant, name: str, role: Role, earlier: dict[str, str] | None) -> dict[str, str]:
    """Return the person's secrets. One who has changed the password keeps it, and is no longer shown."""
    user = User.objects.filter(username=name).first()
    if user is not None and earlier is not None:
        return earlier
    person = {"password": secrets.token_urlsafe(12), "totp": generate_totp_secret()}
    if user is None:
        user = create_person(username=name, password=person["password"])
    else:
        user.set_password(person["password"])
        user.save(update_fields=["password"])
        Authenticator.objects.filter(user=user).delete()
    TOTP.activate(user, person["totp"])
    add_member(tenant=tenant, user=user, role=role, actor=operator())
    return person


def _producer_token(tenant: Tenant) -> str:
    producer = User.objects.get(memberships__tenant=tenant, memberships__role=Role.PRODUCER)
    life = timedelta(days=90)
    return mint(tenant=tenant, user=producer, name="demo", now=current_time(), life=life, scopes=["append"]).plain


def _samples(tenant: Tenant) -> int:
    from governance.identity.members import service_principal

    actor = service_principal(tenant=tenant.id, role=Role.PRODUCER, purpose="")
    for path in sorted(SAMPLES.glob("*.jsonl")):
        import_file(path=path, collection=path.stem, format="batch", actor=actor, clock=current_time)
    with tenant_scope(tenant.id):
        return Conversation.objects.count()


def shown() -> dict[str, dict[str, str]]:
    """Return the people who still have the generated password, with it and their TOTP secret."""
    found = {}
    for name, person in known().items():
        user = User.objects.filter(username=name).first()
        if isinstance(person, dict) and user is not None and check_password(person["password"], user.password):
            found[name] = person
    return found


def code_of(name: str) -> str:
    """Return the current one-time code of a demo person. Raises KeyError for somebody else."""
    counter = int(current_time().timestamp()) // STEP_SECONDS
    return str(format_hotp_value(hotp_value(known()[name]["totp"], counter)))
